#pragma once

// Lists as the command line writes them.

#include <string>

namespace gridlock {

/// "8" (bytes), "64MiB", "1KiB,1MiB" or "1KiB:1GiB:x4" (each size the factor times the one before;
/// 2 when not given) as a list of the schema: ["1 KiB", "4 KiB", ...]. Throws UserError.
std::string SizeList(const std::string& text);

/// "0,8,16" or "0:64:8" (from 0 to 63 in steps of 8) as a list of the schema. Throws UserError,
/// which names `option`.
std::string NumberList(const std::string& option, const std::string& text);

}  // namespace gridlock
