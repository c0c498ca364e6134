#include "sim/validation/collective_cases.h"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>
#include <fnmatch.h>

#include "sim/scenario/point.h"
#include "sim/study/evaluate.h"
#include "sim/validation/run_rows.h"
#include "workloads/program/algorithm.h"

namespace gridlock {

namespace {

// A message from this size on is bound by links; a measurement that stays this far below what the
// model's links allow points at something that the model does not have.
constexpr double kLongMessage = 256.0 * 1024 * 1024;
constexpr double kFarBelow = 0.7;
constexpr double kNicsMost = 65536;

// A row whose routing is by hash is the median over as many seeds: how flows meet is a matter of
// luck.
constexpr int kHashSeeds = 9;
// NCCL lays every ring twice (src/graph/connect.cc: ncclTopoPostset doubles the channels), so two
// flows leave a NIC, each with a hash of its own.
constexpr int kChannelsOfANic = 2;

// What an all-reduce takes longer when PyTorch calls it and the host times it than in a CUDA graph:
// 19 us on 8 H200 and 22 us on 8 B200, medians of 32 KiB to 16 MiB (stas00/ml-engineering,
// network, against NVIDIA aiconfigurator).
constexpr double kPythonCall = 20e-6;
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

// The machine that a row was measured on.
struct Machine {
  CatalogueServer server;
  int servers = 1;
  int ranks_per_server = 1;
  int nics = 0;  ///< of a server, so that the ranks have the row's share of them; 0: the server's
  double nic_gbps = 0;
  double scale_up_gbs = 0;  ///< both directions; 0: the accelerator's
  std::string transport;    ///< between servers; "" for the server's
  std::string scale_up;     ///< transport inside servers; "" for the server's
  int leaf_ports = 0;       ///< of leaves with hashed uplinks; 0: one switch, or what the row says
  std::string assumed;      ///< in words, for the reason
};

void Refuse(MeasuredResult& result, const std::string& reason) {
  result.status = CaseStatus::kUnsupported;
  result.reason = reason;
}

// The server with that name, else the one with the accelerator that holds as many, else any.
std::optional<CatalogueServer> ServerOfRow(const MeasuredRow& row, const CatalogueList& catalogue) {
  const std::string accelerator = row.Text("accelerator");
  const double ranks = row.Number("ranks_per_server").value_or(1);
  const CatalogueServer* best = nullptr;
  for (const CatalogueServer& server : catalogue.servers) {
    if (server.name == row.Text("server") &&
        (accelerator.empty() || server.accelerator == accelerator)) {
      return server;
    }
    if (server.accelerator == accelerator &&
        (best == nullptr || (server.accelerators >= ranks) > (best->accelerators >= ranks))) {
      best = &server;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

bool Says(const std::string& notes, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(), [&](const char* word) {
    return notes.find(word) != std::string::npos;
  });
}

// The kind of network between servers that the notes name.
std::string TransportOf(const MeasuredRow& row) {
  const std::string notes = row.Text("notes");
  const bool old = row.Text("accelerator").starts_with("v100");
  if (Says(notes, {"EFA"})) {
    return old ? "efa_2018" : "efa";
  }
  if (Says(notes, {"RoCE"})) {
    return "roce";
  }
  const bool infiniband = Says(notes, {"InfiniBand", "HDR", "NDR", "EDR"});
  return !infiniband ? "" : old ? "infiniband_edr" : "infiniband";
}

// The transport inside one server for the release of NCCL that the notes name; "" for the usual
// one.
std::string ReleaseOf(const MeasuredRow& row, const CatalogueServer& server) {
  if (!Says(row.Text("notes"), {"NCCL 2.18"})) {
    return "";
  }
  const std::string& part = server.accelerator;
  return part.starts_with("a100")                               ? "nvlink_3_nccl_2_18"
         : part.starts_with("h100") || part.starts_with("h200") ? "nvlink_4_nccl_2_18"
                                                                : "";
}

// The count in a cell, `blank` where it is blank, and 0 where it is no whole number.
int CountOf(const MeasuredRow& row, const std::string& column, int blank) {
  constexpr double kCountMost = 1e6;
  const double count = row.Text(column).empty() ? blank : row.Number(column).value_or(0);
  return count >= 1 && count <= kCountMost && count == std::floor(count) ? static_cast<int>(count)
                                                                         : 0;
}

// Whether PyTorch called the collective, on one server: between servers the transports were fitted
// to such calls.
bool CalledFromPython(const MeasuredRow& row) {
  const bool script = row.Text("source").starts_with("stas00/ml-engineering") ||
                      Says(row.Text("notes"), {"torch benchmark", "all_reduce_bench"});
  return script && CountOf(row, "servers", 1) == 1 && row.Text("op") != "send_recv";
}

bool IsUnknown(const std::string& text) {
  return text.empty() || text == "unknown";
}

// Ethernet whose fabric and routing nobody describes is what most people have: leaves with as many
// ports up as down, and a hash that picks the uplink. 32 ports of 100 Gbps (Spectrum SN2700), 64 of
// 200 or 400 Gbps (SN4600, SN5400). 0 where one leaf holds all servers, or where they do not fit.
int LeafPortsOf(const MeasuredRow& row, const Machine& machine) {
  if (machine.transport != "roce" || !IsUnknown(row.Text("fabric")) ||
      !IsUnknown(row.Text("routing"))) {
    return 0;
  }
  const int ports = machine.nic_gbps <= 100 ? 32 : 64;
  const int per_leaf = ports / 2 / machine.nics;
  return per_leaf >= 1 && machine.servers > per_leaf && machine.servers <= per_leaf * ports ? ports
                                                                                            : 0;
}

void Assume(Machine& machine, const std::string& what) {
  if (!what.empty()) {
    machine.assumed += (machine.assumed.empty() ? "" : ", ") + what;
  }
}

std::optional<Machine> MachineOf(const CatalogueList& catalogue, MeasuredResult& result) {
  const MeasuredRow& row = result.row;
  const std::optional<CatalogueServer> server = ServerOfRow(row, catalogue);
  if (!server) {
    Refuse(result, fmt::format("no server of the catalogue has the accelerator {}{}",
                               Quoted(row.Text("accelerator")),
                               DidYouMean(row.Text("accelerator"), catalogue.accelerators)));
    return std::nullopt;
  }
  Machine machine;
  machine.server = *server;
  machine.servers = CountOf(row, "servers", 1);
  machine.ranks_per_server = CountOf(row, "ranks_per_server", server->accelerators);
  machine.scale_up_gbs = row.Number("scale_up_bidirectional_gbs").value_or(0);
  if (machine.servers < 1 || machine.ranks_per_server < 1 ||
      machine.ranks_per_server > server->accelerators) {
    Refuse(result, fmt::format("{} servers with {} ranks each do not fit {}, which holds {}",
                               row.Text("servers"), row.Text("ranks_per_server"), server->name,
                               server->accelerators));
    return std::nullopt;
  }
  if (machine.servers * machine.ranks_per_server < 2) {
    Refuse(result, "one rank alone has nobody to talk to");
    return std::nullopt;
  }
  machine.assumed = server->name == row.Text("server") ? "" : "as " + server->name;
  if (machine.servers == 1) {
    machine.scale_up = ReleaseOf(row, *server);
    Assume(machine, machine.scale_up);
  }
  if (machine.servers > 1) {
    const std::optional<double> nics = row.Number("nics_per_server");
    machine.nic_gbps = row.Number("nic_gbps").value_or(0);
    if (!nics || *nics < 1 || *nics > kNicsMost || machine.nic_gbps <= 0) {
      Refuse(result, "the NICs are not said");
      return std::nullopt;
    }
    machine.nics = static_cast<int>(
        std::ceil(*nics * server->accelerators / static_cast<double>(machine.ranks_per_server)));
    machine.transport = TransportOf(row);
    Assume(machine, machine.transport);
    machine.leaf_ports = LeafPortsOf(row, machine);
    if (machine.leaf_ports > 0) {
      Assume(machine, fmt::format("leaves of {} ports, hashed", machine.leaf_ports));
    }
  }
  return machine;
}

// As the schema names what the table names.
std::string NameOfAlgorithm(const MeasuredRow& row, CollectiveKind kind, bool several_servers) {
  const std::string name = row.Text("algorithm");
  if (name == "auto" || name.empty()) {
    // NCCL 2.4 of 2019 takes a tree over two servers, whatever the size.
    const bool early = Says(row.Text("notes"), {"NCCL 2.4."}) && CountOf(row, "servers", 1) == 2;
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

// A network of leaves and spines. Time of flight of a switch: one way between two leaves takes 0.9
// us more than under one by InfiniBand, and 2.0 us more by RoCE, for two switches more
// (arXiv:2505.09343, table 5).
std::string SwitchText(const Machine& machine) {
  const double gbps =
      machine.nic_gbps > 0 ? machine.nic_gbps : machine.server.nic_bandwidth.si() * 8e-9;
  return fmt::format(R"(  switch {{
    name: "generic" ports: {} port_bandwidth: "{} Gbps" latency: "{} ns" power: "1 W"
    source {{ text: "Assumed: a switch at the NIC rate" estimate: true }}
  }}
)",
                     machine.leaf_ports > 0 ? machine.leaf_ports : 65536, gbps,
                     machine.transport == "roce" ? 1000 : 450);
}

std::string FabricText(const Machine& machine, const MeasuredRow& row) {
  const bool hashed = machine.leaf_ports > 0;
  int per_leaf = row.Text("fabric") == "two_tier" ? 1 : machine.servers;
  if (hashed) {
    per_leaf = machine.leaf_ports / 2 / machine.nics;
  }
  return fmt::format(R"(  fabric {{
    clos {{
      tiers: 2
      servers_per_leaf: {}
      leaves_per_pod: {}
      leaf_oversubscription: 1
      leaf_switch: "generic"
      spine_switch: "generic"
      routing: {}
    }}
  }}
{})",
                     per_leaf, (machine.servers + per_leaf - 1) / per_leaf,
                     hashed || row.Text("routing") == "ecmp" ? "ECMP" : "SPRAY",
                     hashed ? fmt::format("  queue_pairs: {}\n", kChannelsOfANic) : "");
}

