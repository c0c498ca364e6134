#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/record/collective_trace.h"
#include "sim/report/collective_table.h"
#include "sim/report/summary.h"
#include "sim/study/collective_study.h"

#include "tools/command.h"
#include "tools/failure_options.h"
#include "tools/growing_trace.h"
#include "tools/screen.h"
#include "tools/seeds.h"

namespace gridlock {

namespace {

/// Writes trace.h5 and summary.json of a step or of a collective test; returns the latter.
std::string WriteRecord(const std::string& folder, const TraceHeader& header,
                        const StepRecord& record) {
  const bool is_test = !record.tested.empty();
  if (is_test) {
    WriteCollectiveTrace(folder + "/trace.h5", header, record);
  } else {
    GrowingTrace trace(folder + "/trace.h5", header, 1);
    trace.Append(record);
    trace.Finish();
  }
  const std::string json =
      is_test ? CollectiveTestJson(header, record) : SummaryJson(header, record);
  WriteFileAtomically(folder + "/summary.json", json);
  return json;
}

std::string TextOf(const TraceHeader& header, const StepRecord& record) {
  return record.tested.empty() ? SummaryText(header, record) : CollectiveTestText(header, record);
}

int Run(const ScenarioOptions& options, bool any_fidelity, int seeds,
        const std::string& command_line) {
  return WithScenario(options, [&](Scenario& scenario) -> int {
    const Fidelity asked = *FidelityByName(options.fidelity);
    const Fidelity fidelity =
        any_fidelity && !IsCollectiveTest(scenario) ? Fidelity::kAutomatic : asked;
    if (scenario.horizon > Seconds(0)) {
      if (asked != Fidelity::kFolded) {
        throw UserError("", "--fidelity is about one step; a horizon is simulated folded");
      }
      return seeds > 0 ? RunSeeds(options, scenario, seeds)
                       : RunLife(options, scenario, HeaderOf(scenario, command_line));
    }
    if (seeds > 0) {
      throw UserError("", "--seeds is about lives; expected a scenario with a horizon");
    }
    CheckScenario(scenario, fidelity);
    const std::string folder = OutputFolder(options, "out/" + scenario.name);
    const TraceHeader header = HeaderOf(scenario, command_line);

    const std::string what =
        IsCollectiveTest(scenario)
            ? "simulating collectives"
            : fmt::format("simulating {} accelerators", scenario.training().layout.accelerators());
    auto simulated = SimulateOne(scenario, fidelity, what, options.quiet);
    if (!simulated) {
      return kFailed;
    }
    if (any_fidelity && simulated->record.fidelity == FidelityName(Fidelity::kSampled)) {
      fmt::print(
          stderr,
          "gridlock: hardly any accelerators are alike here, so a sample of the replicas was "
          "simulated: an estimate; --fidelity folded simulates all of them\n");
    }
    const std::string json = WriteRecord(folder, header, simulated->record);
    PrintText(options.format == "json" ? json : TextOf(header, simulated->record));
    if (options.format == "text") {
      PrintWritten(folder, simulated->seconds);
    }
    return kSuccess;
  });
}

}  // namespace

void AddRunCommand(CLI::App& app, const std::string& command_line, int& code) {
  auto options = std::make_shared<ScenarioOptions>();
  CLI::App* command = app.add_subcommand(
      "run", "Simulate one training step, or the life of a cluster over a horizon");
  AddScenarioOptions(*command, *options, "out/SCENARIO-NAME");
  AddFailureOptions(*command, *options);
  auto seeds = std::make_shared<int>(0);
  constexpr int kMostSeeds = 100000;
  command
      ->add_option("--seeds", *seeds,
                   "Live it under so many seeds, from that of the scenario on: mean, confidence "
                   "interval and spread of the key figures, in seeds.json and seeds.csv")
      ->check(CLI::Range(1, kMostSeeds))
      ->type_name("N");
  command->footer(
      "Examples:\n"
      "  gridlock run examples/01-two-servers/scenario.textproto\n"
      "  gridlock run examples/02-llama-405b-16k/scenario.textproto --fidelity full -o /tmp/full\n"
      "  gridlock run examples/02-llama-405b-16k/scenario.textproto \\\n"
      "      --set 'site[0].override.nic_bandwidth=200 Gbps' --format json\n"
      "  gridlock run examples/01-two-servers/scenario.textproto --fail 'nic_up[3]@50ms:80ms'\n"
      "  gridlock run examples/04-a-week-of-a-fleet/scenario.textproto --set 'horizon=2 days'\n"
      "  gridlock run examples/04-a-week-of-a-fleet/scenario.textproto --seeds 20");
  command->callback([options, seeds, command, command_line, &code] {
    const bool any_fidelity = command->count("--fidelity") == 0;
    code = Run(*options, any_fidelity, *seeds, command_line);
  });
}

}  // namespace gridlock
