#include "sim/describe/network_text.h"

#include <algorithm>
#include <cmath>

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

std::string SwitchesText(const NetworkBuild& build) {
  if (build.switches.empty()) {
    return "";
  }
  std::string text = fmt::format("{:<18}{:>10}  {:>14}  {:>8}  {:>10}\n", "switches", "count",
                                 "ports in use", "W each", "USD each");
  for (const SwitchCount& each : build.switches) {
    const std::string ports = each.ports > 0 ? fmt::format("{} of {}", each.used, each.ports)
                                             : fmt::format("{}", each.used);
    text += fmt::format("  {:<16}{:>10}  {:>14}  {:>8}  {:>10}  {}\n", each.name,
                        Grouped(static_cast<double>(each.count)), ports, Grouped(each.power.si()),
                        each.price_usd > 0 ? Grouped(each.price_usd) : "-", each.model);
  }
  return text;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

/// What the figures rest on.
std::string RemarksText(const NetworkCounts& counts) {
  std::string text;
  const auto add = [&](const std::string& line) {
    text += Wrapped("", line, 2);
  };
  if (!counts.paths.exact) {
    add("ways are those of a sample of the servers");
  }
  if (counts.paths.apart > 0) {
    add("some pairs are not joined at all: they are left out of lengths and ways");
  }
  if (!counts.build.unpowered.empty()) {
    add("no power is known, and none counted, of: " + Listed(counts.build.unpowered));
  }
  if (!counts.build.unpriced.empty()) {
    add("no price is known, and none counted, of: " + Listed(counts.build.unpriced));
  }
  if (!counts.build.estimated.empty()) {
    add("prices are estimates: " + Listed(counts.build.estimated));
  }
  add("cost and power are those of switches, and of cables out of servers with a transceiver at "
      "each end; NICs belong to servers");
  return text;
}

std::string FiguresText(const NetworkCounts& counts) {
  std::string text = SwitchesText(counts.build);
  for (const OpticsCount& each : counts.build.optics) {
    text += fmt::format("{:<18}{:>10}  {}\n", "transceivers",
                        Grouped(static_cast<double>(each.count)), each.name);
  }
  text += "figures\n";
  for (const NetworkFigure& figure : counts.figures) {
    text += fmt::format("  {:<40}{:>14}\n", figure.label, figure.text);
  }
  return text + RemarksText(counts);
}

/// What a network is called beside others.
std::string TitleOf(const NetworkCounts& counts) {
  return counts.cluster.empty() ? counts.site : counts.cluster;
}

void AddBuild(JsonWriter& json, const NetworkBuild& build) {
  json.Objects("switch_kinds", build.switches, [&json](const SwitchCount& each) {
    json.Member("kind", each.name);
    json.Member("model", each.model);
    json.Member("count", each.count);
    json.Member("ports_in_use", each.used);
    json.Member("ports", each.ports);
    json.Member("power_w", each.power.si());
    json.Member("price_usd", each.price_usd);
  });
  json.Key("transceiver_kinds");
  json.BeginObject();
  for (const OpticsCount& each : build.optics) {
    json.Member(each.name, each.count);
  }
  json.EndObject();
}

/// A name as a cell of a table.
std::string Cell(const std::string& text) {
  return text.find(',') == std::string::npos ? text : "\"" + text + "\"";
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
  json.Objects("cuts", cut.tried, [&json](const Cut& tried) {
    json.Member("halving", tried.halving);
    json.Member("bandwidth_bytes_per_s", tried.bandwidth.si());
  });
}

}  // namespace

std::vector<Estimate> EstimatesOfNetwork(std::vector<Estimate> estimates) {
  std::erase_if(estimates, [](const Estimate& estimate) {
    return estimate.kind != "cluster" && estimate.kind != "switch";
  });
  return estimates;
}

