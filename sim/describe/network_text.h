#pragma once

// The network of a site, counted: for `gridlock topo`.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/catalogue/estimate.h"
#include "sim/describe/network_figures.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/topology.h"

namespace gridlock {

/// A kind of machine or cable and how many there are: {"leaf - spine", 1024}.
using CountOfKind = std::pair<std::string, std::int64_t>;

struct NetworkCounts {
  std::string site;
  std::string cluster;  ///< entry of the catalogue that was asked for; "" for a site of a scenario
  int accelerators = 0, servers = 0;
  std::string shape;                ///< "4 pods of 32 leaves"
  std::vector<CountOfKind> nodes;   ///< accelerators, servers, NICs, switches; none with count zero
  std::vector<CountOfKind> cables;  ///< without those inside a server
  std::vector<std::string> facts;   ///< "oversubscription as built: leaf 1:1"
  bool connected = false;
  bool with_cuts = false;
  CutBound cut;  ///< when `with_cuts`
  NetworkBuild build;
  PathLengths paths;
  std::vector<NetworkFigure> figures;
  std::vector<Estimate> estimates;  ///< on which counts and bandwidths rest
};

/// The estimates on which counts and bandwidths rest: those of clusters and switches.
std::vector<Estimate> EstimatesOfNetwork(std::vector<Estimate> estimates);

/// Max flow takes a while on large sites: `with_cuts` false leaves it out.
NetworkCounts CountNetwork(const Topology& topology, const FabricGraph& graph,
                           const NetworkParts& parts, bool with_cuts);

std::string NetworkText(const NetworkCounts& counts);

/// The figures of several networks, side by side.
std::string NetworkTable(const std::vector<NetworkCounts>& sites);

/// One line for each site.
std::string NetworkCsv(const std::vector<NetworkCounts>& sites);

/// A list with one object per site. Bandwidths in bytes per second and direction.
std::string NetworkJson(const std::vector<NetworkCounts>& sites);

}  // namespace gridlock
