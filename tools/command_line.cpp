#include "tools/command_line.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "sim/base/check.h"

namespace gridlock {

namespace {

/// "gridlock catalog": the command as it is called.
std::string CallOf(const CLI::App& app) {
  const CLI::App* const parent = app.get_parent();
  return parent == nullptr ? "gridlock" : CallOf(*parent) + " " + app.get_name();
}

std::vector<std::string> CommandsOf(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) {
         return true;
       })) {
    if (!command->get_name().empty()) {  // groups of options have no name
      names.push_back(command->get_name());
    }
  }
  return names;
}

/// Whether a word behind the command may be something other than a command of its own.
bool TakesWords(const CLI::App& app) {
  const std::vector<const CLI::Option*> options = app.get_options();
  return std::any_of(options.begin(), options.end(), [](const CLI::Option* option) {
    return option->get_positional();
  });
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The options with their dashes, "--set", each once: groups have a --help of their own.
std::vector<std::string> OptionsOf(const CLI::App& app) {
  std::vector<std::string> names;
  const auto add = [&](const CLI::App& group) {
    for (const CLI::Option* option : group.get_options()) {
      for (const std::string& name : option->get_lnames()) {
        if (!Contains(names, "--" + name)) {
          names.push_back("--" + name);
        }
      }
    }
  };
  add(app);
  for (const CLI::App* group : app.get_subcommands([](const CLI::App* each) {
         return each->get_name().empty();
       })) {
    add(*group);
  }
  return names;
}

std::string Unknown(const CLI::App& app, const std::string& what, const std::string& word,
                    const std::vector<std::string>& names) {
  const std::string nearest = NearestName(word, names);
  std::string all;
  for (const std::string& name : names) {
    all += (all.empty() ? "" : ", ") + name;
  }
  return CallOf(app) + ": there is no " + what + " " + Quoted(word) + "; " +
         (nearest.empty() ? "expected one of " + all : "did you mean " + Quoted(nearest) + "?");
}

}  // namespace

std::vector<std::string> WithoutHelpCommand(std::vector<std::string> words) {
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  return words;
}

std::string FailureText(const CLI::App* app, const CLI::Error& error) {
  for (std::vector<CLI::App*> parsed = app->get_subcommands(); !parsed.empty();
       parsed = app->get_subcommands()) {
    app = parsed.back();
  }
  return CallOf(*app) + ": " + error.what() + " (" + CallOf(*app) + " --help says what it takes)\n";
}

std::string UnknownWord(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* command = &app;
  for (const std::string& word : words) {
    if (word == "--") {
      return "";
    }
    if (word.starts_with("--")) {
      const std::string option = word.substr(0, word.find('='));
      const std::vector<std::string> options = OptionsOf(*command);
      if (!Contains(options, option)) {
        return Unknown(*command, "option", option, options);
      }
      continue;
    }
    const std::vector<std::string> commands = CommandsOf(*command);
    if (commands.empty() || word.starts_with("-")) {
      continue;  // a file, the value of an option
    }
    if (!Contains(commands, word) && TakesWords(*command)) {
      continue;
    }
    if (!Contains(commands, word)) {
      return Unknown(*command, "command", word, commands);
    }
    command = command->get_subcommand(word);
  }
  return "";
}

}  // namespace gridlock
