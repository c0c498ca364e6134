#include <algorithm>
#include <cstdint>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/report/layout.h"
#include "topologies/fabric.h"
#include "topologies/fabric_graph.h"

#include "tools/command.h"

namespace gridlock {

namespace {

struct TopoOptions {
  ScenarioOptions scenario;
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

int Topo(const TopoOptions& options) {
  return WithScenario(options.scenario, [&](Scenario& scenario) -> int {
    const Fabric fabric(scenario.site());
    const FabricGraph graph = MakeGraph(fabric);
    fmt::print("{}: {} in {}, {} of {}{}\n", scenario.site().name,
               Count(fabric.accelerators(), "accelerator", "accelerators"),
               Count(fabric.servers(), "server", "servers"), Count(fabric.pods(), "pod", "pods"),
               fabric.leaves() < fabric.pods() * fabric.leaves_per_pod() ? "up to " : "",
               Count(fabric.leaves_per_pod(), "leaf", "leaves"));
    PrintCounts(graph);
    fmt::print("oversubscription as built: leaf {:.3g}:1", fabric.leaf_oversubscription());
    fmt::print("{}\n", scenario.site().clos.tiers == 3
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
    return kSuccess;
  });
}

}  // namespace

void AddTopoCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<TopoOptions>();
  options->scenario.command = "topo";
  CLI::App* command = app.add_subcommand(
      "topo",
      "Count a scenario's switches and cables, check its ports, bound its bisection bandwidth");
  command->add_option("SCENARIO", options->scenario.file, "Scenario file (textproto)")->required();
  command
      ->add_option("--set", options->scenario.overrides,
                   "Override a field: --set path=value; repeatable")
      ->take_all()
      ->type_name("PATH=VALUE");
  command->add_flag("!--no-cut", options->cut, "Leave the max-flow cuts out");
  command->add_option("--dot", options->dot, "Also write the graph for Graphviz (small sites)")
      ->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  gridlock topo examples/02-llama-405b-16k/scenario.textproto\n"
      "  gridlock topo examples/01-two-servers/scenario.textproto --dot fabric.dot");
  command->callback([options, &code] {
    code = Topo(*options);
  });
}

}  // namespace gridlock
