#include "sim/validation/collective_cases.h"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>
#include <fnmatch.h>

#include "sim/scenario/point.h"
#include "sim/study/evaluate.h"
#include "sim/validation/collective_machine.h"
#include "sim/validation/run_rows.h"
#include "workloads/program/algorithm.h"

namespace gridlock {

namespace {

// A message from this size on is bound by links; a measurement that stays this far below what the
// model's links allow points at something that the model does not have.
constexpr double kLongMessage = 256.0 * 1024 * 1024;
constexpr double kFarBelow = 0.7;

// A row whose routing is by hash is the median over as many seeds: how flows meet is a matter of
// luck.
constexpr int kHashSeeds = 9;

// What an all-reduce takes longer when PyTorch calls it and the host times it than in a CUDA graph:
// 19 us on 8 H200 and 22 us on 8 B200, medians of 32 KiB to 16 MiB (stas00/ml-engineering,
// network, against NVIDIA aiconfigurator).
constexpr double kPythonCall = 20e-6;
// What NCCL takes of a message between servers beyond a write of RDMA, by its own model: 8.4 us of
// a call and 14 of a step over the network by its protocol Simple, which sends and receives go by
// (src/graph/tuning.cc). sendrecv_perf of 256 B to 8 KiB between two A40 takes 31 to 34 us
// (NVIDIA/nccl-tests issue 214).
constexpr double kLibraryMessage = 22.4e-6;
// Of a test that keeps many messages under way.
constexpr double kManyMessages = 1e9;

constexpr TokenCopies kTokens{.copies = 8, .domains_most = 4};

std::vector<std::string> CollectiveNames() {
  std::vector<std::string> names;
  for (int kind = 0; kind < kCollectiveKinds; ++kind) {
    names.emplace_back(CollectiveName(static_cast<CollectiveKind>(kind)));
  }
  return names;
}

const std::vector<std::string> kNeededColumns = {"id", "role", "op", "bytes", "metric", "value"};

// Whether PyTorch called the collective, on one server: between servers the transports were fitted
// to such calls.
bool CalledFromPython(const MeasuredRow& row) {
  const bool script = row.Text("source").starts_with("stas00/ml-engineering") ||
                      RowSays(row, {"torch benchmark", "all_reduce_bench"});
  return script && CountOfCell(row, "servers", 1) == 1 && row.Text("op") != "send_recv";
}

// Whether NCCL or RCCL sent the message, and not a test of verbs or of copies. Tables of nccl-tests
// are those of sendrecv_perf.
bool SentByLibrary(const MeasuredRow& row) {
  const std::string said = row.Text("source") + " " + row.Text("notes");
  const bool other =
      RowSays(row, {"not NCCL", "verbs", "ib_write_bw", "CPU to CPU", "nvbandwidth"});
  return row.Text("op") == "send_recv" && CountOfCell(row, "servers", 1) > 1 && !other &&
         (said.find("nccl") != std::string::npos || said.find("NCCL") != std::string::npos ||
          said.find("sendrecv_perf") != std::string::npos);
}

// As the schema names what the table names.
std::string NameOfAlgorithm(const MeasuredRow& row, CollectiveKind kind, bool several_servers) {
  const std::string name = row.Text("algorithm");
  if (name == "auto" || name.empty()) {
    // NCCL 2.4 of 2019 takes a tree over two servers, whatever the size.
    const bool early = RowSays(row, {"NCCL 2.4."}) && CountOfCell(row, "servers", 1) == 2;
    return early && kind == CollectiveKind::kAllReduce ? "tree" : "automatic";
  }
  if (name == "nvls") {
    return several_servers ? "in_switch_tree" : "in_switch";
  }
  if (name == "nvlstree" || name == "nvls_tree") {
    return several_servers ? "in_switch_tree" : "in_switch";
  }
  if (name == "direct") {
    if (!CarriesTokens(kind)) {
      return "automatic";
    }
    return row.Text("metric") == "time_us" ? "direct" : "forwarded";
  }
  return name;
}

std::string OverrideText(const CollectiveMachine& machine) {
  std::string text;
  if (machine.nics > 0) {
    text += fmt::format("nics: {} nic_bandwidth: \"{} Gbps\" fabric_nic_bandwidth: \"{} Gbps\" ",
                        machine.nics, machine.nic_gbps, machine.nic_gbps);
  }
  if (machine.scale_up_gbs > 0) {
    text += fmt::format("scale_up {{ bidirectional: \"{} GB/s\" }} ", machine.scale_up_gbs);
  }
  if (!machine.transport.empty()) {
    text += fmt::format("transport: \"{}\" ", machine.transport);
  }
  return text;
}

std::string ScenarioText(const CollectiveMachine& machine, const MeasuredRow& row,
                         CollectiveKind kind, double bytes) {
  return fmt::format(
      R"(schema_version: 1
name: "measured"
catalog {{
{}{}}}
site {{
  server: "{}"
  servers: {}
  override {{ {}}}
{}}}
job {{
  collective_test {{
    collective: "{}"
    size: "{} B"
    algorithm: "{}"
    ranks_per_server: {}
  }}
}}
)",
      FabricSwitchText(machine), machine.entry, machine.server, machine.servers,
      OverrideText(machine), FabricText(machine), CollectiveName(kind), bytes,
      NameOfAlgorithm(row, kind, machine.servers > 1), machine.ranks_per_server);
}

// What a row measured, of the algorithm that was asked for or that a library takes.
double MetricOf(const MeasuredRow& row, const StepRecord& record) {
  const CollectiveResult& chosen =
      *std::find_if(record.tested.begin(), record.tested.end(), [](const CollectiveResult& each) {
        return each.chosen;
      });
  const std::string metric = row.Text("metric");
  const double time = chosen.time.si();
  const double called = time + (CalledFromPython(row) ? kPythonCall : 0.0) +
                        (SentByLibrary(row) ? kLibraryMessage : 0.0);
  if (metric == "time_us") {
    return called * 1e6;
  }
  if (metric == "busbw_gbs") {
    return chosen.bus_bandwidth.si() * (time / called) * 1e-9;
  }
  double counted = chosen.algorithm_bandwidth.si() * (time / called);
  if (CarriesTokens(*CollectiveByName(row.Text("op")))) {
    const int servers = static_cast<int>(row.Number("servers").value_or(1));
    const auto ranks = static_cast<int>(chosen.ranks);
    counted *= servers > 1 ? kTokens.DomainsHit(servers) : kTokens.RanksHit(1, ranks);
  }
  return counted * 1e-9;
}

// Says where the links of the model would allow far more than was measured.
void ExplainFarBelow(MeasuredResult& result) {
  const bool is_time = result.row.Text("metric") == "time_us";
  const double reached =
      is_time ? *result.predicted / *result.published : *result.published / *result.predicted;
  if (result.row.Number("bytes").value_or(0) >= kLongMessage && reached < kFarBelow) {
    result.row.cells["explained"] = "no";
    result.reason += fmt::format(
        "{}measured {:.0f} % of what its links allow: no bottleneck of the model explains the "
        "figure",
        result.reason.empty() ? "" : "; ", 100 * reached);
  }
}

bool IsWanted(const CollectiveValidation& options, const MeasuredRow& row) {
  return (options.role.empty() || options.role == row.Text("role")) &&
         (options.id.empty() || fnmatch(options.id.c_str(), row.Text("id").c_str(), 0) == 0);
}

// The scenarios of a row, loaded and checked: one, or one for each seed where flows are hashed.
std::vector<Scenario> PrepareRow(const CatalogueList& catalogue, MeasuredResult& result) {
  std::vector<Scenario> scenarios;
  const std::string text = CollectiveScenarioOf(catalogue, result);
  if (text.empty()) {
    return scenarios;
  }
  const int seeds = text.find("routing: ECMP") == std::string::npos ? 1 : kHashSeeds;
  try {
    for (int seed = 1; seed <= seeds; ++seed) {
      scenarios.push_back(ScenarioBase("row", text + fmt::format("seed: {}\n", seed), {}).At({}));
      CheckScenario(scenarios.back(), Fidelity::kFolded);
    }
  } catch (const UserError& error) {
    const std::string& message = error.problems().front().message;
    const std::size_t colon = message.find(": ");
    result.status = CaseStatus::kRefused;
    result.reason = message.starts_with("row:") ? message.substr(colon + 2) : message;
    scenarios.clear();
  }
  return scenarios;
}

// The median of what a row's scenarios came to.
void TakeResult(MeasuredResult& result, std::span<const std::optional<JobResult>> finished) {
  std::vector<double> values;
  for (const std::optional<JobResult>& each : finished) {
    if (!each->ok) {
      result.status = CaseStatus::kFailed;
      result.reason = each->problem;
      return;
    }
    values.push_back(MetricOf(result.row, each->record));
  }
  std::sort(values.begin(), values.end());
  result.predicted = values[values.size() / 2];
  result.row.cells["explained"] = "yes";
  ExplainFarBelow(result);
}

}  // namespace

