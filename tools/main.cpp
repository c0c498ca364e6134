#include <algorithm>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tools/command.h"
#include "tools/command_line.h"
#include "tools/version.h"

namespace {

std::string Join(int argc, char** argv) {
  std::string line;
  for (int i = 0; i < argc; ++i) {
    line += (i == 0 ? "" : " ") + std::string(argv[i]);
  }
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"gridlock: a discrete-event simulator of AI superclusters", "gridlock"};
  app.set_version_flag("--version", gridlock::kVersion);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  gridlock run examples/01-two-servers/scenario.textproto\n"
      "  gridlock cap examples/02-llama-405b-16k/scenario.textproto --link scale_up --values "
      "900,400GBps\n"
      "  gridlock catalog show h100_sxm\n"
      "  gridlock schema Clos\n"
      "gridlock COMMAND --help has examples of each command. Programs: see AGENTS.md.\n"
      "Exit codes: 0 done, 1 the simulation failed, 2 wrong input, 3 results could not be "
      "written.");
  int code = gridlock::kSuccess;
  const std::string command_line = Join(argc, argv);
  gridlock::AddRunCommand(app, command_line, code);
  gridlock::AddCapCommand(app, command_line, code);
  gridlock::AddTopoCommand(app, code);
  gridlock::AddSchemaCommand(app, code);
  gridlock::AddCatalogCommand(app, code);
  gridlock::AddGenerateCommand(app, code);
  gridlock::AddValidateCommand(app, code);
  std::vector<std::string> words = gridlock::WithoutHelpCommand({argv + 1, argv + argc});
  const std::string unknown = gridlock::UnknownWord(app, words);
  if (!unknown.empty()) {
    std::fprintf(stderr, "%s\n", unknown.c_str());
    return gridlock::kBadInput;
  }
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);
    app.exit(error);
    return asked ? gridlock::kSuccess : gridlock::kBadInput;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gridlock: %s\n", error.what());
    return gridlock::kFailed;
  }
  return code;
}
