#include "sim/describe/generate.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/process/interrupt.h"

#include "tools/command.h"
#include "tools/progress.h"
#include "tools/screen.h"

namespace gridlock {

namespace {

struct GenerateOptions {
  ScenarioOptions scenario;
  std::string text;
  bool requests = true;
};

int Generate(const GenerateOptions& options) {
  return WithScenario(options.scenario, [&](Scenario& scenario) -> int {
    if (options.scenario.out.ends_with(".textproto")) {
      throw UserError("", fmt::format("-o {0}: this file is binary; expected a name such as "
                                      "jobs.pb, and --text {0} for the same as text",
                                      options.scenario.out));
    }
    // A part is worth nothing before its last line.
    std::vector<std::string> parts = {options.scenario.out + ".part"};
    if (!options.text.empty()) {
      parts.push_back(options.text + ".part");
    }
    const OnInterrupt interrupt("", parts);
    ProgressLine progress(options.scenario.quiet);
    const Generated generated =
        GenerateWorkload(scenario, {options.scenario.out, options.text, options.requests},
                         [&](const std::string& fleet, double fraction) {
                           progress.Show("requests of " + fleet, fraction);
                         });
    progress.Clear();
    PrintText(options.scenario.format == "json" ? GeneratedJson(generated)
                                                : GeneratedText(generated));
    return kSuccess;
  });
}

}  // namespace

void AddGenerateCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<GenerateOptions>();
  options->scenario.command = "generate";
  CLI::App* command = app.add_subcommand(
      "generate", "Write the experiments and requests of a scenario to a workload file");
  command->add_option("SCENARIO", options->scenario.file, "Scenario file (textproto)")->required();
  AddOverrides(*command, options->scenario);
  command->add_option("-o,--output", options->scenario.out, "Workload file to write, binary")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--text", options->text,
                   "Also write it as text, to read and to edit (large: some 150 bytes per "
                   "request; at most 64 MiB can be read again)")
      ->type_name("FILE");
  AddQuietOption(*command, options->scenario.quiet);
  command->add_flag("!--no-requests", options->requests, "Leave the requests of fleets out");
  command->add_option("--format", options->scenario.format, "What is printed about the file")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  gridlock generate SCENARIO -o jobs.pb\n"
      "  gridlock generate SCENARIO -o jobs.pb --text jobs.textproto --no-requests\n"
      "A scenario with workload: \"jobs.pb\" then takes them from the file.");
  command->callback([options, &code] {
    code = Generate(*options);
  });
}

}  // namespace gridlock
