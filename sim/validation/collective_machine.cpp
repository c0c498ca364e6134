#include "sim/validation/collective_machine.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <regex>

#include <fmt/format.h>

#include "sim/validation/case_repair.h"
#include "sim/validation/case_server.h"

namespace gridlock {

namespace {

constexpr double kNicsMost = 65536;

// Servers of so many accelerators are racks, pods and cubes. Tables often count their trays or
// hosts.
constexpr int kRackScale = 64;

// NCCL lays every ring twice (src/graph/connect.cc: ncclTopoPostset doubles the channels), so two
// flows leave a NIC for each queue pair of a connection, each with a hash of its own.
constexpr int kChannelsOfANic = 2;

// Whether `text` has a word that begins like `word`, in any case.
bool HasWord(const std::string& text, const std::string& word) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  for (auto at = text.begin(); at != text.end(); ++at) {
    at = std::search(at, text.end(), word.begin(), word.end(), same);
    if (at == text.end()) {
      return false;
    }
    if (at == text.begin() || std::isalnum(static_cast<unsigned char>(at[-1])) == 0) {
      return true;
    }
  }
  return false;
}

void Assume(CollectiveMachine& machine, const std::string& what) {
  if (!what.empty()) {
    machine.assumed += (machine.assumed.empty() ? "" : ", ") + what;
  }
}

// The server with that name, else the one with the accelerator that holds as many, else any; the
// largest where the notes speak of a rack.
std::optional<CatalogueServer> ServerOfRow(const MeasuredRow& row, const CatalogueList& catalogue) {
  const std::string accelerator = row.Text("accelerator");
  const double ranks = row.Number("ranks_per_server").value_or(1);
  const bool rack = RowSays(row, {"MNNVL", "NVL72", "rack"});
  const CatalogueServer* best = nullptr;
  for (const CatalogueServer& server : catalogue.servers) {
    if (server.name == row.Text("server") &&
        (accelerator.empty() || server.accelerator == accelerator)) {
      return server;
    }
    const auto better = [&](const CatalogueServer& other) {
      if (server.through_host && other.through_host) {
        // Cards under one socket and on two are different machines.
        return (server.accelerators == ranks) > (other.accelerators == ranks);
      }
      return rack ? server.accelerators > other.accelerators
                  : (server.accelerators >= ranks) > (other.accelerators >= ranks);
    };
    if (server.accelerator == accelerator && (best == nullptr || better(*best))) {
      best = &server;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

// The kind of network between servers that the row names; "" for the server's own.
std::string TransportOf(const MeasuredRow& row, const CatalogueServer& server) {
  const bool old = row.Text("accelerator").starts_with("v100");
  if (RowSays(row, {"EFA"})) {
    return old ? "efa_2018" : "efa";
  }
  if (RowSays(row, {"RoCE"})) {
    return server.transport.starts_with("roce") ? "" : "roce";
  }
  if (RowSays(row, {"Slingshot"})) {
    return "slingshot";
  }
  const bool infiniband = RowSays(row, {"InfiniBand", "HDR", "NDR", "EDR"});
  return !infiniband ? "" : old ? "infiniband_edr" : "infiniband";
}

// The transport inside one server for the release of NCCL that the notes name; "" for the usual
// one.
std::string ReleaseOf(const MeasuredRow& row, const CatalogueServer& server) {
  if (!RowSays(row, {"NCCL 2.18"})) {
    return "";
  }
  const std::string& part = server.accelerator;
  return part.starts_with("a100")                               ? "nvlink_3_nccl_2_18"
         : part.starts_with("h100") || part.starts_with("h200") ? "nvlink_4_nccl_2_18"
                                                                : "";
}

bool IsUnknown(const std::string& text) {
  return text.empty() || text == "unknown";
}

// "4 queue pairs", "NCCL_IB_QPS_PER_CONNECTION=4"; 1, which NCCL takes by itself.
int QueuePairsOf(const MeasuredRow& row) {
  static const std::regex kPairs(
      "(?:QPS_PER_CONNECTION *=? *(\\d{1,2}))|(?:(\\d{1,2}) (?:queue pairs|QPs?\\b))",
      std::regex::icase);
  constexpr int kPairsMost = 32;  // of the schema, two rings a NIC
  std::smatch match;
  const std::string notes = row.Text("notes");
  if (!std::regex_search(notes, match, kPairs)) {
    return 1;
  }
  return std::clamp(std::stoi(match[1].matched ? match[1] : match[2]), 1, kPairsMost);
}

// Clusters of eight or sixteen NICs a server are laid in rails, for Ethernet as for InfiniBand
// (NVIDIA DGX SuperPOD and Spectrum-X reference architectures; Alibaba HPN; Meta's RoCE clusters,
// SIGCOMM 2024): 32 servers under each leaf of 64 ports at 200 Gbps and more, 16 under one of 32
// ports at 100 Gbps. All NICs of a server under one leaf with hashed uplinks is what notes have to
// say.
void DescribeFabric(const MeasuredRow& row, CollectiveMachine& machine) {
  constexpr double kOldPort = 100;  // Gbit/s: 32 ports (Spectrum SN2700), else 64 (SN4600, SN5400)
  const std::string fabric = row.Text("fabric");
  const bool routed = !IsUnknown(row.Text("routing"));
  const bool rails = RowSays(row, {"rail"});
  machine.hashed = routed ? row.Text("routing") == "ecmp" : RowSays(row, {"ECMP", "hash"});
  machine.hashed = machine.hashed && !(!routed && RowSays(row, {"adaptive", "spray"}));
  machine.leaf_ports = machine.port_gbps <= kOldPort ? 32 : 64;
  if (fabric == "two_tier") {
    machine.fabric = MeasuredFabric::kLeafPerServer;
  } else if (!rails && (!IsUnknown(fabric) || routed)) {
    machine.fabric = MeasuredFabric::kOneSwitch;
  } else if (machine.hashed) {
    const int per_leaf = machine.leaf_ports / 2 / machine.nics;
    const bool fits = per_leaf >= 1 && machine.servers <= per_leaf * machine.leaf_ports;
    machine.fabric = rails || !fits               ? MeasuredFabric::kHashedRails
                     : machine.servers > per_leaf ? MeasuredFabric::kHashedServers
                                                  : MeasuredFabric::kOneSwitch;
  } else if ((rails || machine.transport == "roce") && machine.servers > machine.leaf_ports / 2) {
    machine.fabric = MeasuredFabric::kRails;  // within a leaf of each rail one switch is the same
  }
  switch (machine.fabric) {
    case MeasuredFabric::kRails:
      return Assume(machine, "rails");
    case MeasuredFabric::kHashedServers:
    case MeasuredFabric::kHashedRails:
      machine.queue_pairs = kChannelsOfANic * QueuePairsOf(row);
      return Assume(machine, fmt::format("{} of {} ports, hashed", rails ? "rails" : "leaves",
                                         machine.leaf_ports));
    case MeasuredFabric::kOneSwitch:
    case MeasuredFabric::kLeafPerServer:
      break;
  }
}

// Servers of a rack-scale part that are trays of it: 2 servers of 4 ranks are 8 ranks of one
// domain, and 32 of them, which one of 72 does not hold, 64 of each of two.
void JoinTrays(MeasuredRow& row, const CatalogueServer& server, CollectiveMachine& machine) {
  const int most =
      !server.torus.empty() ? machine.servers * machine.ranks_per_server : server.accelerators;
  const int count = machine.servers * machine.ranks_per_server;
  const bool apart = count <= most && RowSays(row, {"racks"}) && !RowSays(row, {"MNNVL"});
  if (server.accelerators < kRackScale || machine.servers < 2 || apart ||
      2 * machine.ranks_per_server > most) {
    return;
  }
  int domains = (count + most - 1) / most;
  while (count % domains != 0) {
    ++domains;
  }
  const int ranks = count / domains;
  Assume(machine, fmt::format("{} x {} ranks as {} of {} in one domain{}", machine.servers,
                              machine.ranks_per_server, ranks, server.name,
                              domains > 1 ? fmt::format(", {} domains", domains) : ""));
  if (const std::optional<double> nics = row.Number("nics_per_server")) {
    row.cells["nics_per_server"] = fmt::format("{}", *nics * ranks / machine.ranks_per_server);
  }
  row.cells["servers"] = fmt::format("{}", machine.servers = domains);
  row.cells["ranks_per_server"] = fmt::format("{}", machine.ranks_per_server = ranks);
}

// A slice of a torus has sides of its own. Ranks of one server that the catalogue's does not hold
// run on one of the row's own.
void TakeSlice(const CatalogueServer& server, const CatalogueList& catalogue,
               CollectiveMachine& machine) {
  const bool is_slice = !server.torus.empty() && machine.ranks_per_server != server.accelerators &&
                        machine.ranks_per_server >= 2;
  const bool is_larger = machine.servers == 1 && machine.ranks_per_server > server.accelerators;
  if (!is_slice && !is_larger) {
    return;
  }
  if (is_larger && server.numbered_pairs) {
    // Which of more accelerators are joined is not known: latencies and shares are the server's.
    machine.server = "measured";
    machine.entry = fmt::format(
        "  server {{ name: \"measured\" like: \"{}\" accelerators: {} network {{ switches {{ }} }} "
        "source {{ text: \"the row\" }} }}\n",
        server.name, machine.ranks_per_server);
    return Assume(machine, fmt::format("{} ranks of {} as one switched domain",
                                       machine.ranks_per_server, server.name));
  }
  PublishedCase slice;
  slice.accelerator = server.accelerator;
  slice.domain = machine.ranks_per_server;
  const RowServer own = RowServerOf(slice, catalogue);
  machine.server = own.name;
  machine.entry = own.entry;
  Assume(machine, AssumedServer(slice, catalogue));
}

void TakeNics(const MeasuredRow& row, const CatalogueServer& server, CollectiveMachine& machine) {
  const double nics = row.Number("nics_per_server").value_or(0);
  machine.nic_gbps = row.Number("nic_gbps").value_or(0);
  if (nics < 1 || nics > kNicsMost || machine.nic_gbps <= 0) {
    machine.nics = server.nics;
    machine.nic_gbps = server.nic_bandwidth.si() * 8e-9;
    Assume(machine, fmt::format("{} NICs of {:g} Gbps as {} has", machine.nics, machine.nic_gbps,
                                server.name));
    return;
  }
  // A rank reaches the NICs beside it: NCCL takes the nearest, however many a server has.
  const double all = server.accelerators;
  const double beside = std::max({1.0, std::ceil(server.nics / all), std::ceil(nics / all)});
  const double each = std::min(nics / static_cast<double>(machine.ranks_per_server), beside);
  machine.nics = static_cast<int>(std::ceil(each * all));
}

}  // namespace

bool RowSays(const MeasuredRow& row, std::initializer_list<const char*> words) {
  const std::string text = row.Text("fabric") + " " + row.Text("routing") + " " + row.Text("notes");
  return std::any_of(words.begin(), words.end(), [&](const char* word) {
    return HasWord(text, word);
  });
}

int CountOfCell(const MeasuredRow& row, const std::string& column, int blank) {
  constexpr double kCountMost = 1e6;
  const double count = row.Text(column).empty() ? blank : row.Number(column).value_or(0);
  return count >= 1 && count <= kCountMost && count == std::floor(count) ? static_cast<int>(count)
                                                                         : 0;
}

void RefuseRow(MeasuredResult& result, const std::string& reason) {
  result.status = CaseStatus::kUnsupported;
  result.reason = reason;
}

std::optional<CollectiveMachine> MachineOfRow(const CatalogueList& catalogue,
                                              MeasuredResult& result) {
  MeasuredRow& row = result.row;
  CollectiveMachine machine;
  std::optional<CatalogueServer> server = ServerOfRow(row, catalogue);
  if (const std::string near = NearestPart(row.Text("accelerator"), catalogue);
      !server && !near.empty()) {
    Assume(machine, fmt::format("accelerator {} as {}", row.Text("accelerator"), near));
    row.cells["accelerator"] = near;
    server = ServerOfRow(row, catalogue);
  }
  if (!server) {
    RefuseRow(result, fmt::format("no server of the catalogue has the accelerator {}{}",
                                  Quoted(row.Text("accelerator")),
                                  DidYouMean(row.Text("accelerator"), catalogue.accelerators)));
    return std::nullopt;
  }
  machine.server = server->name;
  Assume(machine, server->name == row.Text("server") ? "" : "as " + server->name);
  machine.servers = CountOfCell(row, "servers", 1);
  machine.ranks_per_server = CountOfCell(row, "ranks_per_server", server->accelerators);
  machine.scale_up_gbs = row.Number("scale_up_bidirectional_gbs").value_or(0);
  if (machine.servers > 0 && machine.ranks_per_server > 0) {
    JoinTrays(row, *server, machine);
    TakeSlice(*server, catalogue, machine);
  }
  if (machine.servers < 1 || machine.ranks_per_server < 1 ||
      (machine.entry.empty() && machine.ranks_per_server > server->accelerators)) {
    RefuseRow(result, fmt::format("{} servers with {} ranks each do not fit {}, which holds {}",
                                  row.Text("servers"), row.Text("ranks_per_server"), server->name,
                                  server->accelerators));
    return std::nullopt;
  }
  if (machine.servers * machine.ranks_per_server < 2) {
    RefuseRow(result, "one rank alone has nobody to talk to");
    return std::nullopt;
  }
  if (machine.servers == 1) {
    if (const std::string release = ReleaseOf(row, *server); !release.empty()) {
      machine.server = "measured";
      machine.entry = fmt::format(
          "  server {{ name: \"measured\" like: \"{}\" scale_up {{ transport: \"{}\" }} }}\n",
          server->name, release);
      Assume(machine, release);
    }
    return machine;
  }
  TakeNics(row, *server, machine);
  machine.port_gbps = machine.nic_gbps;
  machine.transport = TransportOf(row, *server);
  Assume(machine, machine.transport);
  DescribeFabric(row, machine);
  return machine;
}

std::string FabricSwitchText(const CollectiveMachine& machine) {
  // Time of flight of a switch: one way between two leaves takes 0.9 us more than under one by
  // InfiniBand, and 2.0 us more by RoCE, for two switches more (arXiv:2505.09343, table 5).
  const int latency = machine.transport == "roce" ? 1000 : 450;
  constexpr double kAnyPort = 400;  // Gbit/s, where nothing leaves a server
  constexpr int kAnyPorts = 65536;
  const bool own = machine.fabric == MeasuredFabric::kHashedServers;
  return fmt::format(R"(  switch {{
    name: "generic" ports: {} port_bandwidth: "{} Gbps" latency: "{} ns" power: "1 W"
    source {{ text: "Assumed: a switch at the NIC rate" estimate: true }}
  }}
)",
                     own ? machine.leaf_ports : kAnyPorts,
                     machine.port_gbps > 0 ? machine.port_gbps : kAnyPort, latency);
}

