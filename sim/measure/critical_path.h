#pragma once

#include <vector>

#include "sim/measure/step_log.h"

namespace gridlock {

/// Seconds of the step that each cause set the pace of, walking the critical path backwards from
/// the agent that ended last: through an agent's own work, from a wait to the message or collective
/// that ended it, and on to whoever posted it. By Cause::Position; the parts sum to the step time.
std::vector<double> CriticalPath(const StepLog& log, const TierTable& tiers);

/// The part of that path that lies between two times of the simulated step.
std::vector<double> CriticalPathWithin(const StepLog& log, const TierTable& tiers, double begin,
                                       double end);

}  // namespace gridlock
