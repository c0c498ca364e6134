#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

#include "sim/base/atomic_file.h"
#include "tools/command.h"
#include "topologies/fabric.h"
#include "topologies/fabric_graph.h"

#include <sstream>

namespace gridlock {

namespace {

struct TopoOptions {
  ScenarioOptions scenario;
  std::string dot;
  bool cut = true;
};

void PrintCounts(const FabricGraph& graph) {
  fmt::print("{:<18}{:>10}\n", "nodes", "count");
  for (int kind = 0; kind < kNodeKinds; ++kind) {
    fmt::print("  {:<16}{:>10}\n", NodeKindName(static_cast<NodeKind>(kind)), graph.nodes(static_cast<NodeKind>(kind)));
  }
  constexpr const char* kCables[kCableKinds] = {"", "scale-up links", "NIC - leaf", "leaf - spine", "spine - core"};
  fmt::print("{:<18}{:>10}\n", "cables", "count");
  for (int kind = 1; kind < kCableKinds; ++kind) {
    fmt::print("  {:<16}{:>10}\n", kCables[kind], graph.cables(static_cast<CableKind>(kind)));
  }
}

int Topo(const TopoOptions& options) {
  return WithScenario(options.scenario, [&](Scenario& scenario) -> int {
    const Fabric fabric(scenario.site);
    const FabricGraph graph = MakeGraph(fabric);
    fmt::print("{}: {} accelerators in {} servers, {} pods of {} leaves\n", scenario.site.name, fabric.accelerators(),
               fabric.servers(), fabric.pods(), fabric.leaves_per_pod());
    PrintCounts(graph);
    fmt::print("oversubscription as built: leaf {:.3g}:1", fabric.leaf_oversubscription());
    fmt::print("{}\n", scenario.site.clos.tiers == 3 ? fmt::format(", spine {:.3g}:1", fabric.spine_oversubscription()) : "");
    fmt::print("connected: {}\n", Connected(graph) ? "yes" : "NO");
    if (options.cut) {
      const CutBound cut = BestKnownCut(graph);
      for (const Cut& tried : cut.tried) {
        fmt::print("  cut {:<24} {}\n", tried.halving, FormatBandwidth(tried.bandwidth));
      }
      fmt::print("{}\n", DescribeCut(cut));
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
  CLI::App* command = app.add_subcommand("topo", "Count a scenario's switches and cables, check its ports, bound its bisection bandwidth");
  command->add_option("SCENARIO", options->scenario.file, "Scenario file (textproto)")->required();
  command->add_option("--set", options->scenario.overrides, "Override a field: --set path=value; repeatable")
      ->take_all()
      ->type_name("PATH=VALUE");
  command->add_flag("!--no-cut", options->cut, "Leave the max-flow cuts out");
  command->add_option("--dot", options->dot, "Also write the graph for Graphviz (small sites)")->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  gridlock topo examples/02-llama-405b-16k/scenario.textproto\n"
      "  gridlock topo examples/01-two-servers/scenario.textproto --dot fabric.dot");
  command->callback([options, &code] { code = Topo(*options); });
}

}  // namespace gridlock
