// Conservative backfilling (Mu'alem and Feitelson: "Utilization, Predictability, Workloads, and
// User Runtime Estimates", TPDS 12(6), 2001). In the order of the queue every job gets the earliest
// time at which its servers are free for its whole run, so that no job delays any in front of it;
// those whose time is now start. Run times that are not known never end.

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>

#include "sim/scheduler/round.h"

namespace gridlock {

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// Free servers of one site from now on, as a step function.
class Profile {
 public:
  Profile(double now, std::int32_t free, const std::vector<Round::End>& ends) {
    std::map<double, std::int32_t> back;
    for (const Round::End& end : ends) {
      // What is overdue ends any moment, but not now.
      back[end.when > now ? end.when : std::nextafter(now, kNever)] += end.servers.count;
    }
    free_[now] = free;
    for (const auto& [end, servers] : back) {
      free += servers;
      if (end < kNever) {
        free_[end] = free;
      }
    }
  }

  // The earliest time, not before `from`, at which so many servers are free for so long.
  [[nodiscard]] double Earliest(double from, std::int32_t servers, double length) const {
    double start = from;
    for (auto step = std::prev(free_.upper_bound(from)); step != free_.end(); ++step) {
      if (step->first > start && step->first >= start + length) {
        return start;
      }
      if (step->second < servers) {
        const auto next = std::next(step);
        start = next == free_.end() ? kNever : next->first;
      }
    }
    return start;
  }

  void Take(double from, double length, std::int32_t servers) {
    Cut(from);
    if (from + length < kNever) {
      Cut(from + length);
    }
    for (auto step = free_.find(from); step != free_.end() && step->first < from + length; ++step) {
      step->second -= servers;
    }
  }

 private:
  void Cut(double at) { free_.emplace(at, std::prev(free_.upper_bound(at))->second); }

  std::map<double, std::int32_t> free_;  // from this time on
};

class Plans {
 public:
  explicit Plans(Round& round) : round_(round), now_(round.state().now.si()) {}

  // Starts the job now or plans it for later.
  void Plan(const QueuedJob& job) {
    const double length = job.expected.si();
    const std::vector<SiteIndex> sites = job.spans ? job.sites : BestSite(job, length);
    const double when = Together(job, sites, length);
    if (when == kNever) {
      return;
    }
    if (when == now_) {
      (void)round_.TryStart(job, [&](SiteIndex site) {
        return std::find(sites.begin(), sites.end(), site) != sites.end();
      });
    }
    for (const SiteIndex site : sites) {
      ProfileOf(site).Take(when, length, job.servers);
    }
  }

 private:
  // Made when the first job looks at the site. Of the jobs that the round starts it knows by Take.
  Profile& ProfileOf(SiteIndex site) {
    const auto entry = profiles_.find(site);
    if (entry != profiles_.end()) {
      return entry->second;
    }
    return profiles_.emplace(site, Profile(now_, round_.free(site), round_.ends(site)))
        .first->second;
  }

  // Spares are out of reach of those that start for the first time.
  std::int32_t Needs(const QueuedJob& job, SiteIndex site) const {
    return job.servers + (job.restarts ? 0 : round_.state().sites[site].reserved);
  }

  std::vector<SiteIndex> BestSite(const QueuedJob& job, double length) {
    SiteIndex best = job.sites.front();
    double when = kNever;
    for (const SiteIndex site : job.sites) {
      const double here = ProfileOf(site).Earliest(now_, Needs(job, site), length);
      if (here < when) {
        when = here;
        best = site;
      }
    }
    return {best};
  }

  // The earliest time that suits all of the sites.
  double Together(const QueuedJob& job, const std::vector<SiteIndex>& sites, double length) {
    double when = now_;
    for (bool moved = true; moved && when < kNever;) {
      moved = false;
      for (const SiteIndex site : sites) {
        const double here = ProfileOf(site).Earliest(when, Needs(job, site), length);
        moved = moved || here > when;
        when = here;
      }
    }
    return when;
  }

  Round& round_;
  double now_;
  std::map<SiteIndex, Profile> profiles_;
};

}  // namespace

void Conservative(Round& round) {
  Plans plans(round);
  for (const QueuedJob* job : round.waiting()) {
    plans.Plan(*job);
  }
}

}  // namespace gridlock
