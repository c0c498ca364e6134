#pragma once

// One decision of the scheduler in the making: who waits, in which order, what is free, and who
// starts. Policies are written with it.

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "sim/scheduler/free_servers.h"
#include "sim/scheduler/scheduler.h"

namespace gridlock {

class Round {
 public:
  /// Whether a job may start on a site.
  using SiteFilter = std::function<bool(SiteIndex site)>;

  explicit Round(const ClusterState& state);

  /// Jobs that wait: by priority, then submission, then number.
  [[nodiscard]] const std::vector<const QueuedJob*>& waiting() const { return waiting_; }

  /// Starts a job on the first of its sites, or on all that it spans, if they are allowed and have
  /// the room. Returns its sites; empty: it does not start.
  std::vector<SiteIndex> TryStart(const QueuedJob& job, const SiteFilter& allowed);

  /// Starts a job on all of these sites, on servers that are left in `open` of each. Returns them;
  /// empty: it does not start.
  Placement TryStartAmong(const QueuedJob& job, const std::vector<SiteIndex>& sites,
                          std::vector<FreeServers> open);

  /// The same on one site, on servers outside of `kept` alone. False: it does not start.
  bool TryStartOutside(const QueuedJob& job, const ServerRun& kept);

  /// When, as far as expected run times say, a site has the servers of a job, and which of the
  /// site's servers these are: all of it, or a group where the job has to lie within one.
  struct Shadow {
    double when = 0;  ///< infinite when that is not known
    ServerRun servers;
  };

  [[nodiscard]] Shadow ShadowOn(SiteIndex site, const QueuedJob& job) const;

  /// Servers of these that are free at a time, as far as is known.
  [[nodiscard]] std::int32_t FreeAt(const QueuedJob& job, const ServerRun& servers,
                                    double when) const;

  /// What is free on a site, for a look at what could be.
  [[nodiscard]] const FreeServers& free_servers(SiteIndex site) const { return free_[site]; }

  /// Running jobs move, and a job starts where that made room. Once in a round.
  void Move(Start room_for, std::vector<Start> moves);

  /// Puts the jobs that wait into the order that `before` says.
  void SortWaiting(const std::function<bool(const QueuedJob*, const QueuedJob*)>& before);

  /// Servers that are free on a site now, spares included.
  [[nodiscard]] std::int32_t free(SiteIndex site) const { return free_[site].total(); }

  /// Servers of a site that a job could have now.
  [[nodiscard]] std::int32_t FreeFor(const QueuedJob& job, SiteIndex site) const {
    return free_[site].total() - (job.restarts ? 0 : state_.sites[site].reserved);
  }

  /// Servers that come back, and when: seconds, infinite when not known.
  struct End {
    double when;
    ServerRun servers;
  };

  /// Servers of a site that come back, in no order.
  [[nodiscard]] const std::vector<End>& ends(SiteIndex site) const { return ends_[site]; }

  /// When a job ends that starts now, seconds; infinite when not known.
  [[nodiscard]] double EndOf(const QueuedJob& job) const {
    return (state_.now + job.expected).si();
  }

  [[nodiscard]] const ClusterState& state() const { return state_; }

  /// Whether a job starts in this round.
  [[nodiscard]] bool starts_something() const { return !decision_.starts.empty(); }

  Decision TakeDecision() { return std::move(decision_); }

 private:
  const ClusterState& state_;
  std::vector<FreeServers> free_;
  std::vector<const QueuedJob*> waiting_;

  void Begin(const QueuedJob& job, Placement placement);
  [[nodiscard]] Shadow ShadowIn(const QueuedJob& job, const ServerRun& servers) const;

  std::vector<std::vector<End>> ends_;  ///< by site
  Decision decision_;
};

/// Starts the jobs that wait, in their order. One that does not fit makes those behind it wait, on
/// every site that it could use; on other sites they may start. Returns the jobs that still wait.
std::vector<const QueuedJob*> StartInOrder(Round& round);

/// EASY backfill: jobs start in order; behind the first that does not fit those start that do not
/// delay its reservation.
void Backfill(Round& round);

}  // namespace gridlock
