#include "topologies/wan_way.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace gridlock {

namespace {

// A way of so many links that ends at a site.
struct Reach {
  BytesPerSecond width;  ///< of the narrowest link; 0: no way
  Seconds latency{};
  std::vector<WanIndex> links;

  [[nodiscard]] double worth() const {
    return links.empty() ? 0 : width.si() / static_cast<double>(links.size());
  }
};

// Of two ways of equally many links.
bool IsWider(const Reach& a, const Reach& b) {
  return a.width > b.width || (a.width == b.width && a.latency < b.latency);
}

Reach Extended(const Reach& reach, const WanSpec& wan, WanIndex number) {
  Reach further = reach;
  further.width = std::min(reach.width, wan.bandwidth);
  further.latency += wan.latency;
  further.links.push_back(number);
  return further;
}

int SitesOf(const std::vector<WanSpec>& wans, SiteIndex from, SiteIndex to) {
  int last = std::max(from.value, to.value);
  for (const WanSpec& wan : wans) {
    last = std::max({last, wan.from.value, wan.to.value});
  }
  return last + 1;
}

}  // namespace

// The widest way of each number of links (Bellman and Ford, with the narrowest link in place of the
// sum): a way that visits a site twice is never better than the one without the detour.
std::vector<WanIndex> WanWay(const std::vector<WanSpec>& wans, SiteIndex from, SiteIndex to) {
  if (from == to) {
    return {};
  }
  const int sites = SitesOf(wans, from, to);
  std::vector<Reach> at(static_cast<std::size_t>(sites));
  at[static_cast<std::size_t>(from.value)].width =
      BytesPerSecond(std::numeric_limits<double>::infinity());
  Reach best;
  for (int links = 1; links < sites; ++links) {
    std::vector<Reach> next(static_cast<std::size_t>(sites));
    for (std::size_t w = 0; w < wans.size(); ++w) {
      for (const SiteIndex end : {wans[w].from, wans[w].to}) {
        const Reach further =
            Extended(at[static_cast<std::size_t>(end.value)], wans[w], IndexOf<WanIndex>(w));
        Reach& there = next[static_cast<std::size_t>(OtherEnd(wans[w], end).value)];
        if (further.width > BytesPerSecond(0) && IsWider(further, there)) {
          there = further;
        }
      }
    }
    at = std::move(next);
    const Reach& reached = at[static_cast<std::size_t>(to.value)];
    const bool same = reached.worth() == best.worth() && reached.latency < best.latency;
    if (reached.worth() > best.worth() || (same && !reached.links.empty())) {
      best = reached;
    }
  }
  return best.links;
}

std::string WanWayText(const std::vector<SiteSpec>& sites, const std::vector<WanSpec>& wans,
                       SiteIndex from, SiteIndex to) {
  const std::vector<WanIndex> way = WanWay(wans, from, to);
  std::string by;
  SiteIndex at = from;
  for (std::size_t i = 0; i + 1 < way.size(); ++i) {
    at = OtherEnd(wans[static_cast<std::size_t>(way[i].value)], at);
    by += (by.empty() ? "" : ", ") + sites[static_cast<std::size_t>(at.value)].name;
  }
  return by.empty() ? ""
                    : sites[static_cast<std::size_t>(from.value)].name + " to " +
                          sites[static_cast<std::size_t>(to.value)].name + " by way of " + by;
}

}  // namespace gridlock
