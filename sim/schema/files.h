#pragma once

// Files as the loader wants them: plain, of sensible size, UTF-8 text.

#include <cstddef>
#include <string>
#include <string_view>

#include "sim/schema/problems.h"

namespace gridlock {

/// Far more than any scenario by hand or by program, and far less than memory.
inline constexpr std::size_t kLargestFile = 4U << 20U;

/// Reads a whole file. When it is missing, not a plain file, unreadable, too large, binary or not
/// UTF-8, adds a problem and returns false: at `blame`, where the file is named, or in the file
/// itself. `largest` is in bytes.
bool ReadFile(const std::string& file, const Position& blame, std::string& text,
              ProblemList& problems, std::size_t largest = kLargestFile);

/// The same checks on the contents: size, binary, UTF-8. A byte order mark at the start is removed.
bool CheckEncoding(const std::string& file, std::string_view& text, ProblemList& problems,
                   std::size_t largest = kLargestFile);

/// True when `text` is well-formed UTF-8 without control characters: one line for people.
bool IsPlainUtf8(std::string_view text);

}  // namespace gridlock
