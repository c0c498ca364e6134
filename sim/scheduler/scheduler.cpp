#include "sim/scheduler/scheduler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "sim/base/check.h"
#include "sim/scheduler/free_servers.h"

namespace gridlock {

namespace {

// What the first job that waits for a site will need there.
struct Reservation {
  double shadow = 0;       ///< when it can start at the latest; infinite when that is not known
  std::int32_t extra = 0;  ///< servers that are left then
};

// One decision in the making.
class Round {
 public:
  explicit Round(const ClusterState& state);

  void Fifo();
  void Backfill();

  std::vector<Start> TakeStarts() { return std::move(starts_); }

 private:
  using SiteFilter = std::function<bool(std::int32_t site)>;

  bool TryStart(const QueuedJob& job, const SiteFilter& allowed);
  [[nodiscard]] bool Harmless(const QueuedJob& job, std::int32_t site) const;
  void Reserve(const QueuedJob& job);
  [[nodiscard]] double ShadowOn(std::int32_t site, std::int32_t servers) const;
  [[nodiscard]] std::int32_t FreeAt(std::int32_t site, double when) const;

  [[nodiscard]] double EndOf(const QueuedJob& job) const {
    return (state_.now + job.expected).si();
  }

  const ClusterState& state_;
  std::vector<FreeServers> free_;
  std::vector<const QueuedJob*> waiting_;                           ///< in the order of the policy
  std::vector<std::optional<Reservation>> reserved_;                ///< by site
  std::vector<std::vector<std::pair<double, std::int32_t>>> ends_;  ///< by site: when, servers
  std::vector<Start> starts_;
};

Round::Round(const ClusterState& state)
    : state_(state),
      free_(state.sites.begin(), state.sites.end()),
      reserved_(state.sites.size()),
      ends_(state.sites.size()) {
  for (const RunningJob& job : state.running) {
    for (const ServerRun& run : job.placement) {
      ends_[run.site].emplace_back(std::max(state.now, job.expected_end).si(), run.count);
    }
  }
  for (const QueuedJob& job : state.queue) {
    CHECK(job.servers > 0 && !job.sites.empty());
    waiting_.push_back(&job);
  }
  std::sort(waiting_.begin(), waiting_.end(), [](const QueuedJob* a, const QueuedJob* b) {
    return std::tuple(b->priority, a->submit, a->job) < std::tuple(a->priority, b->submit, b->job);
  });
}

void Round::Fifo() {
  std::vector<char> wanted(state_.sites.size());  // a job further in front waits for the site
  std::vector<const QueuedJob*> still_waiting;
  for (const QueuedJob* job : waiting_) {
    const bool started = TryStart(*job, [&wanted](std::int32_t site) {
      return wanted[site] == 0;
    });
    if (!started) {
      still_waiting.push_back(job);
      for (const std::int32_t site : job->sites) {
        wanted[site] = 1;
      }
    }
  }
  waiting_ = std::move(still_waiting);
}

void Round::Backfill() {
  for (const QueuedJob* job : waiting_) {
    const bool started = TryStart(*job, [this, job](std::int32_t site) {
      return Harmless(*job, site);
    });
    if (!started) {
      Reserve(*job);
    }
  }
}

// Starts a job on the first site, or on all that it spans, if they are allowed and have the room.
bool Round::TryStart(const QueuedJob& job, const SiteFilter& allowed) {
  const auto possible = [&](std::int32_t site) {
    return free_[site].total() >= job.servers && allowed(site);
  };
  std::vector<std::int32_t> sites;
  if (!job.spans) {
    const auto first = std::find_if(job.sites.begin(), job.sites.end(), possible);
    if (first == job.sites.end()) {
      return false;
    }
    sites = {*first};
  } else {
    if (!std::all_of(job.sites.begin(), job.sites.end(), possible)) {
      return false;
    }
    sites = job.sites;
  }
  Start start{job.job, {}};
  for (const std::int32_t site : sites) {
    const Placement part = free_[site].Take(site, job.servers);
    start.placement.insert(start.placement.end(), part.begin(), part.end());
    ends_[site].emplace_back(EndOf(job), job.servers);
    if (reserved_[site] && EndOf(job) > reserved_[site]->shadow) {
      reserved_[site]->extra -= job.servers;
    }
  }
  starts_.push_back(std::move(start));
  return true;
}

bool Round::Harmless(const QueuedJob& job, std::int32_t site) const {
  if (!reserved_[site]) {
    return true;
  }
  const double end = EndOf(job);
  return (std::isfinite(end) && end <= reserved_[site]->shadow) ||
         job.servers <= reserved_[site]->extra;
}

// Keeps what a job needs on its sites, where no other waits before it.
void Round::Reserve(const QueuedJob& job) {
  if (std::all_of(job.sites.begin(), job.sites.end(), [this](std::int32_t site) {
        return reserved_[site].has_value();
      })) {
    return;
  }
  double together = 0;
  for (const std::int32_t site : job.sites) {
    together = std::max(together, ShadowOn(site, job.servers));
  }
  for (const std::int32_t site : job.sites) {
    if (!reserved_[site]) {
      const double shadow = job.spans ? together : ShadowOn(site, job.servers);
      reserved_[site] = {shadow, std::max(0, FreeAt(site, shadow) - job.servers)};
    }
  }
}

double Round::ShadowOn(std::int32_t site, std::int32_t servers) const {
  auto ends = ends_[site];
  std::sort(ends.begin(), ends.end());
  std::int32_t free = free_[site].total();
  double when = state_.now.si();
  for (auto end = ends.begin(); end != ends.end() && free < servers; ++end) {
    when = end->first;
    free += end->second;
  }
  return free >= servers ? when : std::numeric_limits<double>::infinity();
}

std::int32_t Round::FreeAt(std::int32_t site, double when) const {
  std::int32_t free = free_[site].total();
  for (const auto& [end, servers] : ends_[site]) {
    free += end <= when ? servers : 0;
  }
  return free;
}

}  // namespace

std::vector<Start> Schedule(Policy policy, const ClusterState& state) {
  Round round(state);
  round.Fifo();
  if (policy == Policy::kBackfill) {
    round.Backfill();
  }
  return round.TakeStarts();
}

}  // namespace gridlock
