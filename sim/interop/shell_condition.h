#pragma once

// Words and conditions of a shell script.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/interop/shell_text.h"

namespace gridlock {

bool IsShellBlank(char c);

/// Without blanks and ends of lines around it.
std::string_view Bare(std::string_view text);

/// Behind the quotes that open at `at`.
std::size_t BehindQuotes(std::string_view text, std::size_t at);

/// Words of a condition. What stood in quotes has none.
std::vector<std::string> WordsOf(std::string_view text);

/// true, false, or nothing: it cannot be told.
using Truth = std::optional<bool>;

/// Tests in brackets, joined by && and ||.
struct Condition {
  Truth value;
  std::vector<std::string> unset;  ///< variables that it asks for and the script does not set
  bool of_files = false;           ///< it asks for files, which count as there
};

Condition ConditionOf(std::string_view text, const ShellVariables& variables);

}  // namespace gridlock
