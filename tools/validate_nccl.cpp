#include "tools/validate_nccl.h"

#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/study/evaluate.h"
#include "sim/validation/nccl_tests.h"

namespace gridlock {

namespace {

// Where the ranks of the output run: as many on each server as on each of its hosts, unless the
// site has fewer servers than there were hosts (a rack of many hosts is one server).
struct Ranks {
  int all = 0, per_server = 0;  ///< 0: all of the site, and of each server
};

Ranks RanksOn(const SiteSpec& site, const NcclOutput& output) {
  Ranks ranks{output.ranks, 0};
  if (output.ranks == 0 || output.hosts == 0) {
    return ranks;
  }
  const int per_host = output.ranks / output.hosts;
  if (output.even && per_host < site.server.accelerators && output.hosts <= site.servers) {
    ranks.per_server = per_host;
  }
  return ranks;
}

std::vector<Assignment> FieldsOf(const NcclTestsOptions& options, const NcclOutput& output,
                                 const Ranks& ranks) {
  std::vector<Assignment> fields;
  const auto add = [&](const std::string& place, const char* path, const std::string& value) {
    fields.push_back(AssignmentFrom(place, path, value));
  };
  std::string sizes;
  for (const double size : SizesOf(output)) {
    sizes += fmt::format("{}\"{:.0f} B\"", sizes.empty() ? "" : ", ", size);
  }
  add(options.op.empty() ? output.file : "--op " + Quoted(options.op), "collective", output.op);
  add(output.file, "size", "[" + sizes + "]");
  add("--algorithm " + Quoted(options.algorithm), "algorithm", options.algorithm);
  if (ranks.all > 0) {
    add(output.file, "ranks", std::to_string(ranks.all));
  }
  if (ranks.per_server > 0) {
    add(output.file, "ranks_per_server", std::to_string(ranks.per_server));
  }
  return fields;
}

int Simulate(const NcclTestsOptions& options, const NcclOutput& output, const Scenario& scenario) {
  const Fidelity fidelity = Fidelity::kFolded;
  CheckScenario(scenario, fidelity);
  const auto simulated =
      SimulateOne(scenario, fidelity, "simulating collectives", options.scenario.quiet);
  if (!simulated) {
    return kFailed;
  }
  const NcclReport report = CompareNccl(output, options.in_place, simulated->record.tested);
  const std::string& format = options.scenario.format;
  const std::string text = format == "json"  ? MeasuredJson(report.measured)
                           : format == "csv" ? MeasuredCsv(report.measured)
                                             : NcclText(report);
  if (options.out.empty()) {
    fmt::print("{}", text);
  } else {
    WriteFileAtomically(options.out, text);
  }
  return kSuccess;
}

}  // namespace

void AddNcclTestsOptions(CLI::App& command, NcclTestsOptions& options) {
  options.scenario.command = "validate";
  command
      .add_option("--nccl-tests", options.file,
                  "What all_reduce_perf and the like printed: simulate its sizes on --scenario and "
                  "compare")
      ->type_name("FILE");
  command
      .add_option("--op", options.op,
                  "With --nccl-tests: all_reduce ... (default: what the output or its name says)")
      ->type_name("NAME");
  command
      .add_option("--algorithm", options.algorithm,
                  "With --nccl-tests: ring, tree ... (default: what a library takes)")
      ->type_name("NAME");
  command.add_flag("--in-place", options.in_place,
                   "With --nccl-tests: compare with the in-place times");
  AddOverrides(command, options.scenario);
}

int RunNcclTests(const NcclTestsOptions& options) {
  if (options.scenario.file.empty()) {
    throw UserError("",
                    "gridlock validate: --nccl-tests needs --scenario FILE: the machine that is "
                    "compared");
  }
  const NcclOutput output = LoadNcclOutput(options.file, options.op);
  if (SizesOf(output).empty()) {
    throw UserError("", options.file + ": no line of the table has a size; expected one at least");
  }
  Ranks ranks;
  const int code = WithSites(options.scenario, [&](const Scenario& scenario) {
    ranks = RanksOn(scenario.sites.front(), output);
    return static_cast<int>(kSuccess);
  });
  return code != kSuccess ? code
                          : WithCollective(options.scenario, FieldsOf(options, output, ranks),
                                           [&](const Scenario& scenario) {
                                             return Simulate(options, output, scenario);
                                           });
}

}  // namespace gridlock
