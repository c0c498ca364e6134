#include "sim/describe/network_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/report/json.h"
#include "sim/report/layout.h"

namespace gridlock {

namespace {

/// "1 leaf", "2 leaves".
std::string Count(int count, const char* one, const char* many) {
  return fmt::format("{} {}", Grouped(count), count == 1 ? one : many);
}

std::string CountsText(const char* title, const std::vector<CountOfKind>& counts) {
  std::string text = fmt::format("{:<18}{:>10}\n", title, "count");
  for (const auto& [kind, count] : counts) {
    text += fmt::format("  {:<16}{:>10}\n", kind, Grouped(static_cast<double>(count)));
  }
  return text;
}

std::string CutsText(const CutBound& cut) {
  static constexpr ColumnUnit kUnits[] = {{1e9, "GB/s"}, {1e12, "TB/s"}};
  std::size_t width = 0;
  std::vector<double> bandwidths;
  for (const Cut& tried : cut.tried) {
    bandwidths.push_back(tried.bandwidth.si());
    width = std::max(width, tried.halving.size());
  }
  std::string text = cut.tried.empty() ? "" : "cuts between halves, one direction\n";
  const std::vector<std::string> cells = Column(bandwidths, kUnits);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    text += fmt::format("  {:<{}}  {:>12}\n", cut.tried[i].halving, width, cells[i]);
  }
  return text + Wrapped("", DescribeCut(cut), 2);
}

/// A line per entry: "switch quantum2_qm9700: estimates: latency, power".
std::string EstimatesText(const std::vector<Estimate>& estimates) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const Estimate& estimate : estimates) {
    const std::string entry =
        estimate.kind + " " + estimate.entry +
        (estimate.from_user ? ": given by the user, no source: " : ": estimates: ");
    if (entries.empty() || entries.back().first != entry) {
      entries.emplace_back(entry, estimate.field);
    } else {
      entries.back().second += ", " + estimate.field;
    }
  }
  std::string text;
  for (const auto& [entry, fields] : entries) {
    text += Wrapped("", entry + fields, 2);
  }
  return text;
}

void AddCounts(JsonWriter& json, const char* key, const std::vector<CountOfKind>& counts) {
  json.Key(key);
  json.BeginObject();
  for (const auto& [kind, count] : counts) {
    json.Member(kind, count);
  }
  json.EndObject();
}

void AddCuts(JsonWriter& json, const CutBound& cut) {
  json.Key("cuts");
  json.BeginArray();
  for (const Cut& tried : cut.tried) {
    json.BeginObject();
    json.Member("halving", tried.halving);
    json.Member("bandwidth_bytes_per_s", tried.bandwidth.si());
    json.EndObject();
  }
  json.EndArray();
}

void AddTexts(JsonWriter& json, const char* key, const std::vector<std::string>& texts) {
  json.Key(key);
  json.BeginArray();
  for (const std::string& text : texts) {
    json.Value(std::string_view(text));
  }
  json.EndArray();
}

}  // namespace

std::vector<Estimate> EstimatesOfNetwork(std::vector<Estimate> estimates) {
  std::erase_if(estimates, [](const Estimate& estimate) {
    return estimate.kind != "cluster" && estimate.kind != "switch";
  });
  return estimates;
}

NetworkCounts CountNetwork(const Topology& topology, const FabricGraph& graph, bool with_cuts) {
  NetworkCounts counts;
  counts.site = topology.site().name;
  counts.accelerators = topology.accelerators();
  counts.servers = topology.servers();
  counts.shape = topology.shape();
  const Wiring& wiring = graph.wiring();
  for (const Wiring::NodeKind& kind : wiring.node_kinds) {
    if (kind.count > 0) {
      counts.nodes.emplace_back(kind.name, kind.count);
    }
  }
  for (std::size_t kind = 0; kind < wiring.cable_kinds.size(); ++kind) {
    const std::int64_t cables = graph.cables(static_cast<int>(kind));
    if (!wiring.cable_kinds[kind].inside && cables > 0) {
      counts.cables.emplace_back(wiring.cable_kinds[kind].name, cables);
    }
  }
  counts.facts = topology.facts();
  counts.connected = Connected(graph);
  counts.with_cuts = with_cuts;
  if (with_cuts) {
    counts.cut = BestKnownCut(topology.cut_problem());
  }
  return counts;
}

std::string NetworkText(const NetworkCounts& counts) {
  std::string text = fmt::format("{}: {} in {}, {}\n", counts.site,
                                 Count(counts.accelerators, "accelerator", "accelerators"),
                                 Count(counts.servers, "server", "servers"), counts.shape);
  text += CountsText("nodes", counts.nodes) + CountsText("cables", counts.cables);
  for (const std::string& fact : counts.facts) {
    text += fact + "\n";
  }
  text += fmt::format("connected: {}\n", counts.connected ? "yes" : "NO");
  if (counts.with_cuts) {
    text += CutsText(counts.cut);
  }
  text += EstimatesText(counts.estimates);
  if (!counts.cluster.empty()) {
    text += fmt::format(
        "what is known of it, and what its topology does not carry: gridlock catalog show {}\n",
        counts.cluster);
  }
  return text;
}

std::string NetworkJson(const std::vector<NetworkCounts>& sites) {
  JsonWriter json;
  json.BeginArray();
  for (const NetworkCounts& counts : sites) {
    json.BeginObject();
    json.Member("site", counts.site);
    json.Member("cluster", counts.cluster);
    json.Member("accelerators", counts.accelerators);
    json.Member("servers", counts.servers);
    json.Member("shape", counts.shape);
    AddCounts(json, "nodes", counts.nodes);
    AddCounts(json, "cables", counts.cables);
    AddTexts(json, "facts", counts.facts);
    json.Member("connected", counts.connected);
    if (counts.with_cuts) {
      AddCuts(json, counts.cut);
      json.Member("bisection_at_most_bytes_per_s", counts.cut.best.bandwidth.si());
    }
    std::vector<std::string> estimates;
    for (const Estimate& estimate : counts.estimates) {
      estimates.push_back(estimate.kind + " " + estimate.entry + ": " + estimate.field);
    }
    AddTexts(json, "estimates", estimates);
    json.EndObject();
  }
  json.EndArray();
  return json.Finish();
}

}  // namespace gridlock
