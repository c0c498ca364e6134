#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/describe/schema_text.h"
#include "sim/report/output_docs.h"

#include "tools/command.h"
#include "tools/commands_page.h"
#include "tools/screen.h"

namespace gridlock {

namespace {

struct SchemaOptions {
  std::string message;
  std::string format = "text";
  bool outputs = false, commands = false;
};

int Schema(const CLI::App& app, const SchemaOptions& options) {
  if (options.commands) {
    PrintText(CommandsMarkdown(app));
    return kSuccess;
  }
  if (options.outputs) {
    PrintText(options.format == "json" ? OutputsJson() : OutputsMarkdown());
    return kSuccess;
  }
  try {
    PrintText(options.format == "json" ? SchemaJson(options.message) : SchemaText(options.message));
    return kSuccess;
  } catch (const UserError& error) {
    fmt::print(stderr, "gridlock schema: {}\n", error.what());
    return kBadInput;
  }
}

}  // namespace

void AddSchemaCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<SchemaOptions>();
  CLI::App* command = app.add_subcommand(
      "schema",
      "Print every field of scenarios and catalogue entries, or of outputs, with its meaning");
  CLI::Option* const message =
      command->add_option("MESSAGE", options->message, "Only this message or choice, e.g. Clos");
  CLI::Option* const outputs =
      command
          ->add_flag("--outputs", options->outputs,
                     "What stands in trace.h5 and summary.json instead, as Markdown or JSON")
          ->excludes(message);
  command
      ->add_flag("--commands", options->commands,
                 "Every command with its options instead, as Markdown")
      ->excludes(message, outputs);
  command->add_option("--format", options->format, "What is printed")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  gridlock schema\n"
      "  gridlock schema Clos\n"
      "  gridlock schema Pretraining --format json\n"
      "  gridlock schema --outputs\n"
      "  gridlock schema --commands");
  command->callback([&app, options, &code] {
    code = Schema(app, *options);
  });
}

}  // namespace gridlock
