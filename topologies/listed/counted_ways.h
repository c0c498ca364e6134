#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "topologies/listed/graph_index.h"
#include "topologies/listed/turns.h"

namespace gridlock {

/// All shortest ways of a graph to one goal, counted and numbered; parallel edges are ways of their
/// own. The index must outlive it.
class CountedWays {
 public:
  CountedWays(const GraphIndex& index, std::int32_t goal)
      : index_(&index), search_(index.turns.To(goal)) {}

  /// From a node that reaches the goal; kMost stands for that many and more.
  std::uint64_t Count(std::int32_t node);

  /// The edges of the n-th way, from 0 on, in the order of the file.
  std::vector<std::int32_t> Way(std::int32_t node, std::uint64_t n);

  static constexpr std::uint64_t kMost = std::uint64_t{1} << 40U;

 private:
  // Calls visit(half, ways) for the next edges of the shortest ways until it returns false.
  template <typename Visit>
  void ForEachNext(std::int32_t node, const Visit& visit);

  const GraphIndex* index_;
  Turns::Search search_;
  std::unordered_map<std::int32_t, std::uint64_t> counts_;  ///< by node; only looked up
};

}  // namespace gridlock
