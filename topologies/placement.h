#pragma once

// Where a job lies: whole servers of one or more sites, in the order of its ranks.

#include <algorithm>
#include <compare>
#include <cstdint>
#include <vector>

#include "sim/base/index.h"

namespace gridlock {

/// Consecutive servers of one site.
struct ServerRun {
  SiteIndex site{0};
  ServerIndex first{0};
  std::int32_t count = 0;

  auto operator<=>(const ServerRun&) const = default;
};

/// The servers of a job, in the order of its ranks: rank r sits in server r / accelerators of this
/// list. No server stands in it twice.
using Placement = std::vector<ServerRun>;

/// Servers that stand in both.
inline std::int32_t Overlap(const ServerRun& a, const ServerRun& b) {
  const std::int32_t first = std::max(a.first.value, b.first.value);
  const std::int32_t last = std::min(a.first + a.count, b.first + b.count);
  return a.site == b.site ? std::max(0, last - first) : 0;
}

/// One more server at the end of a placement; consecutive ones become one run.
inline void AddServer(SiteIndex site, ServerIndex server, Placement& placement) {
  if (!placement.empty() && placement.back().site == site &&
      placement.back().first + placement.back().count == server) {
    ++placement.back().count;
  } else {
    placement.push_back({site, server, 1});
  }
}

/// Servers in a placement.
inline std::int64_t ServersIn(const Placement& placement) {
  std::int64_t sum = 0;
  for (const ServerRun& run : placement) {
    sum += run.count;
  }
  return sum;
}

}  // namespace gridlock
