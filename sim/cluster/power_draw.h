#pragma once

// What servers, runs and fleets draw, without PUE, and the limits that boards can be set to. Pure
// formulas.

#include <vector>

#include "sim/cluster/member.h"

namespace gridlock {

/// Levels that the power limit of accelerators can be set to; level 0 is their own.
inline constexpr int kPowerLevels = 29;

/// The power limit of one accelerator at a level.
Watts LimitAt(const PowerSpec& power, int level);

/// Sites with the power limits of their accelerators lowered by these levels, by site.
std::vector<SiteSpec> SlowedSites(const std::vector<SiteSpec>& sites,
                                  const std::vector<int>& levels);

/// Of the servers of a run on one site. Accelerators that its layout does not use are idle.
/// @param servers  that it holds or would hold, by site
/// @param trains  it trains at `rate`, or else holds its servers only
Watts PowerOfRun(const Member& member, const std::vector<std::int32_t>& servers,
                 const StepRate& rate, bool trains, const ServerSpec& server, SiteIndex site);

/// Of the servers that a run or a fleet holds on one site, as it goes now.
Watts PowerNow(const Member& member, const ServerSpec& server, SiteIndex site);

/// @param work  of a fleet, by servers like this
/// @param limit  of one accelerator, now
FleetPower PowerOfWork(const Member& member, const UnitWork& work, Seconds length,
                       const ServerSpec& server, Watts limit);

/// What a fleet draws on a site above its servers there when they wait, with the limit lowered: as
/// much as its work takes at full clocks, or as much as the boards may draw.
Watts FleetPowerAt(const Member& member, const ServerSpec& server, SiteIndex site, int level);

/// How many times as long the iterations of a fleet take on `slow` servers as on `own` ones.
double IterationSlowdown(const ServingSpec& fleet, const ServerSpec& slow, const ServerSpec& own);

}  // namespace gridlock
