// gridlock replay: execution traces of ranks on any network.

#include <algorithm>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/interop/chakra_trace.h"
#include "sim/report/replay_table.h"
#include "sim/study/replay_study.h"
#include "workloads/program/algorithm.h"

#include "tools/command.h"
#include "tools/progress.h"

namespace gridlock {

namespace {

struct ReplayCommand {
  ScenarioOptions scenario;
  std::string chakra;
  std::string groups;
  std::string algorithm = "automatic";
  std::vector<int> dimensions;
  int ranks = 0;
  double compute_speed = 1;
  bool one_stream = false;
  bool recorded = false;
};

const Algorithm* AlgorithmOf(const std::string& name) {
  if (name == "automatic") {
    return nullptr;
  }
  const Algorithm* algorithm = AlgorithmByName(name);
  if (algorithm == nullptr) {
    std::vector<std::string> names{"automatic"};
    for (const Algorithm* each : Algorithms()) {
      names.emplace_back(each->name);
    }
    throw UserError("", fmt::format("--algorithm: there is no algorithm {}{}", Quoted(name),
                                    DidYouMean(name, names)));
  }
  return algorithm;
}

int Replay(const ReplayCommand& command, const Scenario& scenario) {
  const SiteSpec& site = scenario.sites.front();
  ReplayOptions options;
  options.one_stream = command.one_stream;
  options.recorded = command.recorded;
  options.compute_speed = command.compute_speed;
  options.algorithm = AlgorithmOf(command.algorithm);
  options.dimensions = command.dimensions;
  if (!command.groups.empty()) {
    options.groups = ReadGroupFile(command.groups);
  }
  const ChakraTraces loaded =
      LoadChakra(command.chakra, command.ranks, site.servers * site.server.accelerators);
  std::vector<const RankTrace*> traces;
  for (const auto& trace : loaded.traces) {
    traces.push_back(trace.get());
  }
  ProgressLine progress(command.scenario.quiet);
  ReplayRecord record =
      RunReplayStudy(site, traces, loaded.trace_of_rank, options, [&](double fraction) {
        progress.Show("replaying", fraction);
      });
  progress.Clear();
  record.scenario = scenario.name;
  record.machine = fmt::format("{} x {}, {}", site.servers, site.server.name, TitleOf(site.fabric));
  record.path = command.chakra;
  const std::string text =
      command.scenario.format == "json" ? ReplayJson(record) : ReplayText(record);
  if (command.scenario.out.empty()) {
    fmt::print("{}", text);
  } else {
    WriteFileAtomically(command.scenario.out, text);
  }
  return kSuccess;
}

void AddReplayOptions(CLI::App& app, ReplayCommand& command) {
  app.add_option("SCENARIO", command.scenario.file, "Scenario file; its jobs are left out")
      ->required();
  app.add_option("--chakra", command.chakra,
                 "Chakra execution traces: a folder, a pattern or a prefix of NAME.RANK.et, or one "
                 "file for all ranks")
      ->required()
      ->type_name("PATH");
  app.add_option("--ranks", command.ranks,
                 "Ranks that a single file stands for (default: all accelerators of the site)")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--groups", command.groups,
                 "Ranks of each group, as {\"1\": [0, 1], ...} (default: what the traces list)")
      ->type_name("FILE");
  app.add_option("--dims", command.dimensions,
                 "Ranks along each dimension that collectives involve, the fastest first: 8,4")
      ->delimiter(',')
      ->type_name("LIST");
  app.add_option("--algorithm", command.algorithm,
                 "ring, tree ... for the collectives that it carries; automatic: what a library "
                 "takes")
      ->capture_default_str()
      ->type_name("NAME");
  app.add_option("--compute-speed", command.compute_speed,
                 "Speed of the accelerators over that of the recorded ones (default 1)")
      ->check(CLI::Range(1e-6, 1e6));
  app.add_flag("--one-stream", command.one_stream,
               "Leave the streams out: each accelerator does one thing at a time");
  app.add_flag("--recorded", command.recorded,
               "Collectives and messages take their recorded time; no network is simulated");
}

}  // namespace

void AddReplayCommand(CLI::App& app, int& code) {
  auto command = std::make_shared<ReplayCommand>();
  CLI::App* replay =
      app.add_subcommand("replay", "Replay execution traces on the network of a scenario");
  command->scenario.command = "replay";
  AddReplayOptions(*replay, *command);
  AddOverrides(*replay, command->scenario);
  replay->add_option("--format", command->scenario.format, "What is printed")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  replay->add_option("-o,--output", command->scenario.out, "File to write (default: the screen)")
      ->type_name("FILE");
  AddQuietOption(*replay, command->scenario.quiet);
  replay->footer(
      "Examples:\n"
      "  gridlock replay examples/01-two-servers/scenario.textproto --chakra traces/\n"
      "  gridlock replay examples/01-two-servers/scenario.textproto --chakra rank0.et --ranks 8\n"
      "  gridlock replay examples/08-all-reduce/scenario.textproto --chakra 'run/llama.*.et' \\\n"
      "      --groups comm_group.json --set site.override.nic_bandwidth='\"200 Gbps\"'\n"
      "  gridlock replay examples/01-two-servers/scenario.textproto --chakra traces/ --one-stream");
  replay->callback([command, &code] {
    code = WithSites(command->scenario, [&](const Scenario& scenario) {
      return Replay(*command, scenario);
    });
  });
}

}  // namespace gridlock
