#include <algorithm>
#include <cstdint>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/report/layout.h"
#include "sim/scenario/cluster_site.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/topology.h"

#include "tools/command.h"

namespace gridlock {

namespace {

struct TopoOptions {
  ScenarioOptions scenario;
  std::string cluster;
  std::string dot;
  bool cut = true;
};

// "1 leaf", "2 leaves".
std::string Count(int count, const char* one, const char* many) {
  return fmt::format("{} {}", Grouped(count), count == 1 ? one : many);
}

// A row; nothing when there is nothing to count.
void PrintCount(const std::string& what, std::int64_t count) {
  if (count > 0) {
    fmt::print("  {:<16}{:>10}\n", what, Grouped(static_cast<double>(count)));
  }
}

void PrintCounts(const FabricGraph& graph) {
  const Wiring& wiring = graph.wiring();
  fmt::print("{:<18}{:>10}\n", "nodes", "count");
  for (const Wiring::NodeKind& kind : wiring.node_kinds) {
    PrintCount(kind.name, kind.count);
  }
  fmt::print("{:<18}{:>10}\n", "cables", "count");
  for (std::size_t kind = 0; kind < wiring.cable_kinds.size(); ++kind) {
    if (!wiring.cable_kinds[kind].inside) {
      PrintCount(wiring.cable_kinds[kind].name, graph.cables(static_cast<int>(kind)));
    }
  }
}

void PrintCuts(const Topology& topology) {
  const CutBound cut = BestKnownCut(topology.cut_problem());
  static constexpr ColumnUnit kUnits[] = {{1e9, "GB/s"}, {1e12, "TB/s"}};
  std::size_t width = 0;
  std::vector<double> bandwidths;
  for (const Cut& tried : cut.tried) {
    bandwidths.push_back(tried.bandwidth.si());
    width = std::max(width, tried.halving.size());
  }
  if (!cut.tried.empty()) {
    fmt::print("cuts between halves, one direction\n");
  }
  const std::vector<std::string> cells = Column(bandwidths, kUnits);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    fmt::print("  {:<{}}  {:>12}\n", cut.tried[i].halving, width, cells[i]);
  }
  fmt::print("{}", Wrapped("", DescribeCut(cut), 2));
}

void Topo(const SiteSpec& site, const TopoOptions& options) {
  const std::shared_ptr<const Topology> topology = MakeTopology(site);
  const FabricGraph graph(topology->wiring());
  fmt::print("{}: {} in {}, {}\n", site.name,
             Count(topology->accelerators(), "accelerator", "accelerators"),
             Count(topology->servers(), "server", "servers"), topology->shape());
  PrintCounts(graph);
  for (const std::string& fact : topology->facts()) {
    fmt::print("{}\n", fact);
  }
  fmt::print("connected: {}\n", Connected(graph) ? "yes" : "NO");
  if (options.cut) {
    PrintCuts(*topology);
  }
  if (!options.dot.empty()) {
    std::ostringstream text;
    WriteDot(graph, text);
    WriteFileAtomically(options.dot, text.str());
  }
}

// The estimates on which counts and bandwidths rest; those of accelerators and servers do not.
void PrintEstimates(const std::vector<Estimate>& estimates) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const Estimate& estimate : estimates) {
    if (estimate.kind != "cluster" && estimate.kind != "switch") {
      continue;
    }
    const std::string entry = estimate.kind + " " + estimate.entry;
    if (entries.empty() || entries.back().first != entry) {
      entries.emplace_back(entry, estimate.field);
    } else {
      entries.back().second += ", " + estimate.field;
    }
  }
  for (const auto& [entry, fields] : entries) {
    fmt::print("{}", Wrapped("", entry + ": estimates: " + fields, 2));
  }
}

int TopoOfCluster(const TopoOptions& options) {
  try {
    const ClusterSite cluster = LoadCluster(options.cluster);
    Topo(cluster.site, options);
    PrintEstimates(cluster.estimates);
    fmt::print(
        "what is known of it, and what its topology does not carry: gridlock catalog show {}\n",
        options.cluster);
    return kSuccess;
  } catch (const UserError& error) {
    for (const Problem& problem : error.problems()) {
      fmt::print(stderr, "{}\n", problem.message);
    }
    return kBadInput;
  } catch (const IoError& error) {
    fmt::print(stderr, "gridlock: {}\n", error.what());
    return kIoFailed;
  }
}

int Topo(const TopoOptions& options) {
  if (!options.cluster.empty()) {
    return TopoOfCluster(options);
  }
  return WithSites(options.scenario, [&](Scenario& scenario) -> int {
    for (const SiteSpec& site : scenario.sites) {
      Topo(site, options);
    }
    return kSuccess;
  });
}

}  // namespace

void AddTopoCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<TopoOptions>();
  options->scenario.command = "topo";
  CLI::App* command = app.add_subcommand(
      "topo",
      "Count the switches and cables of a scenario or cluster, check ports, bound the bisection");
  CLI::Option_group* what = command->add_option_group("What");
  CLI::Option* scenario =
      what->add_option("SCENARIO", options->scenario.file, "Scenario file (textproto)");
  what->add_option("--cluster", options->cluster, "A cluster of the catalogue instead")
      ->type_name("NAME");
  what->require_option(1);
  AddOverrides(*command, options->scenario)->needs(scenario);
  command->add_flag("!--no-cut", options->cut, "Leave the max-flow cuts out");
  command->add_option("--dot", options->dot, "Also write the graph for Graphviz (small sites)")
      ->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  gridlock topo examples/02-llama-405b-16k/scenario.textproto\n"
      "  gridlock topo examples/01-two-servers/scenario.textproto --dot fabric.dot\n"
      "  gridlock topo --cluster meta_24k_h100");
  command->callback([options, &code] {
    code = Topo(*options);
  });
}

}  // namespace gridlock
