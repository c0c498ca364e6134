#include "sim/plan/hops.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <variant>

namespace gridlock {

namespace {

// Of the first switch on a way, which is part of what a message by itself was measured to take.
Seconds FirstSwitch(const FabricSpec& fabric) {
  if (const auto* clos = std::get_if<ClosSpec>(&fabric)) {
    return clos->leaf.latency;
  }
  if (const auto* dragonfly = std::get_if<DragonflySpec>(&fabric)) {
    return dragonfly->router.latency;
  }
  if (const auto* hyperx = std::get_if<HyperXSpec>(&fabric)) {
    return hyperx->router.latency;
  }
  if (const auto* jellyfish = std::get_if<JellyfishSpec>(&fabric)) {
    return jellyfish->router.latency;
  }
  if (const auto* slim_fly = std::get_if<SlimFlySpec>(&fabric)) {
    return slim_fly->router.latency;
  }
  if (const auto* torus = std::get_if<TorusSpec>(&fabric)) {
    return torus->hop_latency;
  }
  Seconds least(HUGE_VAL);
  for (const RouteGraph::Node& node : std::get<ListedSpec>(fabric).graph->nodes) {
    least = node.latency > Seconds(0) ? std::min(least, node.latency) : least;
  }
  return least;
}

// Edges of a ring up to which all of them count; of longer ones as many stand for all, drawn, so
// that no regular place of leaves is met too often.
constexpr int kEdgesMost = 1024;

}  // namespace

SwitchHops::SwitchHops(const Network& network) : network_(network) {
  for (SiteIndex site{0}; site < network.sites(); ++site) {
    first_.push_back(FirstSwitch(network.fabric(site).site().fabric));
  }
}

// Sums are rounded to picoseconds, so that groups that add the same ways in another order are
// alike.
void SwitchHops::Add(const std::vector<AcceleratorIndex>& members, const std::vector<int>& starts,
                     GroupShape& shape) const {
  const SiteIndex site = network_.site_of(members.front());
  if (shape.domains < 2 || network_.fabric(site).site().server.direct) {
    return;
  }
  const auto hop = [&](int from, int to) {
    return Between(members[starts[from]], members[starts[to % shape.domains]]);
  };
  const int edges = std::min(shape.domains, kEdgesMost);
  Seconds sum;
  for (int i = 0; i < edges; ++i) {
    const int from = shape.domains == edges
                         ? i
                         : static_cast<int>(HashPick(0, static_cast<std::uint64_t>(i),
                                                     static_cast<std::uint64_t>(shape.domains)));
    sum += hop(from, from + 1);
  }
  shape.ring_hop = Seconds(std::round(sum.si() / edges * 1e12) * 1e-12);
  for (int distance = 1; distance < shape.domains; distance *= 2) {
    const Seconds level = hop(0, distance);
    shape.tree_hops += level;
    shape.far_hop = std::max(shape.far_hop, level);
  }
  shape.tree_hops = Seconds(std::round(shape.tree_hops.si() * 1e12) * 1e-12);
}

Seconds SwitchHops::FarthestNeighbour(const std::vector<AcceleratorIndex>& ranks) const {
  const Seconds first = first_[network_.site_of(ranks.front())];
  Seconds farthest(0);
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const Seconds way = network_.Latency(ranks[i], ranks[(i + 1) % ranks.size()]);
    farthest = std::max(farthest, way - first);
  }
  return farthest;
}

// Within a site; fibres count by themselves.
Seconds SwitchHops::Between(AcceleratorIndex from, AcceleratorIndex to) const {
  const SiteIndex site = network_.site_of(from);
  return site == network_.site_of(to)
             ? std::max(Seconds(0), network_.Latency(from, to) - first_[site])
             : Seconds(0);
}

}  // namespace gridlock
