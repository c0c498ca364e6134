#pragma once

// The loader on text in memory: for tests and for the fuzzer.

#include <string>
#include <string_view>
#include <vector>

#include "sim/scenario/scenario.h"

namespace gridlock {

/// LoadScenario for a scenario that is not in a file. `name` stands for the file in positions, and
/// includes are looked for beside it. Throws UserError as LoadScenario does.
Scenario LoadScenarioText(const std::string& name, std::string_view text,
                          const std::vector<std::string>& overrides);

}  // namespace gridlock
