#pragma once

// Which queued job starts now, where, and which running one makes room: pure functions of the
// cluster's state. They know neither clock nor simulator.

#include <cstdint>
#include <vector>

#include "sim/base/units.h"
#include "topologies/placement.h"

namespace gridlock {

/// How the servers of a site hang together, for packing, and which can be used now.
struct SiteState {
  std::int32_t servers_per_leaf = 1;
  std::int32_t leaves_per_pod = 1;
  std::vector<char> free;  ///< by server: 1 when it runs nothing and is in service
};

/// A job that waits for servers. All of them or none: gangs.
struct QueuedJob {
  std::int32_t job = 0;
  std::int32_t priority = 0;
  Seconds submit;
  /// Sites to look at, in this order; with `spans` all of them, `servers` on each.
  std::vector<std::int32_t> sites;
  bool spans = false;
  std::int32_t servers = 0;
  Seconds expected;  ///< run time once started, as far as known; infinite when not known
};

/// A job that holds servers.
struct RunningJob {
  std::int32_t job = 0;
  std::int32_t priority = 0;
  Seconds expected_end;  ///< on the clock; infinite when not known
  Placement placement;
};

struct ClusterState {
  Seconds now;
  std::vector<SiteState> sites;
  std::vector<QueuedJob> queue;  ///< in any order; the policy sorts
  std::vector<RunningJob> running;
};

/// A job of the queue starts on these servers.
struct Start {
  std::int32_t job = 0;
  Placement placement;
};

enum class Policy {
  kFifo,      ///< by priority, then submission, then number; who does not fit makes the others wait
  kBackfill,  ///< EASY (Lifka 1995): later ones may start when that does not delay the first
              ///< waiting
};

/// What starts now. Every server of the result is free in `state`, and in one placement only.
std::vector<Start> Schedule(Policy policy, const ClusterState& state);

/// Free servers for a job, packed: the pod (then the leaf) with the fewest free servers that holds
/// it all; else the pods with the most, so that it touches the fewest. Empty when they do not
/// suffice.
Placement Place(const SiteState& site, std::int32_t site_number, std::int32_t servers);

}  // namespace gridlock
