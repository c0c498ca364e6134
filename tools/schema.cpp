#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/describe/schema_text.h"

#include "tools/command.h"
#include "tools/screen.h"

namespace gridlock {

namespace {

struct SchemaOptions {
  std::string message;
  std::string format = "text";
};

int Schema(const SchemaOptions& options) {
  try {
    fmt::print(
        "{}", options.format == "json" ? SchemaJson(options.message) : SchemaText(options.message));
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
      "schema", "Print every field of scenarios and catalogue entries with its meaning");
  command->add_option("MESSAGE", options->message, "Only this message or choice, e.g. Clos");
  command->add_option("--format", options->format, "What is printed")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  gridlock schema\n"
      "  gridlock schema Clos\n"
      "  gridlock schema Pretraining --format json");
  command->callback([options, &code] {
    code = Schema(*options);
  });
}

}  // namespace gridlock
