#pragma once

// Links and switches that fail within a step, a collective or a list of messages, as the command
// line writes them.

#include <string>
#include <vector>

#include "sim/base/units.h"

namespace CLI {
class App;
}  // namespace CLI

namespace gridlock {

struct ScenarioOptions;

/// --fail and --failover.
void AddFailureOptions(CLI::App& command, ScenarioOptions& options);

/// What --failover says. Throws UserError.
Seconds FailoverOf(const std::string& text);

/// "plane1@3ms", "spine[0]@1ms:2ms" ... as changes of site[0].failed, behind the text of a
/// scenario. What fails at the same time stands in one change. "" for none. Throws UserError.
std::string FailuresText(const std::vector<std::string>& fails);

}  // namespace gridlock
