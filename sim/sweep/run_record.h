#pragma once

// A scenario of any kind simulated to its end: what `gridlock run` does, as a value.

#include <variant>

#include "sim/record/life_record.h"
#include "sim/record/step_record.h"
#include "sim/scenario/scenario.h"
#include "sim/study/evaluate.h"

namespace gridlock {

/// A step or a test of a collective (StepRecord), or a life.
using RunRecord = std::variant<StepRecord, LifeRecord>;

/// Simulates the scenario; a life has its own oracle. Once per process, as SimGrid has one clock.
/// Throws UserError for a scenario that cannot be simulated.
RunRecord Simulate(const Scenario& scenario, Fidelity fidelity, const Progress& progress);

}  // namespace gridlock
