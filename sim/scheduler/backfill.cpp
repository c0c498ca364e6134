// EASY backfilling (Lifka 1995). After all that first come, first served starts, later jobs may
// start too when that does not delay the first one that waits for a site: either they end before it
// can start there (its shadow time), or they take servers that it will not need then (the extra
// ones). Both follow from the expected ends of what runs. Run times that are not known never end in
// time.

#include <algorithm>
#include <cmath>
#include <optional>

#include "sim/scheduler/round.h"

namespace gridlock {

namespace {

// What the first job that waits for a site will need there.
struct Reservation {
  double shadow = 0;       ///< when it can start at the latest; infinite when that is not known
  std::int32_t extra = 0;  ///< servers that are left then
  ServerRun servers;       ///< among which it will lie
  bool group = false;      ///< they are a part of the site
};

class Reservations {
 public:
  explicit Reservations(Round& round) : round_(round), reserved_(round.state().sites.size()) {}

  // Starts a job where that delays nobody who has a reservation.
  bool TryStart(const QueuedJob& job) {
    const std::vector<SiteIndex> sites = round_.TryStart(job, [&](SiteIndex site) {
      return Harmless(job, site);
    });
    for (const SiteIndex site : sites) {
      if (reserved_[site] && round_.EndOf(job) > reserved_[site]->shadow) {
        reserved_[site]->extra -= job.servers;
      }
    }
    return !sites.empty() || TryOutside(job);
  }

  // Keeps what a job needs on its sites, where no other waits before it.
  void Reserve(const QueuedJob& job) {
    if (std::all_of(job.sites.begin(), job.sites.end(), [this](SiteIndex site) {
          return reserved_[site].has_value();
        })) {
      return;
    }
    double together = 0;
    for (const SiteIndex site : job.sites) {
      together = std::max(together, round_.ShadowOn(site, job).when);
    }
    for (const SiteIndex site : job.sites) {
      if (!reserved_[site]) {
        const Round::Shadow shadow = round_.ShadowOn(site, job);
        const double when = job.spans ? together : shadow.when;
        const std::int32_t extra =
            std::max(0, round_.FreeAt(job, shadow.servers, when) - job.servers);
        reserved_[site] = {when, extra, shadow.servers, !job.within.empty()};
      }
    }
  }

 private:
  [[nodiscard]] bool Harmless(const QueuedJob& job, SiteIndex site) const {
    if (!reserved_[site]) {
      return true;
    }
    const double end = round_.EndOf(job);
    return (std::isfinite(end) && end <= reserved_[site]->shadow) ||
           (job.servers <= reserved_[site]->extra && !reserved_[site]->group);
  }

  // Beside a group that is kept for another.
  bool TryOutside(const QueuedJob& job) {
    return !job.spans && std::any_of(job.sites.begin(), job.sites.end(), [&](SiteIndex site) {
      return reserved_[site] && reserved_[site]->group &&
             round_.TryStartOutside(job, reserved_[site]->servers);
    });
  }

  Round& round_;
  std::vector<std::optional<Reservation>> reserved_;  ///< by site
};

}  // namespace

void Backfill(Round& round) {
  Reservations reservations(round);
  for (const QueuedJob* job : StartInOrder(round)) {
    if (!reservations.TryStart(*job)) {
      reservations.Reserve(*job);
    }
  }
}

}  // namespace gridlock
