#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "topologies/listed/route_graph.h"
#include "topologies/tier.h"
#include "topologies/topology.h"

namespace gridlock {

/// Adds links of a topology to its graph, between the machines that Topology::ends names. Those are
/// nodes of the graph already.
class LinkEdges {
 public:
  LinkEdges(const Topology& topology, RouteGraph& graph);

  RouteGraph::Edge& Add(LinkIndex link);

 private:
  const Topology& topology_;
  RouteGraph& graph_;
  TierTable tiers_;
  std::map<std::string, std::int32_t> node_of_;
};

}  // namespace gridlock
