#pragma once

// What a scenario will cost, counted before it starts. A scenario that would make more requests,
// failures, checkpoints, intervals, experiments or passes than a machine can simulate is refused,
// with the count and what would fit.

#include "sim/scenario/life.h"

namespace gridlock {

/// Checks a scenario whose fields are all right one by one.
void CheckCosts(const ScenarioMessage& from, const Scenario& scenario, ProblemList& problems);

}  // namespace gridlock
