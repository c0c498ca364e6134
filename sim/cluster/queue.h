#pragma once

// Runs as the scheduler sees them. Looks only.

#include <map>
#include <vector>

#include "sim/cluster/member.h"
#include "sim/cluster/rates.h"
#include "sim/cluster/tenants.h"
#include "sim/scheduler/scheduler.h"

namespace gridlock {

/// The run that comes before all others that wait and are within their tenants' quotas; -1: none.
JobIndex FirstWaiting(const ClusterView& view, const Tenants& tenants);

/// What the scheduler sees now.
struct QueueNow {
  ClusterState state;
  std::map<JobIndex, int> replicas;  ///< by run of the queue: with how many it would start
};

/// Only runs within their tenants' quotas. Elastic runs that start again take the room that there
/// is. Runs that train and can be saved may move, to servers like their own.
/// @param levels  of power limits, for run times
QueueNow QueueOf(const ClusterView& view, const Tenants& tenants, const JobRates& rates,
                 const std::vector<int>& levels);

/// Runs of lower priority whose servers give a run of the queue what it needs on one of its sites.
std::vector<JobIndex> VictimsFor(const ClusterState& state, JobIndex job);

}  // namespace gridlock
