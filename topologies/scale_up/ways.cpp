#include "topologies/scale_up/ways.h"

#include <algorithm>
#include <cstddef>
#include <deque>

namespace gridlock {

namespace {

constexpr int kRoundsOfLaying = 4;

}  // namespace

ShortestWays::ShortestWays(const LinkCounts& counts)
    : counts_(counts),
      neighbours_(static_cast<std::size_t>(counts.n)),
      hops_(counts.links.size(), -1),
      ways_(counts.links.size()),
      carried_(counts.links.size()),
      cost_(static_cast<std::size_t>(counts.n)),
      next_(static_cast<std::size_t>(counts.n)) {
  FindNeighbours();
  FindHops();
  const int longest = *std::max_element(hops_.begin(), hops_.end());
  for (int round = 0; round < kRoundsOfLaying; ++round) {
    for (int hops = 1; hops <= longest; ++hops) {
      for (int apart = 1; apart < counts.n; ++apart) {
        for (int from = 0; from < counts.n; ++from) {
          const int to = (from + apart) % counts.n;
          if (hops_[At(from, to)] == hops) {
            Lay(from, to);
          }
        }
      }
    }
  }
}

void ShortestWays::FindNeighbours() {
  for (int a = 0; a < counts_.n; ++a) {
    for (int step = 1; step < counts_.n; ++step) {
      const int b = (a + step) % counts_.n;
      if (counts_.At(a, b) > 0) {
        neighbours_[a].push_back(b);
      }
    }
  }
}

void ShortestWays::FindHops() {
  for (int to = 0; to < counts_.n; ++to) {
    std::deque<int> queue{to};
    hops_[At(to, to)] = 0;
    while (!queue.empty()) {
      const int at = queue.front();
      queue.pop_front();
      for (const int from : neighbours_[at]) {
        if (hops_[At(from, to)] < 0) {
          hops_[At(from, to)] = hops_[At(at, to)] + 1;
          queue.push_back(from);
        }
      }
    }
  }
}

void ShortestWays::Lay(int from, int to) {
  std::vector<int>& way = ways_[At(from, to)];
  int at = from;
  for (const int next : way) {
    --carried_[At(at, next)];
    at = next;
  }
  way.clear();
  std::fill(cost_.begin(), cost_.end(), -1.0);
  Cost(from, to);
  for (at = from; at != to; at = next_[at]) {
    ++carried_[At(at, next_[at])];
    way.push_back(next_[at]);
  }
}

double ShortestWays::Cost(int at, int to) {
  if (at == to || cost_[at] >= 0) {
    return at == to ? 0 : cost_[at];
  }
  for (const int next : neighbours_[at]) {
    if (hops_[At(next, to)] == hops_[At(at, to)] - 1) {
      const double links = counts_.At(at, next);
      const double cost = (2.0 * carried_[At(at, next)] + 1) / (links * links) + Cost(next, to);
      if (cost_[at] < 0 || cost < cost_[at]) {
        cost_[at] = cost;
        next_[at] = next;
      }
    }
  }
  return cost_[at];
}

}  // namespace gridlock