std::string FabricText(const CollectiveMachine& machine) {
  const bool rails =
      machine.fabric == MeasuredFabric::kRails || machine.fabric == MeasuredFabric::kHashedRails;
  int per_leaf = machine.servers;
  if (rails) {
    per_leaf = machine.leaf_ports / 2;
  } else if (machine.fabric == MeasuredFabric::kLeafPerServer) {
    per_leaf = 1;
  } else if (machine.fabric == MeasuredFabric::kHashedServers) {
    per_leaf = machine.leaf_ports / 2 / machine.nics;
  }
  const int groups = (machine.servers + per_leaf - 1) / per_leaf;
  return fmt::format(
      R"(  fabric {{
    clos {{
      tiers: 2
      servers_per_leaf: {}
      leaves_per_pod: {}
{}      leaf_oversubscription: 1
      leaf_switch: "generic"
      spine_switch: "generic"
      routing: {}
    }}
  }}
{})",
      per_leaf, groups * (rails ? machine.nics : 1),
      rails ? "      rail_optimized: true\n      rail_forwarding: true\n" : "",
      machine.hashed ? "ECMP" : "SPRAY",
      machine.queue_pairs > 1 ? fmt::format("  queue_pairs: {}\n", machine.queue_pairs) : "");
}

}  // namespace gridlock
