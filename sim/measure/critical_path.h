#pragma once

#include <array>

#include "sim/measure/step_log.h"

namespace gridlock {

/// Seconds of the step that each cause set the pace of, walking the critical path backwards from
/// the agent that ended last: through an agent's own work, from a wait to the message or collective
/// that ended it, and on to whoever posted it. The parts sum to the step time.
std::array<double, kCauses> CriticalPath(const StepLog& log);

}  // namespace gridlock
