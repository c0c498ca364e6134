#pragma once

// Where a job lies: whole servers of one or more sites, in the order of its ranks.

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

/// Servers in a placement.
inline std::int64_t ServersIn(const Placement& placement) {
  std::int64_t sum = 0;
  for (const ServerRun& run : placement) {
    sum += run.count;
  }
  return sum;
}

}  // namespace gridlock
