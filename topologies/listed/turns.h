#pragma once

// Shortest ways in a graph in which most nodes leave no choice: a NIC with one cable is passed
// without a look. Searches visit turns only, the nodes at which a way can turn or end. A network of
// 100,000 accelerators has 400,000 nodes, and turns are its few thousand switches.

#include <cstdint>
#include <vector>

#include "topologies/listed/rows.h"

namespace gridlock {

class Turns {
 public:
  /// Hops from turns to a goal, as far as they have been asked for.
  class Search {
   private:
    friend class Turns;
    std::vector<std::uint16_t> hops_;  ///< by turn; kFar: not known yet
    std::vector<std::vector<std::int32_t>>
        found_;                        ///< turns by hops; beyond known_ some are nearer
    std::vector<std::int32_t> ahead_;  ///< known to have known_ hops, before the others of those
    std::size_t known_ = 0;            ///< turns with fewer hops are known
    std::size_t passed_ = 0;           ///< what leads to turns with fewer hops has been found
  };

  static constexpr int kFar = 0xffff;  ///< there is no way

  Turns() = default;

  /// `next`: by node, where its edges lead to. `goals`: nodes that are asked for as goals.
  Turns(const Rows<std::int32_t>& next, const std::vector<std::int32_t>& goals);

  /// Begins a search, breadth first from the goal against the edges.
  [[nodiscard]] Search To(std::int32_t goal) const;

  /// Hops from `node` to the goal; kFar when there is no way. Goes on with the search until it
  /// knows the hops of all nodes on shortest ways from there.
  int Find(std::int32_t node, Search& search) const;

  /// Hops from any node to the goal of the search; kFar when they are not known to it.
  [[nodiscard]] int HopsFrom(std::int32_t node, const Search& search) const {
    const std::int32_t turn = turn_of_[node];
    return turn < 0 || search.hops_[turn] == kFar ? kFar : search.hops_[turn] + hops_to_turn_[node];
  }

 private:
  /// A way from one turn to another without a turn between them.
  struct Leg {
    std::int32_t turn;  ///< at its other end
    std::uint16_t hops;
  };

  void KnowNext(Search& search) const;
  void PassNext(Search& search) const;

  [[nodiscard]] bool IsTurn(std::int32_t node) const {
    return turn_of_[node] >= 0 && hops_to_turn_[node] == 0;
  }

  Rows<Leg> to_, from_;                      ///< by turn: legs that lead to it, and from it
  std::vector<std::int32_t> turn_of_;        ///< by node: the first turn from it on; -1: none
  std::vector<std::uint16_t> hops_to_turn_;  ///< by node
};

}  // namespace gridlock
