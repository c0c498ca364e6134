#include "topologies/listed/link_edges.h"

#include <utility>

namespace gridlock {

LinkEdges::LinkEdges(const Topology& topology, RouteGraph& graph)
    : topology_(topology), graph_(graph), tiers_(topology.tiers()) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    node_of_.emplace(graph.nodes[n].id, static_cast<std::int32_t>(n));
  }
}

RouteGraph::Edge& LinkEdges::Add(LinkIndex link) {
  const LinkEnds ends = topology_.ends(link);
  RouteGraph::Edge edge{topology_.name(link),     node_of_.at(ends.from),
                        node_of_.at(ends.to),     tiers_[topology_.tier(link)].name,
                        topology_.capacity(link), topology_.can_bind(link)};
  graph_.edges.push_back(std::move(edge));
  return graph_.edges.back();
}

}  // namespace gridlock
