#pragma once

// Which queued job starts now, where, and which running one makes room: pure functions of the
// cluster's state. They know neither clock nor simulator. A server carries all its rails, so that
// jobs hold whole servers.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/units.h"
#include "topologies/locality.h"
#include "topologies/placement.h"

namespace gridlock {

/// How the servers of a site hang together, for packing, and which can be used now.
struct SiteState {
  std::shared_ptr<const Locality> locality;
  std::vector<char> free;  ///< by server: 1 when it runs nothing and is in service
  /// So many of the free ones are spares: only jobs that start again get them.
  std::int32_t reserved = 0;
  /// Racks, rows and power feeds, which may cross the groups of the network; null: not said.
  std::shared_ptr<const Locality> building = nullptr;
};

/// A job that waits for servers. All of them or none: gangs.
struct QueuedJob {
  JobIndex job{0};
  std::int32_t priority = 0;  ///< higher ones first
  Seconds submit;
  /// Sites to look at, in this order, at least one; with `spans` all of them, `servers` on each.
  std::vector<SiteIndex> sites;
  bool spans = false;
  std::int32_t servers = 0;  ///< at least 1
  Seconds expected;          ///< run time once started, as far as known; infinite when not known
  bool restarts = false;     ///< it has run before, and may use spares
  std::int32_t tenant = 0;   ///< in ClusterState::used
  /// Level of the locality or of the building, one group of which holds it; "": any servers.
  std::string within = {};
};

/// A job that holds servers.
struct RunningJob {
  JobIndex job{0};
  std::int32_t priority = 0;
  Seconds start;         ///< on the clock
  Seconds expected_end;  ///< on the clock; infinite when not known; in the past: any moment
  Placement placement;
  /// Sites that it could move to, on one of them at a time; empty: it stays where it is.
  std::vector<SiteIndex> sites = {};
  std::string within = {};  ///< as of a queued job
  Seconds move_time = {};   ///< that it is held up when it moves: checkpoint and restart
};

struct ClusterState {
  Seconds now;
  std::vector<SiteState> sites;
  std::vector<QueuedJob> queue;  ///< in any order; the policy sorts
  std::vector<RunningJob> running;
  /// By tenant: what its jobs have used over its share. Empty: nobody counts.
  std::vector<double> used = {};
};

/// A job of the queue starts on these servers.
struct Start {
  JobIndex job{0};
  Placement placement;
};

/// What is to be done now. A running job of `moves` is saved and stops; when all of them have,
/// `room_for` starts where they were, and they where `moves` says.
struct Decision {
  std::vector<Start> starts;
  Start room_for = {};  ///< of no meaning without moves
  std::vector<Start> moves;
};

class Round;

/// A way to choose what starts: one row of the table of policies.
struct Policy {
  std::string_view name;         ///< as SchedulerPolicy in proto/scenario.proto writes it: "FIFO"
  std::string_view words;        ///< for people: "first come, first served"
  bool needs_run_times = false;  ///< looks at QueuedJob::expected
  void (*decide)(Round&) = nullptr;
};

/// All policies, the default one first. A new one is a row of sim/scheduler/policies.cpp, a file
/// beside it and a value of SchedulerPolicy in proto/scenario.proto.
std::span<const Policy> Policies();

/// The policy of that name. CHECKs that there is one.
const Policy& PolicyNamed(std::string_view name);

/// What a policy does. Every server of the starts is free in `state`, and in one placement only;
/// those of the moves and of what they make room for are free when the moved jobs have stopped.
Decision Decide(const Policy& policy, const ClusterState& state);

/// The starts alone.
std::vector<Start> ChooseStarts(const Policy& policy, const ClusterState& state);

/// Free servers for a job, packed by the site's Locality. Example with leaves and pods: a job goes
/// to the leaf with the fewest free servers that holds the whole job, else to the pod with the
/// fewest that holds it, else to the pods with the most, so that it touches few pods. Leaves of a
/// pod are chosen in the same way. The servers stand by falling share of the job under their leaf,
/// then by number, so that groups of ranks stay under one leaf where they can. Empty when the free
/// servers do not suffice.
Placement Place(const SiteState& site, SiteIndex site_number, std::int32_t servers);

/// Groups of servers that have a name: a level of the network or of the building.
struct NamedLevel {
  const Locality* groups = nullptr;  ///< null: there is none of that name
  int level = -1;
};

/// The level of a site that is called so. Where both have one, that of the building: as failures
/// have it.
NamedLevel LevelNamed(const SiteState& site, const std::string& name);

/// Servers of a site among which a job may lie: each group of a level, or with "" all of them.
/// Empty where the site has no level of that name.
std::vector<ServerRun> PlacesWithin(const SiteState& site, SiteIndex site_number,
                                    const std::string& within);

/// Jobs that must stop so that `servers` are free on a site. Only jobs with a priority below
/// `below_priority` stop: the lowest priority first, of these the latest start, then the highest
/// number. A job that turns out not to be needed is spared, the last chosen first. Empty when
/// enough servers are free already, and when all these jobs together do not hold enough.
/// @param within  level of the locality one group of which must hold them: that in which the
///                fewest servers are taken away; "": the whole site
std::vector<JobIndex> Victims(const ClusterState& state, SiteIndex site, std::int32_t servers,
                              std::int32_t below_priority, const std::string& within = "");

}  // namespace gridlock
