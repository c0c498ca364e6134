#include "tools/commands_page.h"

#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace gridlock {

namespace {

constexpr const char* kHead =
    R"(# Commands

Every command of the program with its options, as `gridlock COMMAND --help` prints them. This page
is made by `gridlock schema --commands`. [The tutorial](tutorial.md) goes through the commands one
by one; what they write stands in [outputs](outputs.md).

)";

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* /*each*/) {
    return true;
  });
}

/// "gridlock-catalog-show", as hosts make it of a heading.
std::string Anchor(std::string heading) {
  for (char& c : heading) {
    c = c == ' ' ? '-' : c;
  }
  return heading;
}

/// The help of `command`, which is called `of` and its name, and of the commands below it.
void AddHelp(const CLI::App& command, const std::string& of, const std::string& hashes,
             std::string& out) {
  const std::string name = of + " " + command.get_name();
  std::string help = command.help(of);
  help.erase(help.find_last_not_of('\n') + 1);
  help.erase(0, help.find_first_not_of('\n'));
  out += fmt::format("\n{} {}\n\n```text\n{}\n```\n", hashes, name, help);
  for (const CLI::App* each : CommandsOf(command)) {
    AddHelp(*each, name, hashes + "#", out);
  }
}

}  // namespace

std::string CommandsMarkdown(const CLI::App& app) {
  std::string out = kHead;
  out += "| command | what it does |\n|---|---|\n";
  for (const CLI::App* each : CommandsOf(app)) {
    const std::string name = app.get_name() + " " + each->get_name();
    out += fmt::format("| [{}](#{}) | {} |\n", name, Anchor(name), each->get_description());
  }
  for (const CLI::App* each : CommandsOf(app)) {
    AddHelp(*each, app.get_name(), "##", out);
  }
  return out;
}

}  // namespace gridlock