std::string OverrideText(const Machine& machine) {
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

std::string ScenarioText(const Machine& machine, const MeasuredRow& row, CollectiveKind kind,
                         double bytes) {
  const std::string own = machine.scale_up.empty()
                              ? ""
                              : fmt::format(
                                    "  server {{ name: \"measured\" like: \"{}\" scale_up {{ "
                                    "transport: \"{}\" }} }}\n",
                                    machine.server.name, machine.scale_up);
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
      SwitchText(machine), own, own.empty() ? machine.server.name : "measured", machine.servers,
      OverrideText(machine), FabricText(machine, row), CollectiveName(kind), bytes,
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
  const double called = time + (CalledFromPython(row) ? kPythonCall : 0.0);
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
    Refuse(result, row.problem);
    return "";
  }
  if (!result.published || *result.published <= 0) {
    Refuse(result, fmt::format("the value {} is no positive number", Quoted(row.Text("value"))));
    return "";
  }
  if (metric != "busbw_gbs" && metric != "algbw_gbs" && metric != "time_us") {
    Refuse(result,
           fmt::format("the metric {} is not busbw_gbs, algbw_gbs or time_us", Quoted(metric)));
    return "";
  }
  const std::optional<CollectiveKind> kind = CollectiveByName(row.Text("op"));
  if (!kind) {
    Refuse(result, fmt::format("there is no collective {}{}", Quoted(row.Text("op")),
                               DidYouMean(row.Text("op"), CollectiveNames())));
    return "";
  }
  std::optional<double> bytes = row.Number("bytes");
  if (!bytes || *bytes < 1) {
    Refuse(result, fmt::format("{} bytes are no size", Quoted(row.Text("bytes"))));
    return "";
  }
  if (CarriesTokens(*kind) && metric == "time_us") {
    *bytes /= kTokens.copies;
  }
  if (row.Text("ref").find("ib_write_bw") != std::string::npos) {
    *bytes = kManyMessages;
  }
  const std::optional<Machine> machine = MachineOf(catalogue, result);
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
