#pragma once

// Better messages than the parser's for commands and options that do not exist.

#include <string>
#include <vector>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace gridlock {

/// `gridlock help run` as `gridlock run --help`; other command lines as they are. Without the name
/// of the program.
std::vector<std::string> WithoutHelpCommand(std::vector<std::string> words);

/// What is wrong with the first command or option that the program does not have: `gridlock: there
/// is no command "rum"; did you mean "run"?`. "" when there is none.
std::string UnknownWord(const CLI::App& app, const std::vector<std::string>& words);

/// What the parser itself refuses, with the command that it was said to: `gridlock serve: --rate: 1
/// required FLOAT missing (gridlock serve --help says what it takes)`.
std::string FailureText(const CLI::App* app, const CLI::Error& error);

}  // namespace gridlock
