#include "tools/program.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fcntl.h>

#include "tools/command.h"
#include "tools/command_line.h"
#include "tools/commit.h"
#include "tools/screen.h"
#include "tools/version.h"

namespace gridlock {

namespace {

// A command without one of its three streams would give that number to the next file that it
// opens, and print into it.
void OpenMissingStreams() {
  for (const int stream : {0, 1, 2}) {
    if (fcntl(stream, F_GETFD) < 0) {
      (void)open("/dev/null", O_RDONLY);  // so that writing to it fails
    }
  }
}

// Prints what is still held back. The exit code: `code`, or that of a screen, file or pipe that
// could not take all of the output. `error` is the system's number of a print that failed before.
int FinishOutput(int code, int error = 0) {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) {
    return code;
  }
  error = errno != 0 ? errno : error;
  std::fprintf(stderr, "gridlock: cannot write to standard output%s%s\n", error != 0 ? ": " : "",
               error != 0 ? std::strerror(error) : "");
  return kIoFailed;
}

// Runs the command that the words name, which sets `code`, and returns the exit code; prints help
// and the version where they are asked for.
int Run(CLI::App& app, std::vector<std::string> words, const int& code) {
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    app.parse(std::move(words));
    return code;
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
    std::ostringstream answer;
    app.exit(error, answer);
    PrintText(answer.str());
    return asked ? kSuccess : kBadInput;
  }
}

}  // namespace

int RunProgram(int argc, char** argv) {
  CLI::App app{"gridlock: a discrete-event simulator of AI superclusters", "gridlock"};
  app.set_version_flag("--version", std::string(kVersion) + " (" + kCommit + ")");
  app.require_subcommand(1);
  app.failure_message(FailureText);
  app.footer(
      "Examples:\n"
      "  gridlock run examples/01-two-servers/scenario.textproto\n"
      "  gridlock cap examples/02-llama-405b-16k/scenario.textproto --link scale_up --values "
      "900,400GBps\n"
      "  gridlock catalog show h100_sxm\n"
      "  gridlock schema Clos\n"
      "gridlock COMMAND --help has examples of each command. Programs: see AGENTS.md.\n"
      "Exit codes: 0 done; 1 the simulation failed; 2 wrong input; 3 results could not be written, "
      "to a file\n"
      "or to the screen. Ctrl-C and SIGTERM end a command by that signal (a shell shows 130 and "
      "143).");
  int code = kSuccess;
  OpenMissingStreams();
  const std::string command_line = ShellLine(argc, argv);
  AddRunCommand(app, command_line, code);
  AddPlanCommand(app, code);
  AddBuildCommand(app, code);
  AddExportCommand(app, code);
  AddCapCommand(app, command_line, code);
  AddCollectiveCommand(app, command_line, code);
  AddSweepCommand(app, command_line, code);
  AddStudiesCommand(app, command_line, code);
  AddTopoCommand(app, code);
  AddFlowsCommand(app, code);
  AddSchemaCommand(app, code);
  AddCatalogCommand(app, code);
  AddReplayCommand(app, code);
  AddGenerateCommand(app, code);
  AddImportCommand(app, code);
  AddServeCommand(app, code);
  AddServePlanCommand(app, code);
  AddRolloutCommand(app, code);
  AddValidateCommand(app, code);
  AddReportCommand(app, code);
  AddExplainCommand(app, code);
  AddCompareCommand(app, code);
  AddExploreCommand(app, command_line, code);
  std::vector<std::string> words = WithoutHelpCommand({argv + 1, argv + argc});
  const std::string unknown = UnknownWord(app, words);
  if (!unknown.empty()) {
    std::fprintf(stderr, "%s\n", unknown.c_str());
    return kBadInput;
  }
  try {
    return FinishOutput(Run(app, std::move(words), code));
  } catch (const std::exception& error) {
    if (std::ferror(stdout) == 0) {
      std::fprintf(stderr, "gridlock: %s\n", error.what());
      return FinishOutput(kFailed);
    }
    // The print itself threw: fmt does, with the system's reason.
    const auto* const print = dynamic_cast<const std::system_error*>(&error);
    return FinishOutput(kFailed, print == nullptr ? 0 : print->code().value());
  }
}

}  // namespace gridlock
