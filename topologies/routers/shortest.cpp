#include "topologies/routers/shortest.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

constexpr std::uint64_t kPickNext = 121;
constexpr std::int64_t kDetoursMost = 4096;

// The last routers of some ways.
std::vector<int> NextOf(const std::vector<Way>& ways) {
  std::vector<int> last;
  for (const Way& way : ways) {
    last.push_back(way.back());
  }
  return last;
}

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
      for (const auto& [next, link] : JoinedTo(queue[i])) {
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

std::vector<int> ShortestPathTopology::Common(int a, int b, std::size_t most) const {
  std::vector<int> common;
  const auto of_a = JoinedTo(a);
  const auto of_b = JoinedTo(b);
  for (std::size_t i = 0, j = 0; i < of_a.size() && j < of_b.size() && common.size() < most;) {
    if (of_a[i].first == of_b[j].first) {
      common.push_back(of_a[i].first);
    }
    const bool first = of_a[i].first <= of_b[j].first;
    j += of_b[j].first <= of_a[i].first ? 1 : 0;
    i += first ? 1 : 0;
  }
  return common;
}

// Most pairs of a wide network are three links apart at most. Looking at both ends then costs less
// than a search of all routers.
std::vector<int> ShortestPathTopology::Nearer(int from, int to) const {
  constexpr std::size_t kAll = ~std::size_t{0};
  const bool searched = !hops_to_.empty() && !hops_to_[to].empty();
  if (!searched) {
    if (LinkBetween(from, to).value >= 0) {
      return {to};
    }
    std::vector<int> nearer = Common(from, to, kAll);
    if (!nearer.empty()) {
      return nearer;
    }
    for (const auto& [next, link] : JoinedTo(from)) {
      if (!Common(next, to, 1).empty()) {
        nearer.push_back(next);
      }
    }
    if (!nearer.empty()) {
      return nearer;
    }
  }
  const Hops& hops = HopsTo(to);
  std::vector<int> nearer;
  for (const auto& [next, link] : JoinedTo(from)) {
    if (hops[next] + 1 == hops[from]) {
      nearer.push_back(next);
    }
  }
  return nearer;
}

void ShortestPathTopology::GoShortest(Way& way, int to, std::uint64_t hash) const {
  while (way.back() != to) {
    const std::vector<int> nearer = Nearer(way.back(), to);
    way.push_back(nearer[HashPick(hash, kPickNext + way.size(), nearer.size())]);
  }
}

std::vector<Way> ShortestPathTopology::MinimalWays(int from, int to,
                                                   std::uint64_t flow_hash) const {
  std::vector<Way> ways{{from}};
  std::vector<int> first;  // the second routers of all ways
  // All ways, one hop after the other, as long as they are few.
  while (ways.front().back() != to && ways.size() <= kWaysMost) {
    std::vector<Way> longer;
    for (const Way& way : ways) {
      for (const int next : Nearer(way.back(), to)) {
        longer.push_back(way);
        longer.back().push_back(next);
      }
    }
    ways = std::move(longer);
    first = ways.front().size() == 2 ? NextOf(ways) : first;
  }
  if (ways.size() <= kWaysMost) {
    return ways;
  }
  ways.clear();
  for (std::uint64_t n = 0; n < kWaysMost; ++n) {
    const std::uint64_t hash = MixHash(flow_hash + n);
    Way& way = ways.emplace_back(Way{from, first[HashPick(hash, kPickNext + 1, first.size())]});
    GoShortest(way, to, hash);
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
