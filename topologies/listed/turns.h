#pragma once

// Shortest ways in a graph in which most nodes leave no choice: a NIC with one cable is passed
// without a look. Searches visit turns only, the nodes at which a way can turn or end. A network of
// 100,000 accelerators has 400,000 nodes, and turns are its few thousand switches.

#include <cstdint>
#include <vector>

namespace gridlock {

class Turns {
 public:
  /// Hops from each turn to the goal of a search.
  using Search = std::vector<std::uint16_t>;

  static constexpr int kFar = 0xffff;  ///< there is no way

  Turns() = default;

  /// `next`: by node, where its edges lead to. `goals`: nodes that are asked for as goals.
  Turns(const std::vector<std::vector<std::int32_t>>& next, const std::vector<std::int32_t>& goals);

  /// Breadth first from the goal against the edges.
  [[nodiscard]] Search To(std::int32_t goal) const;

  /// Hops from any node to the goal of the search.
  [[nodiscard]] int HopsFrom(std::int32_t node, const Search& search) const {
    const std::int32_t turn = turn_of_[node];
    return turn < 0 || search[turn] == kFar ? kFar : search[turn] + hops_to_turn_[node];
  }

 private:
  /// A way from one turn to another without a turn between them.
  struct Approach {
    std::int32_t from;
    std::uint16_t hops;
  };

  [[nodiscard]] bool IsTurn(std::int32_t node) const {
    return turn_of_[node] >= 0 && hops_to_turn_[node] == 0;
  }

  std::vector<std::vector<Approach>> approaches_;  ///< by turn: ways to it
  std::vector<std::int32_t> turn_of_;              ///< by node: the first turn from it on; -1: none
  std::vector<std::uint16_t> hops_to_turn_;        ///< by node
};

}  // namespace gridlock
