#pragma once

// The network of a site, counted: for `gridlock topo`.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/catalogue/estimate.h"
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
  CutBound cut;                     ///< when `with_cuts`
  std::vector<Estimate> estimates;  ///< on which counts and bandwidths rest
};

/// The estimates on which counts and bandwidths rest: those of clusters and switches.
std::vector<Estimate> EstimatesOfNetwork(std::vector<Estimate> estimates);

/// Max flow takes a while on large sites: `with_cuts` false leaves it out.
NetworkCounts CountNetwork(const Topology& topology, const FabricGraph& graph, bool with_cuts);

std::string NetworkText(const NetworkCounts& counts);

/// A list with one object per site. Bandwidths in bytes per second and direction.
std::string NetworkJson(const std::vector<NetworkCounts>& sites);

}  // namespace gridlock
