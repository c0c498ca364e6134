#include <chrono>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/record/trace.h"
#include "sim/report/summary.h"
#include "sim/study/worker.h"

#include "tools/command.h"

namespace gridlock {

namespace {

int Run(const ScenarioOptions& options, const std::string& command_line) {
  return WithScenario(options, [&](Scenario& scenario) {
    CheckOneStep(scenario);
    const Fidelity fidelity = *FidelityByName(options.fidelity);
    CheckScenario(scenario, fidelity);
    const std::string folder = OutputFolder(options, "out/" + scenario.name);
    const TraceHeader header = HeaderOf(scenario, command_line);

    ProgressLine progress;
    const std::string what =
        fmt::format("simulating {} accelerators", scenario.training().layout.accelerators());
    WorkerOptions worker;
    worker.progress = [&](std::size_t /*done*/, double fraction) {
      progress.Show(what, fraction);
    };
    const Job job = [&](const Progress& report) {
      return EvaluateStep(scenario, fidelity, report);
    };
    const auto begin = std::chrono::steady_clock::now();
    const JobResult result = RunJobs({job}, worker).front();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    progress.Clear();
    if (!result.ok) {
      fmt::print(stderr, "gridlock: {}\n", result.problem);
      return kFailed;
    }
    TraceWriter trace(folder + "/trace.h5", header, {}, 1);
    trace.Append(result.record);
    trace.Finish();
    const std::string json = SummaryJson(header, result.record);
    WriteFileAtomically(folder + "/summary.json", json);
    fmt::print("{}", options.format == "json" ? json : SummaryText(header, result.record));
    if (options.format == "text") {
      PrintWritten(folder, took.count());
    }
    return kSuccess;
  });
}

}  // namespace

void AddRunCommand(CLI::App& app, const std::string& command_line, int& code) {
  auto options = std::make_shared<ScenarioOptions>();
  CLI::App* command = app.add_subcommand("run", "Simulate one training step of a scenario");
  AddScenarioOptions(*command, *options, "out/SCENARIO-NAME");
  command->footer(
      "Examples:\n"
      "  gridlock run examples/01-two-servers/scenario.textproto\n"
      "  gridlock run examples/02-llama-405b-16k/scenario.textproto --fidelity full -o /tmp/full\n"
      "  gridlock run examples/02-llama-405b-16k/scenario.textproto \\\n"
      "      --set 'site[0].override.nic_bandwidth=200 Gbps' --format json");
  command->callback([options, command_line, &code] {
    code = Run(*options, command_line);
  });
}

}  // namespace gridlock
