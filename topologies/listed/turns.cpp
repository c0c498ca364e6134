#include "topologies/listed/turns.h"

#include <algorithm>
#include <cstddef>

namespace gridlock {

namespace {

constexpr std::int32_t kUnknown = -2;

}  // namespace

Turns::Turns(const std::vector<std::vector<std::int32_t>>& next,
             const std::vector<std::int32_t>& goals)
    : turn_of_(next.size(), kUnknown), hops_to_turn_(next.size(), 0) {
  const auto nodes = static_cast<std::int32_t>(next.size());
  std::int32_t turns = 0;
  for (const std::int32_t goal : goals) {
    turn_of_[goal] = IsTurn(goal) ? turn_of_[goal] : turns++;
  }
  for (std::int32_t n = 0; n < nodes; ++n) {
    if (next[n].size() != 1 && !IsTurn(n)) {
      turn_of_[n] = turns++;
    }
  }
  // From the other nodes on there is one way, up to a turn or round and round.
  std::vector<std::int32_t> passed;
  for (std::int32_t n = 0; n < nodes; ++n) {
    std::int32_t at = n;
    for (passed.clear(); turn_of_[at] == kUnknown; at = next[at].front()) {
      turn_of_[at] = -1;
      passed.push_back(at);
    }
    for (auto node = passed.rbegin(); node != passed.rend(); at = *node++) {
      turn_of_[*node] = turn_of_[at];
      hops_to_turn_[*node] = static_cast<std::uint16_t>(hops_to_turn_[at] + 1);
    }
  }
  approaches_.resize(static_cast<std::size_t>(turns));
  for (std::int32_t n = 0; n < nodes; ++n) {
    for (std::size_t i = 0; IsTurn(n) && i < next[n].size(); ++i) {
      const std::int32_t to = next[n][i];
      if (turn_of_[to] >= 0 && turn_of_[to] != turn_of_[n]) {
        const auto hops = static_cast<std::uint16_t>(hops_to_turn_[to] + 1);
        approaches_[turn_of_[to]].push_back({turn_of_[n], hops});
      }
    }
  }
}

Turns::Search Turns::To(std::int32_t goal) const {
  Search hops(approaches_.size(), kFar);
  std::vector<std::vector<std::int32_t>> found{{turn_of_[goal]}};  // by hops
  for (std::size_t h = 0; h < found.size(); ++h) {
    for (std::size_t i = 0; i < found[h].size(); ++i) {
      const std::int32_t at = found[h][i];
      if (hops[at] != kFar) {
        continue;
      }
      hops[at] = static_cast<std::uint16_t>(h);
      for (const Approach& approach : approaches_[at]) {
        if (hops[approach.from] == kFar) {
          found.resize(std::max(found.size(), h + approach.hops + 1));
          found[h + approach.hops].push_back(approach.from);
        }
      }
    }
  }
  return hops;
}

}  // namespace gridlock
