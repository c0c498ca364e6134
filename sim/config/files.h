#pragma once

// Files as the loader wants them: plain, of sensible size, UTF-8 text.

#include <string>
#include <string_view>

#include "sim/config/problems.h"

namespace gridlock {

/// Reads a whole file. When it is missing, not a plain file, unreadable, too large, binary or not
/// UTF-8, adds a problem and returns false: at `blame`, where the file is named, or in the file
/// itself.
bool ReadFile(const std::string& file, const Position& blame, std::string& text,
              ProblemList& problems);

/// The same checks on the contents: size, binary, UTF-8. A byte order mark at the start is removed.
bool CheckEncoding(const std::string& file, std::string_view& text, ProblemList& problems);

/// True when `text` is well-formed UTF-8 without control characters: one line for people.
bool IsPlainUtf8(std::string_view text);

}  // namespace gridlock
