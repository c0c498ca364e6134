#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/describe/network_text.h"
#include "sim/scenario/cluster_site.h"
#include "topologies/graph.h"
#include "topologies/listed/route_graph.h"
#include "topologies/topology.h"

#include "tools/command.h"
#include "tools/screen.h"

namespace gridlock {

namespace {

struct TopoOptions {
  ScenarioOptions scenario;
  std::string cluster;
  std::string dot, graphml;
  bool cut = true;
};

NetworkCounts Count(const SiteSpec& site, const TopoOptions& options) {
  const std::shared_ptr<const Topology> topology = MakeTopology(site);
  const FabricGraph graph(topology->wiring());
  if (!options.dot.empty()) {
    std::ostringstream text;
    WriteDot(graph, text);
    WriteFileAtomically(options.dot, text.str());
  }
  if (!options.graphml.empty()) {
    std::ostringstream text;
    WriteGraphMl(topology->route_graph(), text);
    WriteFileAtomically(options.graphml, text.str());
  }
  return CountNetwork(*topology, graph, options.cut);
}

int Print(const std::vector<NetworkCounts>& sites, const TopoOptions& options) {
  std::string text;
  for (const NetworkCounts& counts : sites) {
    text += NetworkText(counts);
  }
  PrintText(options.scenario.format == "json" ? NetworkJson(sites) : text);
  return kSuccess;
}

int TopoOfCluster(const TopoOptions& options) {
  try {
    const ClusterSite cluster = LoadCluster(options.cluster);
    NetworkCounts counts = Count(cluster.site, options);
    counts.cluster = options.cluster;
    counts.estimates = EstimatesOfNetwork(cluster.estimates);
    return Print({counts}, options);
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
    std::vector<NetworkCounts> sites;
    for (const SiteSpec& site : scenario.sites) {
      sites.push_back(Count(site, options));
    }
    return Print(sites, options);
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
  command->add_option("--format", options->scenario.format, "What is printed on the screen")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command
      ->add_option("--graphml", options->graphml,
                   "Also write the links as GraphML; fabric { listed { file: \"FILE\" } } reads it")
      ->type_name("FILE");
  command->footer(
      "Examples:\n"
      "  gridlock topo examples/02-llama-405b-16k/scenario.textproto\n"
      "  gridlock topo examples/01-two-servers/scenario.textproto --dot fabric.dot\n"
      "  gridlock topo --cluster meta_24k_h100\n"
      "  gridlock topo --cluster meta_24k_h100 --no-cut --format json\n"
      "A scenario needs no job for this, and its jobs need not fit.");
  command->callback([options, &code] {
    code = Topo(*options);
  });
}

}  // namespace gridlock
