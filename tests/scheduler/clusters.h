#pragma once

// Clusters drawn at random, and their queues played forward with known run times.

#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "sim/scheduler/scheduler.h"

namespace gridlock {

inline constexpr double kNever = std::numeric_limits<double>::infinity();

/// A site of leaves with so many servers each, and pods with so many leaves each.
SiteState LeavesAndPods(std::int32_t per_leaf, std::int32_t leaves_per_pod,
                        const std::vector<char>& free);

/// Servers of the first group of a level, which is a full one unless it is the only one.
std::int32_t GroupSize(const SiteState& site, int level);

/// One to three sites of at most 24 servers, some of them out of service, some held by running
/// jobs; a queue of jobs that all could run on the empty cluster. Drawn by RapidCheck.
ClusterState DrawCluster();

/// The queue in the order of the policies.
std::vector<QueuedJob> InOrder(std::vector<QueuedJob> queue);

const QueuedJob& JobOf(const ClusterState& state, std::int32_t job);

/// Marks the servers of a placement as held, or as free again.
void Mark(ClusterState& state, const Placement& placement, char free);

/// The state once these have started.
ClusterState After(ClusterState state, const std::vector<Start>& starts);

/// When each job starts when nothing more is submitted and every run takes just as long as
/// expected. Jobs that never start are not in it.
std::map<std::int32_t, double> PlayForward(const Policy& policy, ClusterState state);

}  // namespace gridlock
