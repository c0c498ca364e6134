#include <algorithm>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/describe/network_text.h"
#include "sim/scenario/cluster_site.h"
#include "topologies/graph.h"
#include "topologies/listed/route_graph.h"
#include "topologies/simgrid_xml.h"
#include "topologies/topology.h"

#include "tools/command.h"
#include "tools/screen.h"

namespace gridlock {

namespace {

struct TopoOptions {
  ScenarioOptions scenario;
  std::vector<std::string> files, clusters;
  int servers = 0;  ///< 0: as written
  std::string dot, graphml, simgrid;
  bool cut = true;

  [[nodiscard]] bool Exports() const {
    return !dot.empty() || !graphml.empty() || !simgrid.empty();
  }
};

void Export(const Topology& topology, const FabricGraph& graph, const TopoOptions& options) {
  if (!options.dot.empty()) {
    std::ostringstream text;
    WriteDot(graph, text);
    WriteFileAtomically(options.dot, text.str());
  }
  if (!options.graphml.empty()) {
    std::ostringstream text;
    const RouteGraph routes = topology.route_graph();
    WriteGraphMl(routes, text);
    WriteFileAtomically(options.graphml, text.str());
    // Of a dragonfly a shortest way may lead over a third group, where its own does not.
    if ((topology.parts() > 1 && !routes.sprayed) || topology.adapts() ||
        std::holds_alternative<DragonflySpec>(topology.site().fabric)) {
      fmt::print(
          stderr,
          "gridlock topo: {}: this network chooses ways in a manner for which GraphML has no "
          "word; read from the file, flows take shortest ways, and times differ\n",
          options.graphml);
    }
  }
  if (!options.simgrid.empty()) {
    std::ostringstream text;
    const AcceleratorSpec& chip = topology.site().server.accelerator;
    const double peak = chip.rates[static_cast<int>(Precision::kBf16)].peak.si();
    const double fallback = chip.rates[static_cast<int>(Precision::kFp32)].peak.si();
    WriteSimGridXml(topology, std::max(peak > 0 ? peak : fallback, 1.0), text);
    WriteFileAtomically(options.simgrid, text.str());
  }
}

NetworkCounts Count(SiteSpec site, const NetworkParts& parts, const TopoOptions& options) {
  if (options.servers > 0) {
    site.servers = options.servers;
  }
  const std::shared_ptr<const Topology> topology = MakeTopology(site);
  const FabricGraph graph(topology->wiring());
  Export(*topology, graph, options);
  return CountNetwork(*topology, graph, parts, options.cut);
}

int Print(const std::vector<NetworkCounts>& sites, const TopoOptions& options) {
  std::string text;
  if (options.scenario.format == "json") {
    text = NetworkJson(sites);
  } else if (options.scenario.format == "csv") {
    text = NetworkCsv(sites);
  } else if (options.files.size() + options.clusters.size() > 1) {
    text = NetworkTable(sites);
  } else {
    for (const NetworkCounts& counts : sites) {
      text += NetworkText(counts);
    }
  }
  PrintText(text);
  return kSuccess;
}

int AddCluster(const std::string& name, const TopoOptions& options,
               std::vector<NetworkCounts>& sites) {
  try {
    const ClusterSite cluster = LoadCluster(name);
    sites.push_back(Count(cluster.site, cluster.parts, options));
    sites.back().cluster = name;
    sites.back().estimates = EstimatesOfNetwork(cluster.estimates);
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

int AddFile(const std::string& file, const TopoOptions& options,
            std::vector<NetworkCounts>& sites) {
  ScenarioOptions scenario_options = options.scenario;
  scenario_options.file = file;
  return WithSiteBase(scenario_options, [&](const ScenarioBase& base, Scenario& scenario) -> int {
    if (options.Exports() && scenario.sites.size() > 1) {
      throw UserError("", fmt::format("one file cannot hold the networks of {} sites; expected a "
                                      "scenario of one site with --dot, --graphml and --simgrid",
                                      scenario.sites.size()));
    }
    const NetworkParts parts = base.PartsOfNetworks();
    // Sites of many files share names, and so may their scenarios: six-fabrics/clos.textproto is
    // "clos", and my-cluster/scenario.textproto the name that stands in it.
    const std::string stem = std::filesystem::path(file).stem().string();
    const std::string name = stem == "scenario" ? scenario.name : stem;
    for (const SiteSpec& site : scenario.sites) {
      sites.push_back(Count(site, parts, options));
      if (options.files.size() > 1) {
        sites.back().site =
            scenario.sites.size() == 1 ? name : fmt::format("{}/{}", name, sites.back().site);
      }
    }
    return static_cast<int>(kSuccess);
  });
}

int Topo(const TopoOptions& options) {
  if (options.Exports() && options.files.size() + options.clusters.size() > 1) {
    fmt::print(stderr,
               "gridlock topo: one file cannot hold several networks; expected one scenario or "
               "cluster with --dot, --graphml and --simgrid\n");
    return kBadInput;
  }
  std::vector<NetworkCounts> sites;
  for (const std::string& file : options.files) {
    if (const int code = AddFile(file, options, sites); code != kSuccess) {
      return code;
    }
  }
  for (const std::string& cluster : options.clusters) {
    if (const int code = AddCluster(cluster, options, sites); code != kSuccess) {
      return code;
    }
  }
  return Print(sites, options);
}

}  // namespace

void AddTopoCommand(CLI::App& app, int& code) {
  auto options = std::make_shared<TopoOptions>();
  options->scenario.command = "topo";
  CLI::App* command = app.add_subcommand(
      "topo", "Count what the networks of scenarios or clusters are made of, and compare them");
  CLI::Option_group* what = command->add_option_group("What");
  CLI::Option* scenario = what->add_option(
      "SCENARIO", options->files, "Scenario file (textproto); several are compared side by side");
  what->add_option("--cluster", options->clusters,
                   "A cluster of the catalogue, instead of a scenario or beside it; repeatable")
      ->type_name("NAME")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  what->require_option(1, 0);
  AddOverrides(*command, options->scenario)->needs(scenario);
  command
      ->add_option("--servers", options->servers,
                   "Of each site, in place of what is written: fabrics for one number of servers")
      ->type_name("N")
      ->check(CLI::Range(1, 100'000'000));
  command->add_flag("!--no-cut", options->cut, "Leave the max-flow cuts out");
  command->add_option("--dot", options->dot, "Also write the graph for Graphviz (small sites)")
      ->type_name("FILE");
  command->add_option("--format", options->scenario.format, "What is printed on the screen")
      ->check(CLI::IsMember({"text", "csv", "json"}))
      ->capture_default_str();
  command
      ->add_option("--graphml", options->graphml,
                   "Also write the links as GraphML; fabric { listed { file: \"FILE\" } } reads it")
      ->type_name("FILE");
  command
      ->add_option("--simgrid", options->simgrid,
                   "Also write a platform of SimGrid, with the route of every pair (to 512 "
                   "accelerators)")
      ->type_name("FILE.xml");
  command->footer(
      "Examples:\n"
      "  gridlock topo examples/02-llama-405b-16k/scenario.textproto\n"
      "  gridlock topo examples/01-two-servers/scenario.textproto --dot fabric.dot\n"
      "  gridlock topo --cluster meta_24k_h100\n"
      "  gridlock topo --cluster meta_24k_h100 --no-cut --format json\n"
      "  gridlock topo --cluster meta_24k_h100 --cluster deepseek_2k_h800 --format csv\n"
      "  gridlock topo examples/01-two-servers/scenario.textproto --simgrid platform.xml\n"
      "  gridlock topo clos.textproto dragonfly.textproto hyperx.textproto --servers 256\n"
      "A scenario needs no job for this, and its jobs need not fit.");
  command->callback([options, &code] {
    code = Topo(*options);
  });
}

}  // namespace gridlock
