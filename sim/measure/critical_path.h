#pragma once

#include <vector>

#include "sim/measure/step_log.h"

namespace gridlock {

/// Seconds of the step by the cause that set their pace, indexed by Cause::Position; they sum to
/// the step time. The walk follows the critical path backwards from the agent that ended last:
/// through the agent's own work, from a wait to the message or collective that ended the wait, and
/// on to the agent that posted that.
std::vector<double> CriticalPath(const StepLog& log, const TierTable& tiers);

/// The part of that path that lies between two times of the simulated step.
std::vector<double> CriticalPathWithin(const StepLog& log, const TierTable& tiers, double begin,
                                       double end);

}  // namespace gridlock
