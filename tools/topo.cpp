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
#include "topologies/fabric.h"
#include "topologies/fabric_graph.h"

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
void PrintCount(const char* what, std::int64_t count) {
  if (count > 0) {
    fmt::print("  {:<16}{:>10}\n", what, Grouped(static_cast<double>(count)));
  }
}

void PrintCounts(const FabricGraph& graph) {
  fmt::print("{:<18}{:>10}\n", "nodes", "count");
  for (int kind = 0; kind < kNodeKinds; ++kind) {
    PrintCount(NodeKindName(static_cast<NodeKind>(kind)), graph.nodes(static_cast<NodeKind>(kind)));
  }
  constexpr const char* kCables[kCableKinds] = {"", "scale-up links", "NIC - leaf", "leaf - spine",
                                                "spine - core"};
  fmt::print("{:<18}{:>10}\n", "cables", "count");
  for (int kind = 1; kind < kCableKinds; ++kind) {
    PrintCount(kCables[kind], graph.cables(static_cast<CableKind>(kind)));
  }
}

void PrintCuts(const FabricGraph& graph) {
  const CutBound cut = BestKnownCut(graph);
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
  const Fabric fabric(site);
  const FabricGraph graph = MakeGraph(fabric);
  fmt::print("{}: {} in {}, {} of {}{}\n", site.name,
             Count(fabric.accelerators(), "accelerator", "accelerators"),
             Count(fabric.servers(), "server", "servers"), Count(fabric.pods(), "pod", "pods"),
             fabric.leaves() < fabric.pods() * fabric.leaves_per_pod() ? "up to " : "",
             Count(fabric.leaves_per_pod(), "leaf", "leaves"));
  PrintCounts(graph);
  fmt::print("oversubscription as built: leaf {:.3g}:1", fabric.leaf_oversubscription());
  fmt::print("{}\n", site.clos.tiers == 3
                         ? fmt::format(", spine {:.3g}:1", fabric.spine_oversubscription())
                         : "");
  fmt::print("connected: {}\n", Connected(graph) ? "yes" : "NO");
  if (options.cut) {
    PrintCuts(graph);
  }
  if (!options.dot.empty()) {
    std::ostringstream text;
    WriteDot(graph, text);
    WriteFileAtomically(options.dot, text.str());
  }
}

int TopoOfCluster(const TopoOptions& options) {
  try {
    const ClusterSite cluster = LoadCluster(options.cluster);
    Topo(cluster.site, options);
    for (const std::string& note : cluster.notes) {
      // Estimates of accelerators and servers bear on no count.
      if (note.starts_with("cluster ") || note.starts_with("switch ")) {
        fmt::print("{}", Wrapped("", note, 2));
      }
    }
    fmt::print("what is known of it, and what a Clos does not carry: gridlock catalog show {}\n",
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
  return WithScenario(options.scenario, [&](Scenario& scenario) -> int {
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
  command
      ->add_option("--set", options->scenario.overrides,
                   "Override a field: --set path=value; repeatable")
      ->take_all()
      ->needs(scenario)
      ->type_name("PATH=VALUE");
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
