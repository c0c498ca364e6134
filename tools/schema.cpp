#include "sim/schema/schema.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "tools/command.h"

namespace gridlock {

void AddSchemaCommand(CLI::App& app, int& code) {
  CLI::App* command = app.add_subcommand(
      "schema", "Print every field of scenarios and catalogue entries with its meaning");
  command->callback([&code] {
    fmt::print("{}", SchemaDocumentation());
    code = kSuccess;
  });
}

}  // namespace gridlock
