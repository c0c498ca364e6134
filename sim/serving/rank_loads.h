#pragma once

// Prompts on ranks of data-parallel attention: each goes, in order, to the rank that has the fewest
// tokens, of several such to the one with the fewest pairs. An iteration lasts as long as its
// busiest rank.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gridlock {

class RankLoads {
 public:
  /// Tokens of prompts, and the pairs of them that attend to each other.
  struct Load {
    std::int64_t tokens = 0;
    double pairs = 0;
  };

  /// @param ranks at least 1
  explicit RankLoads(int ranks) : loads_(static_cast<std::size_t>(ranks)) {}

  void Clear() {
    std::fill(loads_.begin(), loads_.end(), Load());
    busiest_ = {};
  }

  /// Tokens of the rank that has the fewest.
  [[nodiscard]] std::int64_t least() const { return loads_.front().tokens; }

  /// Gives that rank a prompt, or a chunk of one.
  void Add(std::int64_t tokens, double pairs) {
    std::pop_heap(loads_.begin(), loads_.end(), IsBusier);
    Load& load = loads_.back();
    load.tokens += tokens;
    load.pairs += pairs;
    busiest_.tokens = std::max(busiest_.tokens, load.tokens);
    busiest_.pairs = std::max(busiest_.pairs, load.pairs);
    std::push_heap(loads_.begin(), loads_.end(), IsBusier);
  }

  /// The most tokens and the most pairs of a rank.
  [[nodiscard]] const Load& busiest() const { return busiest_; }

 private:
  static bool IsBusier(const Load& a, const Load& b) {
    return a.tokens != b.tokens ? a.tokens > b.tokens : a.pairs > b.pairs;
  }

  std::vector<Load> loads_;  ///< a heap: the least one in front
  Load busiest_;
};

}  // namespace gridlock
