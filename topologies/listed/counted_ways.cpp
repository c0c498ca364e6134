#include "topologies/listed/counted_ways.h"

#include <algorithm>

#include "sim/base/check.h"

namespace gridlock {

template <typename Visit>
void CountedWays::ForEachNext(std::int32_t node, const Visit& visit) {
  const int hops = index_->turns.Find(node, search_);
  CHECK(hops != Turns::kFar);
  for (const GraphIndex::Half& half : index_->out[node]) {
    if (index_->turns.HopsFrom(half.node, search_) == hops - 1 && !visit(half, Count(half.node))) {
      return;
    }
  }
}

std::uint64_t CountedWays::Count(std::int32_t node) {
  const auto known = counts_.find(node);
  if (known != counts_.end()) {
    return known->second;
  }
  std::uint64_t count = index_->turns.Find(node, search_) == 0 ? 1 : 0;
  if (count == 0) {
    ForEachNext(node, [&count](const GraphIndex::Half& /*half*/, std::uint64_t ways) {
      count = std::min(kMost, count + ways);
      return true;
    });
  }
  counts_.emplace(node, count);
  return count;
}

std::vector<std::int32_t> CountedWays::Way(std::int32_t node, std::uint64_t n) {
  std::vector<std::int32_t> way;
  while (index_->turns.Find(node, search_) > 0) {
    GraphIndex::Half next{-1, -1};
    ForEachNext(node, [&](const GraphIndex::Half& half, std::uint64_t ways) {
      next = half;
      if (n < ways) {
        return false;
      }
      n -= ways;
      return true;
    });
    CHECK(next.edge >= 0);
    way.push_back(next.edge);
    node = next.node;
  }
  return way;
}

}  // namespace gridlock
