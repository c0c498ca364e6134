#pragma once

#include <string>

namespace gridlock {

/// Prints a text on standard output. On a terminal that is narrower than the text, lines are broken
/// between words; files and pipes get them as they are.
void PrintText(const std::string& text);

}  // namespace gridlock
