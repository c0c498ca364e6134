#pragma once

// The situation that a cluster is in: its runs where they lie, and the caches of fleets on their
// way between pools. Looks only.

#include <map>
#include <vector>

#include "sim/cluster/member.h"

namespace gridlock {

/// Runs that hold servers and go on. One that saves or restarts counts as if it trained: its pause
/// is short.
std::vector<JobIndex> PlacedRuns(const ClusterView& view);

/// A run as it would train on these servers.
PlacedJob PlacedOn(const ClusterView& view, const Member& member, const Placement& placement);

/// These runs where they lie, and behind them the caches of fleets.
std::vector<PlacedJob> PlacedJobs(const ClusterView& view, const std::vector<JobIndex>& runs);

/// What each fleet's caches get: bytes/s of one unit, all together, beside what shares their links.
/// @param rates  of PlacedJobs with so many `runs`
std::map<JobIndex, BytesPerSecond> CacheRates(const ClusterView& view,
                                              const std::vector<StepRate>& rates, std::size_t runs);

}  // namespace gridlock
