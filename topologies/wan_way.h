#pragma once

// Which wide-area links traffic between two sites takes.

#include <string>
#include <vector>

#include "sim/base/index.h"
#include "topologies/machine.h"

namespace gridlock {

/// The links of the best way from one site to another, in their order; empty where none join them
/// and from a site to itself. A way of n links counts as an n-th of its narrowest link, because the
/// sites that pass traffic on need these links as well: 100 Gbps by way of another site beat a link
/// of 40 Gbps, and lose to one of 60. Of ways that count the same the shortest fibre wins, then the
/// fewest links.
std::vector<WanIndex> WanWay(const std::vector<WanSpec>& wans, SiteIndex from, SiteIndex to);

/// The site at the other end of a link.
inline SiteIndex OtherEnd(const WanSpec& wan, SiteIndex site) {
  return wan.from == site ? wan.to : wan.from;
}

/// "a to c by way of b" where the way between two sites passes others; else "".
std::string WanWayText(const std::vector<SiteSpec>& sites, const std::vector<WanSpec>& wans,
                       SiteIndex from, SiteIndex to);

}  // namespace gridlock