std::string CollectiveScenarioOf(const CatalogueList& catalogue, MeasuredResult& result) {
  const MeasuredRow& row = result.row;
  const std::string metric = row.Text("metric");
  if (!row.problem.empty()) {
    RefuseRow(result, row.problem);
    return "";
  }
  if (!result.published || *result.published <= 0) {
    RefuseRow(result, fmt::format("the value {} is no positive number", Quoted(row.Text("value"))));
    return "";
  }
  if (metric != "busbw_gbs" && metric != "algbw_gbs" && metric != "time_us") {
    RefuseRow(result,
              fmt::format("the metric {} is not busbw_gbs, algbw_gbs or time_us", Quoted(metric)));
    return "";
  }
  const std::optional<CollectiveKind> kind = CollectiveByName(row.Text("op"));
  if (!kind) {
    RefuseRow(result, fmt::format("there is no collective {}{}", Quoted(row.Text("op")),
                                  DidYouMean(row.Text("op"), CollectiveNames())));
    return "";
  }
  std::optional<double> bytes = row.Number("bytes");
  if (!bytes || *bytes < 1) {
    RefuseRow(result, fmt::format("{} bytes are no size", Quoted(row.Text("bytes"))));
    return "";
  }
  if (CarriesTokens(*kind) && metric == "time_us") {
    *bytes /= kTokens.copies;
  }
  if (row.Text("ref").find("ib_write_bw") != std::string::npos) {
    *bytes = kManyMessages;
  }
  const std::optional<CollectiveMachine> machine = MachineOfRow(catalogue, result);
  if (!machine) {
    return "";
  }
  result.reason = machine->assumed;
  return ScenarioText(*machine, row, *kind, *bytes);
}

