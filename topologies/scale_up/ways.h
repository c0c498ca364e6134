#pragma once

// Shortest ways over the links of a mesh, spread so that links carry alike.

#include <vector>

#include "topologies/scale_up/counts.h"

namespace gridlock {

/// A shortest way for every two accelerators of a mesh. Of several it is the one that adds least to
/// the sum of squares of what links carry when everybody sends to everybody, by links of a pair.
/// All are laid one after another, the nearest pairs first and of these the ones equally far apart
/// in number, and then some times taken up and laid again. The result is the same everywhere. On a
/// torus that is written as pairs the busiest link carries at most an eighth more than on one that
/// is given by its sides.
class ShortestWays {
 public:
  explicit ShortestWays(const LinkCounts& counts);

  /// The accelerators after `from`, `to` among them; empty: no way leads there.
  [[nodiscard]] const std::vector<int>& Of(int from, int to) const { return ways_[At(from, to)]; }

 private:
  [[nodiscard]] std::size_t At(int from, int to) const {
    return static_cast<std::size_t>(from) * counts_.n + to;
  }

  void FindNeighbours();
  void FindHops();
  void Lay(int from, int to);

  /// What one more way over these links adds, and the next accelerator of the cheapest way.
  double Cost(int at, int to);

  LinkCounts counts_;
  std::vector<std::vector<int>> neighbours_;  ///< each accelerator's, those after it first
  std::vector<int> hops_;                     ///< by pair; -1: no way
  std::vector<std::vector<int>> ways_;
  std::vector<int> carried_;  ///< ways over the links of a pair
  std::vector<double> cost_;  ///< of Cost, by accelerator; below 0: not known yet
  std::vector<int> next_;
};

}  // namespace gridlock
