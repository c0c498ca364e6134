#include "topologies/listed/topology.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/cut.h"
#include "topologies/graph.h"

namespace gridlock {

namespace {

constexpr std::uint64_t kPickSprayed = 141;  // a stream of hashes

// The most of so many ways that have equal whole parts of a flow.
std::size_t Dividing(std::size_t ways) {
  while (ways > 1 && ListedTopology::kParts % static_cast<std::int32_t>(ways) != 0) {
    --ways;
  }
  return ways;
}

std::string Text(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

std::string TitleOf(const ListedSpec& listed) {
  return fmt::format("graph of {} and {} from {}", Text(listed.graph->nodes.size(), "machine"),
                     Text(listed.graph->edges.size(), "link"), listed.file);
}

ListedTopology::ListedTopology(const SiteSpec& site)
    : Topology(site), kept_(KnownIndexOfGraph(this->site())) {
  locality_ = LocalityOfGraph(index_, this->site());
}

std::string ListedTopology::shape() const {
  return "a graph of " + Text(graph().nodes.size(), "machine");
}

std::vector<Tier> ListedTopology::tiers() const {
  std::vector<Tier> tiers;
  for (const std::string& name : index_.tier_names) {
    // Accelerators that are routers pay for what they send on.
    tiers.push_back(
        {name, "the links of tier " + name, /*shared=*/true, site().server.direct ? 1.0 : 0.0});
  }
  return tiers;
}

BytesPerSecond ListedTopology::capacity(LinkIndex link) const {
  const BytesPerSecond listed = EdgeOf(link).capacity;
  const ServerSpec& server = site().server;
  if (tier(link) == TierTable::kScaleUp) {
    return std::min(listed, server.accelerator.scale_up_bandwidth);
  }
  if (tier(link) == TierTable::kNic) {
    return std::min(listed, server.nic_bandwidth * server.nics_each());
  }
  return listed;
}

LinkIndex ListedTopology::scale_up_out(AcceleratorIndex a) const {
  CHECK(index_.port_out[a.value] >= 0);
  return {index_.port_out[a.value]};
}

LinkIndex ListedTopology::scale_up_in(AcceleratorIndex a) const {
  CHECK(index_.port_in[a.value] >= 0);
  return {index_.port_in[a.value]};
}

template <typename HopsOf>
ListedTopology::Half ListedTopology::Choose(std::span<const Half> choices, const HopsOf& hops,
                                            int nearer, std::uint64_t flow_hash) const {
  Half best{-1, -1};
  std::uint64_t count = 0;
  for (const Half& half : choices) {
    if (hops(half.node) == nearer) {
      ++count;
      if (best.edge < 0 ||
          graph().edges[half.edge].preference < graph().edges[best.edge].preference) {
        best = half;
      }
    }
  }
  CHECK(best.edge >= 0);
  if ((!graph().hashed && !graph().sprayed) || count == 1) {
    return best;
  }
  std::uint64_t skip =
      HashPick(flow_hash, static_cast<std::uint64_t>(graph().edges[best.edge].stream), count);
  for (const Half& half : choices) {
    if (hops(half.node) == nearer && skip-- == 0) {
      return half;
    }
  }
  CHECK(false);
}

std::vector<std::int32_t> ListedTopology::Way(std::int32_t from, std::int32_t to,
                                              std::uint64_t flow_hash) const {
  const std::int32_t gateway = index_.gateway_of[to];
  const auto known = searches_.find(gateway);
  Turns::Search& search = known != searches_.end()
                              ? known->second
                              : searches_.emplace(gateway, index_.turns.To(gateway)).first->second;
  int left = index_.turns.Find(from, search);
  CHECK(left != Turns::kFar);
  const auto hops = [&](std::int32_t node) {
    return index_.turns.HopsFrom(node, search);
  };
  std::vector<std::int32_t> way;
  for (std::int32_t node = from; left > 0; --left) {
    const Half next = Choose(index_.out[node], hops, left - 1, flow_hash);
    way.push_back(next.edge);
    node = next.node;
  }
  const std::vector<std::int32_t> last = index_.LastEdges(to);
  way.insert(way.end(), last.rbegin(), last.rend());
  return way;
}

void ListedTopology::Append(const std::vector<std::int32_t>& way,
                            std::vector<LinkIndex>& route) const {
  for (const std::int32_t e : way) {
    if (index_.link_of[e] >= 0) {
      route.push_back({index_.link_of[e]});
    }
  }
}

void ListedTopology::AppendRoute(AcceleratorIndex from, AcceleratorIndex to,
                                 std::uint64_t flow_hash, std::vector<LinkIndex>& route) const {
  CHECK(from != to && from.value < accelerators() && to.value < accelerators());
  if (same_domain(from, to)) {
    route.push_back(scale_up_out(from));
    route.push_back(scale_up_in(to));
    return;
  }
  Append(Way(from.value, to.value, flow_hash), route);
}

std::vector<std::vector<std::int32_t>> ListedTopology::WaysBetween(std::int32_t from,
                                                                   std::int32_t to,
                                                                   std::uint64_t most) const {
  const std::int32_t gateway = index_.gateway_of[to];
  CountedWays& known = ways_.try_emplace(gateway, index_, gateway).first->second;
  const std::uint64_t all = known.Count(from);
  const std::uint64_t used = std::min(all, most);
  // Not of the flow, but of where it begins and ends: accelerators of a server stay alike.
  const std::uint64_t ends = static_cast<std::uint64_t>(index_.gateway_of[from]) << 32U |
                             static_cast<std::uint32_t>(gateway);
  const std::uint64_t first = used < all ? HashPick(ends, kPickSprayed, all) : 0;
  std::vector<std::vector<std::int32_t>> ways;
  for (std::uint64_t w = 0; w < used; ++w) {
    ways.push_back(known.Way(from, (first + all / used * w + all % used * w / used) % all));
  }
  return ways;
}

void ListedTopology::AppendSpread(const std::vector<std::vector<std::int32_t>>& ways,
                                  std::int32_t to, std::vector<LinkShare>& shares) const {
  const auto append = [&](std::int32_t edge, std::int32_t part) {
    if (index_.link_of[edge] >= 0) {
      shares.push_back({{index_.link_of[edge]}, part});
    }
  };
  for (const auto& way : ways) {
    for (const std::int32_t edge : way) {
      append(edge, kParts / static_cast<std::int32_t>(ways.size()));
    }
  }
  for (const std::int32_t edge : index_.LastEdges(to)) {
    append(edge, kParts);
  }
}

void ListedTopology::AppendShares(AcceleratorIndex from, AcceleratorIndex to,
                                  std::uint64_t flow_hash, std::span<const double> load,
                                  std::vector<LinkShare>& shares) const {
  if (!graph().sprayed || same_domain(from, to)) {
    return Topology::AppendShares(from, to, flow_hash, load, shares);
  }
  auto ways = WaysBetween(from.value, to.value, kWaysMost);
  if (const std::size_t used = Dividing(ways.size()); used < ways.size()) {
    ways = WaysBetween(from.value, to.value, used);
  }
  AppendSpread(ways, to.value, shares);
}

bool ListedTopology::AppendSharesAround(AcceleratorIndex from, AcceleratorIndex to,
                                        std::uint64_t /*flow_hash*/,
                                        const std::function<bool(LinkIndex)>& failed,
                                        std::vector<LinkShare>& shares) const {
  const auto works = [&](std::int32_t edge) {
    return index_.link_of[edge] < 0 || !failed({index_.link_of[edge]});
  };
  const std::vector<std::int32_t> last = index_.LastEdges(to.value);
  if (!graph().sprayed || same_domain(from, to) || !std::all_of(last.begin(), last.end(), works)) {
    return false;
  }
  constexpr std::uint64_t kTried = 512;
  std::vector<std::vector<std::int32_t>> left = WaysBetween(from.value, to.value, kTried);
  std::erase_if(left, [&](const auto& way) {
    return !std::all_of(way.begin(), way.end(), works);
  });
  if (left.empty()) {
    return false;
  }
  left.resize(Dividing(std::min<std::size_t>(left.size(), kWaysMost)));
  AppendSpread(left, to.value, shares);
  return true;
}

std::vector<std::int32_t> ListedTopology::WayFrom(std::int32_t node, const Rows<Half>& halves,
                                                  const Hops& hops, std::uint64_t flow_hash) const {
  std::vector<std::int32_t> way;
  const auto hops_of = [&](std::int32_t other) {
    return hops[other];
  };
  while (hops[node] != 0 && hops[node] != GraphIndex::kFar) {
    const Half next = Choose(halves[node], hops_of, hops[node] - 1, flow_hash);
    way.push_back(next.edge);
    node = next.node;
  }
  return way;
}

void ListedTopology::AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                                std::vector<LinkIndex>& route) const {
  Append(WayFrom(from.value, index_.out, index_.to_border, flow_hash), route);
}

// Chosen backwards from the goal, so that the last link does not depend on where the way begins.
void ListedTopology::AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                                 std::vector<LinkIndex>& route) const {
  std::vector<std::int32_t> way = WayFrom(to.value, index_.in, index_.from_border, flow_hash);
  std::reverse(way.begin(), way.end());
  Append(way, route);
}

Seconds ListedTopology::LatencyOf(const std::vector<std::int32_t>& way) const {
  Seconds latency(0.0);
  for (const std::int32_t e : way) {
    latency += graph().nodes[graph().edges[e].to].latency;
  }
  return latency;
}

// Of a flow that is spread the mean of its ways; to the last bit that of each where they are equal.
Seconds ListedTopology::Latency(AcceleratorIndex from, AcceleratorIndex to) const {
  if (same_domain(from, to)) {
    return Seconds(0.0);
  }
  if (!graph().sprayed) {
    return LatencyOf(Way(from.value, to.value, 0));
  }
  const std::vector<std::int32_t> last = index_.LastEdges(to.value);
  Seconds sum(0.0), least(HUGE_VAL), most(0.0);
  const auto ways = WaysBetween(from.value, to.value, kWaysMost);
  for (std::vector<std::int32_t> way : ways) {
    way.insert(way.end(), last.rbegin(), last.rend());
    const Seconds latency = LatencyOf(way);
    sum += latency;
    least = std::min(least, latency);
    most = std::max(most, latency);
  }
  return least == most ? most : sum / static_cast<double>(ways.size());
}

Seconds ListedTopology::LatencyToBorder() const {
  return LatencyOf(WayFrom(0, index_.out, index_.to_border, 0));
}

std::vector<Equipment> ListedTopology::equipment() const {
  std::vector<Equipment> all;
  for (const RouteGraph::Node& node : graph().nodes) {
    if (node.kind == RouteGraph::kAccelerator || node.kind == RouteGraph::kScaleUpSwitch) {
      continue;
    }
    const auto known = std::find_if(all.begin(), all.end(), [&node](const Equipment& each) {
      return each.name == node.kind;
    });
    Equipment& kind = known == all.end() ? all.emplace_back() : *known;
    kind.name = kind.plural = node.kind;
    ++kind.count;
  }
  return all;
}

Wiring ListedTopology::wiring() const {
  Wiring wiring;
  std::vector<int> kind_of, vertex_of(graph().nodes.size());
  for (const RouteGraph::Node& node : graph().nodes) {
    const auto known = std::find_if(wiring.node_kinds.begin(), wiring.node_kinds.end(),
                                    [&node](const Wiring::NodeKind& kind) {
                                      return kind.name == node.kind;
                                    });
    kind_of.push_back(static_cast<int>(known - wiring.node_kinds.begin()));
    if (known == wiring.node_kinds.end()) {
      wiring.node_kinds.push_back({node.kind, 0});
    }
    ++wiring.node_kinds[kind_of.back()].count;
  }
  std::vector<int> next(wiring.node_kinds.size());
  for (std::size_t k = 1; k < next.size(); ++k) {
    next[k] = next[k - 1] + wiring.node_kinds[k - 1].count;
  }
  for (std::size_t n = 0; n < kind_of.size(); ++n) {
    vertex_of[n] = next[kind_of[n]]++;
  }
  wiring.cable_kinds.push_back({"", /*inside=*/true});
  wiring.cable_kinds.push_back({"scale-up links"});
  wiring.cable_kinds.push_back({"NIC links"});
  for (const std::string& name : index_.tier_names) {
    wiring.cable_kinds.push_back({name + " links"});
  }
  // Two directions are one cable: the one that leads to the node with the higher number counts.
  for (std::size_t e = 0; e < graph().edges.size(); ++e) {
    const RouteGraph::Edge& edge = graph().edges[e];
    if (edge.from < edge.to) {
      const int kind = index_.link_of[e] < 0 ? 0 : 1 + index_.tier_of[index_.link_of[e]].value;
      wiring.cables.push_back({kind, vertex_of[edge.from], vertex_of[edge.to], 1, edge.capacity});
    }
  }
  return wiring;
}

CutProblem ListedTopology::cut_problem() const {
  CutProblem problem;
  problem.vertices = static_cast<int>(graph().nodes.size());
  double most = 0;
  for (std::size_t link = 0; link < index_.edge_of.size(); ++link) {
    const RouteGraph::Edge& edge = EdgeOf({static_cast<std::int32_t>(link)});
    most = std::max(most, edge.capacity.si());
    if (index_.tier_of[link] != TierTable::kScaleUp && edge.from < edge.to) {
      problem.edges.push_back({edge.from, edge.to, edge.capacity.si()});
    }
  }
  for (const RouteGraph::Edge& edge : graph().edges) {
    if (edge.attachment() && edge.from < edge.to) {
      problem.edges.push_back({edge.from, edge.to, most});
    }
  }
  for (int a = 0; a < accelerators(); ++a) {
    problem.terminals.push_back({a, most});
  }
  if (servers() > 1) {
    problem.halvings.push_back(HalveServers("first half of the servers | second half", servers(),
                                            server_size(), [](ServerIndex server) {
                                              return server;
                                            }));
    problem.halvings.push_back(
        HalveServers("even | odd servers", servers(), server_size(), [](ServerIndex server) {
          return server % 2;
        }));
  }
  return problem;
}

}  // namespace gridlock