MeasuredReport ValidateCollectives(const std::vector<std::string>& tables,
                                   const CatalogueList& catalogue,
                                   const CollectiveValidation& options) {
  MeasuredReport report;
  report.tables = tables;
  for (const std::string& table : tables) {
    for (const MeasuredRow& row : LoadMeasured(table, kNeededColumns)) {
      if (IsWanted(options, row)) {
        MeasuredResult& result = report.results.emplace_back();
        result.row = row;
        result.row.cells["explained"] = "not simulated";
        result.row.cells["accelerator"] = AcceleratorNamed(catalogue, row.Text("accelerator"));
        result.published = row.Number("value");
      }
    }
  }
  std::vector<std::vector<Scenario>> scenarios;
  std::vector<const Scenario*> ready;
  for (MeasuredResult& result : report.results) {
    scenarios.push_back(PrepareRow(catalogue, result));
  }
  for (const std::vector<Scenario>& of_row : scenarios) {
    for (const Scenario& scenario : of_row) {
      ready.push_back(&scenario);
    }
  }
  const auto finished = RunRows(ready, options.parallel, options.progress);
  std::size_t begin = 0;
  for (std::size_t i = 0; i < scenarios.size(); ++i) {
    if (!scenarios[i].empty()) {
      TakeResult(report.results[i], std::span(finished).subspan(begin, scenarios[i].size()));
      begin += scenarios[i].size();
    }
  }
  report.groups = GroupMeasured(report.results, {"explained", "op", "server", "algorithm"});
  return report;
}

}  // namespace gridlock
