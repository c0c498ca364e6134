#pragma once

#include <vector>

#include "topologies/network.h"
#include "workloads/program/collective.h"

namespace gridlock {

/// Delays of the switches that a group's messages pass beyond the first one. What a step was
/// measured to take holds that of the first.
class SwitchHops {
 public:
  explicit SwitchHops(const Network& network);

  /// Sets ring_hop, tree_hops and far_hop of a group's shape, from the first ranks of its domains;
  /// `starts` are their places among `members`. Nothing on a direct network, whose steps are hops.
  void Add(const std::vector<AcceleratorIndex>& members, const std::vector<int>& starts,
           GroupShape& shape) const;

  /// The longest way from a rank to the next one, fibres included.
  [[nodiscard]] Seconds FarthestNeighbour(const std::vector<AcceleratorIndex>& ranks) const;

 private:
  [[nodiscard]] Seconds Between(AcceleratorIndex from, AcceleratorIndex to) const;

  const Network& network_;
  std::vector<Seconds> first_;  ///< switch of a way, by site
};

}  // namespace gridlock
