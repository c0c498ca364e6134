#pragma once

// What a shell script that starts a training job comes to where nobody calls it with arguments:
// which branches are taken, and what its variables hold.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gridlock {

using ShellVariables = std::map<std::string, std::string>;

/// A text whose variables are filled in: $X, ${X}, ${X:-8}, ${X:-"v"} and $((2 * X)).
struct FilledText {
  std::string text;
  std::vector<std::string> unset;  ///< variables that the script does not set
  bool known = true;               ///< false: there is something else in it, such as $(nproc)
};

/// @param keeps_unset a variable that is not set stays as it is written; else it is empty
FilledText FillShell(std::string_view text, const ShellVariables& variables, bool keeps_unset);

/// The script with blanks for all that is not run: branches of `if` and `case` that are not taken,
/// loops that do not begin, conditions. Places stay where they are. Files are there, and what else
/// cannot be told counts as true. Adds a note for each choice that hangs on one of these or on a
/// variable that the script does not set.
std::string TakenBranches(std::string_view text, std::vector<std::string>& notes);

}  // namespace gridlock
