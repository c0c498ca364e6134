#pragma once

// The scheduling policies by name, for options of programs.

#include <string>
#include <vector>

namespace gridlock {

/// "FIFO" and so on, the default one first.
std::vector<std::string> SchedulerPolicyNames();

}  // namespace gridlock
