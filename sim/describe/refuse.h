#pragma once

// The refusal of a name that does not exist.

#include <string>
#include <vector>

namespace gridlock {

/// Throws UserError: there is no `what` called `name`. Suggests the names that begin with it, three
/// at most and in the order of `names`, else the nearest by letters.
[[noreturn]] void RefuseUnknown(const std::string& what, const std::string& name,
                                const std::vector<std::string>& names);

}  // namespace gridlock
