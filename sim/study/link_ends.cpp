#include "sim/study/link_ends.h"

#include <map>
#include <string>

#include "topologies/listed/route_graph.h"

namespace gridlock {

namespace {

// A network is written out for this, link by link.
constexpr int kLinksMost = 1'000'000;

}  // namespace

void NameEnds(const Network& network, std::span<LinkUse> links) {
  if (network.sites() > 1 || network.links() > kLinksMost || links.empty()) {
    return;
  }
  std::multimap<std::string, LinkUse*> by_name;
  for (LinkUse& link : links) {
    by_name.emplace(link.name, &link);
  }
  const RouteGraph graph = network.fabric({0}).route_graph();
  for (const RouteGraph::Edge& edge : graph.edges) {
    const auto [begin, end] = by_name.equal_range(edge.id);
    for (auto link = begin; link != end; ++link) {
      link->second->from = graph.nodes[edge.from].id;
      link->second->to = graph.nodes[edge.to].id;
    }
  }
}

}  // namespace gridlock
