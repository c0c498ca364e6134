#pragma once

#include <string>
#include <utility>
#include <vector>

namespace gridlock {

/// The fields of a canonical textproto by their paths, in its order: {"site.fabric.clos.tiers",
/// "2"}. A name that stands more than once in its message has a number: job[1].
std::vector<std::pair<std::string, std::string>> FieldsOfText(const std::string& text);

/// The value of the first field whose path ends in `end`: ".layout.pipeline"; "" when none does.
std::string FieldEndingIn(const std::vector<std::pair<std::string, std::string>>& fields,
                          const std::string& end);

/// The same as a number; `otherwise` when there is none.
double NumberEndingIn(const std::vector<std::pair<std::string, std::string>>& fields,
                      const std::string& end, double otherwise);

}  // namespace gridlock
