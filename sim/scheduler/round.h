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

  /// Puts the jobs that wait into the order that `before` says.
  void SortWaiting(const std::function<bool(const QueuedJob*, const QueuedJob*)>& before);

  /// Servers that are free on a site now, spares included.
  [[nodiscard]] std::int32_t free(SiteIndex site) const { return free_[site].total(); }

  /// Servers of a site that a job could have now.
  [[nodiscard]] std::int32_t FreeFor(const QueuedJob& job, SiteIndex site) const {
    return free_[site].total() - (job.restarts ? 0 : state_.sites[site].reserved);
  }

  /// When servers of a site come back, in no order: seconds and how many.
  [[nodiscard]] const std::vector<std::pair<double, std::int32_t>>& ends(SiteIndex site) const {
    return ends_[site];
  }

  /// When a job ends that starts now, seconds; infinite when not known.
  [[nodiscard]] double EndOf(const QueuedJob& job) const {
    return (state_.now + job.expected).si();
  }

  [[nodiscard]] const ClusterState& state() const { return state_; }

  std::vector<Start> TakeStarts() { return std::move(starts_); }

 private:
  const ClusterState& state_;
  std::vector<FreeServers> free_;
  std::vector<const QueuedJob*> waiting_;
  std::vector<std::vector<std::pair<double, std::int32_t>>> ends_;  ///< by site
  std::vector<Start> starts_;
};

/// Starts the jobs that wait, in their order. One that does not fit makes those behind it wait, on
/// every site that it could use; on other sites they may start. Returns the jobs that still wait.
std::vector<const QueuedJob*> StartInOrder(Round& round);

}  // namespace gridlock
