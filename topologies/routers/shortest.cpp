#include "topologies/routers/shortest.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

constexpr std::uint64_t kPickNext = 121;
constexpr std::int64_t kDetoursMost = 4096;

}  // namespace

void CheckDetours(const RouterRouting& routing, std::int64_t routers, const std::string& path) {
  if (routing.paths == Paths::kValiant && routing.spread == Routing::kSpray &&
      routers - 2 > kDetoursMost) {
    throw UserError(
        path + ".routing",
        fmt::format("a flow has {} detours by way of other routers, and spraying spreads "
                    "it over at most {}; expected routing: ECMP",
                    routers - 2, kDetoursMost));
  }
}

const ShortestPathTopology::Hops& ShortestPathTopology::HopsTo(int goal) const {
  constexpr std::uint8_t kFar = 255;
  hops_to_.resize(static_cast<std::size_t>(routers()));
  Hops& hops = hops_to_[goal];
  if (hops.empty()) {
    hops.assign(static_cast<std::size_t>(routers()), kFar);
    hops[goal] = 0;
    std::vector<int> queue{goal};
    for (std::size_t i = 0; i < queue.size(); ++i) {
      for (const int next : NeighboursOf(queue[i])) {
        if (hops[next] == kFar) {
          hops[next] = static_cast<std::uint8_t>(hops[queue[i]] + 1);
          CHECK(hops[next] < kFar);
          queue.push_back(next);
        }
      }
    }
    CHECK(queue.size() == hops.size());  // generators make connected graphs
  }
  return hops;
}

int ShortestPathTopology::Distance(int from, int to) const {
  return HopsTo(to)[from];
}

int ShortestPathTopology::DiameterOfRouters(int sources_most) const {
  int diameter = 0;
  const int sources = std::min(sources_most, routers());
  for (int i = 0; i < sources; ++i) {
    const Hops& hops = HopsTo(static_cast<int>(std::int64_t{i} * routers() / sources));
    diameter = std::max<int>(diameter, *std::max_element(hops.begin(), hops.end()));
  }
  return diameter;
}

void ShortestPathTopology::GoShortest(Way& way, int to, std::uint64_t hash) const {
  const Hops& hops = HopsTo(to);
  while (way.back() != to) {
    std::vector<int> nearer;
    for (const int next : NeighboursOf(way.back())) {
      if (hops[next] + 1 == hops[way.back()]) {
        nearer.push_back(next);
      }
    }
    way.push_back(nearer[HashPick(hash, kPickNext + way.size(), nearer.size())]);
  }
}

std::vector<Way> ShortestPathTopology::MinimalWays(int from, int to,
                                                   std::uint64_t flow_hash) const {
  const Hops& hops = HopsTo(to);
  std::vector<Way> ways{{from}};
  // All ways, one hop after the other, as long as they are few.
  while (ways.front().back() != to && ways.size() <= kWaysMost) {
    std::vector<Way> longer;
    for (const Way& way : ways) {
      for (const int next : NeighboursOf(way.back())) {
        if (hops[next] + 1 == hops[way.back()]) {
          longer.push_back(way);
          longer.back().push_back(next);
        }
      }
    }
    ways = std::move(longer);
  }
  if (ways.size() <= kWaysMost) {
    return ways;
  }
  ways.clear();
  for (std::uint64_t n = 0; n < kWaysMost; ++n) {
    GoShortest(ways.emplace_back(Way{from}), to, MixHash(flow_hash + n));
  }
  return ways;
}

std::int32_t ShortestPathTopology::DetoursBetween(int /*from*/, int /*to*/) const {
  return std::max(detour_parts(), 0);
}

Way ShortestPathTopology::Detour(int from, int to, std::int32_t n, std::uint64_t flow_hash) const {
  int by = n;
  by += by >= std::min(from, to) ? 1 : 0;
  by += by >= std::max(from, to) ? 1 : 0;
  const std::uint64_t hash = MixHash(flow_hash) + static_cast<std::uint64_t>(n);
  Way way{from};
  GoShortest(way, by, hash);
  GoShortest(way, to, MixHash(hash));
  return way;
}

}  // namespace gridlock
