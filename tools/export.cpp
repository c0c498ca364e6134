#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/layouts/export_flags.h"

#include "tools/command.h"
#include "tools/screen.h"

namespace gridlock {

namespace {

struct ExportOptions {
  ScenarioOptions scenario;
  std::string to;
};

int Export(const ExportOptions& options) {
  return WithScenario(options.scenario, [&](Scenario& scenario) -> int {
    if (scenario.jobs.empty() || !std::holds_alternative<PretrainingSpec>(scenario.jobs[0].kind)) {
      throw UserError("job[0]",
                      "only a training job has a layout to write; expected job { pretraining { ... "
                      "} } first");
    }
    const std::string text = ExportText(scenario.training(), options.to);
    if (options.scenario.out.empty()) {
      PrintText(text);
    } else {
      WriteFileAtomically(options.scenario.out, text);
    }
    return kSuccess;
  });
}

}  // namespace

void AddExportCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<ExportOptions>();
  options->scenario.command = "export";
  CLI::App* command = app.add_subcommand(
      "export", "Write the layout of a training job as the flags of a framework");
  command->add_option("SCENARIO", options->scenario.file, "Scenario file (textproto)")->required();
  AddOverrides(*command, options->scenario);
  command
      ->add_option("--to", options->to,
                   fmt::format("Framework: {}", fmt::join(ExportTargets(), ", ")))
      ->required();
  command->add_option("-o,--output", options->scenario.out, "File to write (default: the screen)")
      ->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  gridlock export examples/02-llama-405b-16k/scenario.textproto --to megatron\n"
      "  gridlock export out/plan/1.textproto --to torchtitan -o layout.toml\n"
      "What the framework has no name for stands in a comment.");
  command->callback([options, &code] {
    code = Export(*options);
  });
}

}  // namespace gridlock
