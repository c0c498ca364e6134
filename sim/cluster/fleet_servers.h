#pragma once

// Servers of a fleet, in the order in which its replicas fill them, and how fast it works there.

#include <cstdint>
#include <vector>

#include "sim/cluster/member.h"

namespace gridlock {

/// Replicas that the servers of a fleet hold.
std::int32_t FleetCapacity(const Member& member, const std::vector<SiteSpec>& sites);

/// Takes servers from the end of a placement, at most so many, of one run. It must not be empty.
ServerRun TakeLast(Placement& placement, std::int32_t most);

/// Takes one server out of a placement. What stood behind it in its run, and then what stood before
/// it, come last. Nothing happens where it is not there; returns whether it is.
bool TakeServer(Placement& placement, SiteIndex site, ServerIndex server);

/// A fleet works at these levels of power limits where it holds servers: iterations that begin from
/// now on. Nothing happens where it does already.
void WorkAt(const std::vector<int>& levels, const std::vector<SiteSpec>& sites, Member& member);

}  // namespace gridlock
