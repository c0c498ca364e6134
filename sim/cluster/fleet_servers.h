#pragma once

// Servers of a fleet, in the order in which its replicas fill them, and how fast it works there.

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sim/cluster/machine_now.h"
#include "sim/cluster/member.h"

namespace gridlock {

/// Replicas that the servers of a fleet hold.
std::int32_t FleetCapacity(const Member& member, const std::vector<SiteSpec>& sites);

/// Those of them that the fleet can use and that take requests now. Forgets starts that are over.
std::int32_t FleetReady(Member& member, const std::vector<SiteSpec>& sites, Seconds now);

/// Sites that a fleet may use, in the order in which it takes their servers.
std::vector<SiteIndex> SitesOfFleet(const Member& member, const MachineNow& machine);

/// A site with free servers that is cheaper, cleaner or nearer, as the fleet's order says, by more
/// than a little than the worst that the fleet is on, and how many servers could go there. None
/// while replicas are starting.
std::optional<std::pair<SiteIndex, std::int32_t>> BetterSite(const Member& member,
                                                             const MachineNow& machine,
                                                             const Servers& servers);

/// So many replicas take requests from now on, as FleetReplicas::SetInService. Forgets no starts.
void ServeWith(std::int32_t replicas, bool in_order, const MachineNow& machine, Member& member);

/// Puts the servers last that a fleet gives up first: those of the site that is worst now.
void OrderServers(const MachineNow& machine, Fleet& fleet);

/// Takes servers from the end of a placement, at most so many, of one run. It must not be empty.
ServerRun TakeLast(Placement& placement, std::int32_t most);

/// Takes one server out of a placement. What stood behind it in its run, and then what stood before
/// it, come last. Nothing happens where it is not there; returns whether it is.
bool TakeServer(Placement& placement, SiteIndex site, ServerIndex server);

/// A fleet works at these levels of power limits where it holds servers: iterations that begin from
/// now on. Nothing happens where it does already.
void WorkAt(const std::vector<int>& levels, const std::vector<SiteSpec>& sites, Member& member);

}  // namespace gridlock