NetworkCounts CountNetwork(const Topology& topology, const FabricGraph& graph,
                           const NetworkParts& parts, bool with_cuts) {
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
  counts.build = BuildOf(topology, graph, parts);
  counts.paths = PathsBetweenServers(topology, graph);
  counts.figures = FiguresOf(topology, counts.build, counts.paths, counts.cut.best.bandwidth);
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
  text += FiguresText(counts) + EstimatesText(counts.estimates);
  if (!counts.cluster.empty()) {
    text += fmt::format(
        "what is known of it, and what its topology does not carry: gridlock catalog show {}\n",
        counts.cluster);
  }
  return text;
}

std::string NetworkTable(const std::vector<NetworkCounts>& sites) {
  std::vector<std::size_t> widths;
  std::string text = fmt::format("{:<40}", "");
  for (const NetworkCounts& counts : sites) {
    std::size_t width = std::max<std::size_t>(10, TitleOf(counts).size());
    for (const NetworkFigure& figure : counts.figures) {
      width = std::max(width, figure.text.size());
    }
    widths.push_back(width);
    text += fmt::format("  {:>{}}", TitleOf(counts), width);
  }
  text += "\n";
  const auto row = [&](const std::string& label, const auto& cell_of) {
    text += fmt::format("{:<40}", label);
    for (std::size_t i = 0; i < sites.size(); ++i) {
      text += fmt::format("  {:>{}}", cell_of(sites[i]), widths[i]);
    }
    text += "\n";
  };
  row("accelerators", [](const NetworkCounts& counts) {
    return Grouped(counts.accelerators);
  });
  row("servers", [](const NetworkCounts& counts) {
    return Grouped(counts.servers);
  });
  for (std::size_t f = 0; !sites.empty() && f < sites.front().figures.size(); ++f) {
    row(sites.front().figures[f].label, [f](const NetworkCounts& counts) {
      return counts.figures[f].text;
    });
  }
  std::string remarks;
  for (const NetworkCounts& counts : sites) {
    remarks += Wrapped("", fmt::format("{}: {}", TitleOf(counts), counts.shape), 2);
    if (!counts.build.unpowered.empty()) {
      remarks += Wrapped("", "  no power is known of: " + Listed(counts.build.unpowered), 2);
    }
    if (!counts.build.unpriced.empty()) {
      remarks += Wrapped("", "  no price is known of: " + Listed(counts.build.unpriced), 2);
    }
    if (!counts.build.estimated.empty()) {
      remarks += Wrapped("", "  prices are estimates: " + Listed(counts.build.estimated), 2);
    }
    remarks += counts.connected ? "" : "  NOT connected\n";
  }
  return text + "\n" + remarks;
}

std::string NetworkCsv(const std::vector<NetworkCounts>& sites) {
  std::string text = "site,cluster,accelerators,servers,shape,connected";
  for (std::size_t f = 0; !sites.empty() && f < sites.front().figures.size(); ++f) {
    text += fmt::format(",{}", sites.front().figures[f].key);
  }
  text += "\n";
  for (const NetworkCounts& counts : sites) {
    text += fmt::format("{},{},{},{},{},{}", Cell(counts.site), Cell(counts.cluster),
                        counts.accelerators, counts.servers, Cell(counts.shape),
                        counts.connected ? "true" : "false");
    for (const NetworkFigure& figure : counts.figures) {
      text += std::isnan(figure.value) ? "," : fmt::format(",{}", figure.value);
    }
    text += "\n";
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
    json.Values("facts", counts.facts);
    json.Member("connected", counts.connected);
    if (counts.with_cuts) {
      AddCuts(json, counts.cut);
    }
    for (const NetworkFigure& figure : counts.figures) {
      json.Member(figure.key, figure.value);
    }
    json.Member("ways_from_sample", !counts.paths.exact);
    json.Member("pairs_apart", counts.paths.apart);
    AddBuild(json, counts.build);
    json.Values("prices_estimated", counts.build.estimated);
    json.Values("prices_unknown", counts.build.unpriced);
    std::vector<std::string> estimates;
    for (const Estimate& estimate : counts.estimates) {
      estimates.push_back(estimate.kind + " " + estimate.entry + ": " + estimate.field);
    }
    json.Values("estimates", estimates);
    json.EndObject();
  }
  json.EndArray();
  return json.Finish();
}

}  // namespace gridlock
