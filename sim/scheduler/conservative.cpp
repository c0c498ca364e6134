// Conservative backfilling (Mu'alem and Feitelson: "Utilization, Predictability, Workloads, and
// User Runtime Estimates", TPDS 12(6), 2001). In the order of the queue every job gets the earliest
// time at which its servers are free for its whole run, so that no job delays any in front of it;
// those whose time is now start. Run times that are not known never end. A job that has to lie
// within a group of servers is planned in one group, and nobody behind it takes what it will need
// there.

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "sim/scheduler/round.h"

namespace gridlock {

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// Free servers of one site, or of one group of them, from now on, as a step function.
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

  // The fewest that are free between `from` and so much later.
  [[nodiscard]] std::int32_t Least(double from, double length) const {
    auto step = std::prev(free_.upper_bound(from));
    std::int32_t least = step->second;
    for (; step != free_.end() && step->first < from + length; ++step) {
      least = std::min(least, step->second);
    }
    return least;
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

/// One site from now on: what is free on all of it, and in groups that waiting jobs have to lie
/// within.
class SitePlan {
 public:
  SitePlan(const Round& round, SiteIndex site, double now)
      : round_(round), site_(site), now_(now), all_(now, round.free(site), round.ends(site)) {
    for (const QueuedJob* job : round.waiting()) {
      if (!job->within.empty() && !levels_.contains(job->within)) {
        levels_.emplace(job->within, GroupsOf(job->within));
      }
    }
  }

  /// Where a job could lie, and from when on.
  struct Slot {
    double when = kNever;
    ServerRun group = {};  ///< of no servers: anywhere on the site
  };

  /// The earliest, not before `from`.
  [[nodiscard]] Slot Earliest(double from, const QueuedJob& job) const {
    Slot best;
    if (job.within.empty()) {
      best.when = all_.Earliest(from, Needs(job), job.expected.si());
      return best;
    }
    for (const Group& group : levels_.at(job.within)) {
      const double here = EarliestIn(from, job, group.servers);
      best = here < best.when ? Slot{here, group.servers} : best;
    }
    return best;
  }

  /// The job will start there, no sooner than planned.
  void Keep(const Slot& slot, const QueuedJob& job) {
    all_.Take(slot.when, job.expected.si(), job.servers);
    for (Group* group : Around(slot.group)) {
      group->profile.Take(slot.when, job.expected.si(), job.servers);
      group->kept = true;
    }
  }

  /// The job starts on these servers, of which some may be on other sites.
  void Begin(const Placement& placement, const QueuedJob& job) {
    all_.Take(now_, job.expected.si(), job.servers);
    for (const ServerRun& run : placement) {
      for (auto& [name, groups] : levels_) {
        ForEachGroup(groups, run, [&](Group& group) {
          group.profile.Take(now_, job.expected.si(), Overlap(group.servers, run));
        });
      }
    }
  }

  /// Free servers that a job can have for so long without a delay of those that will need a group.
  [[nodiscard]] FreeServers Open(double length) const {
    FreeServers open = round_.free_servers(site_);
    for (const auto& [name, groups] : levels_) {
      for (const Group& group : groups) {
        if (group.kept) {
          const std::int32_t most = std::max(0, group.profile.Least(now_, length));
          open.RemoveSome(group.servers, open.FreeIn(group.servers) - most);
        }
      }
    }
    return open;
  }

 private:
  struct Group {
    ServerRun servers;
    Profile profile;
    bool kept = false;  ///< a job in front will be there
  };

  // Calls `visit` with each group that shares servers with these; groups stand by number.
  template <typename Groups, typename Visit>
  static void ForEachGroup(Groups& groups, const ServerRun& run, const Visit& visit) {
    auto group = std::partition_point(groups.begin(), groups.end(), [&run](const Group& each) {
      return each.servers.first + each.servers.count <= run.first;
    });
    for (; group != groups.end() && Overlap(group->servers, run) > 0; ++group) {
      visit(*group);
    }
  }

  [[nodiscard]] std::vector<Group> GroupsOf(const std::string& name) const {
    std::vector<Group> groups;
    std::vector<std::vector<Round::End>> ends;
    for (const ServerRun& place : PlacesWithin(round_.state().sites[site_], site_, name)) {
      groups.push_back({place, Profile(now_, round_.free_servers(site_).FreeIn(place), {})});
    }
    ends.resize(groups.size());
    for (const Round::End& end : round_.ends(site_)) {
      ForEachGroup(groups, end.servers, [&](const Group& group) {
        const std::int32_t some = Overlap(end.servers, group.servers);
        ends[static_cast<std::size_t>(&group - groups.data())].push_back(
            {end.when, {site_, group.servers.first, some}});
      });
    }
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const std::int32_t free = round_.free_servers(site_).FreeIn(groups[g].servers);
      groups[g].profile = Profile(now_, free, ends[g]);
    }
    return groups;
  }

  // The group itself, and those of other levels that hold all of it.
  template <typename Found, typename Levels>
  static std::vector<Found*> GroupsAround(const ServerRun& inner, Levels& levels) {
    std::vector<Found*> around;
    for (auto& [name, groups] : levels) {
      ForEachGroup(groups, inner, [&](Found& group) {
        if (Overlap(group.servers, inner) == inner.count) {
          around.push_back(&group);
        }
      });
    }
    return around;
  }

  std::vector<Group*> Around(const ServerRun& inner) { return GroupsAround<Group>(inner, levels_); }

  [[nodiscard]] std::vector<const Group*> Around(const ServerRun& inner) const {
    return GroupsAround<const Group>(inner, levels_);
  }

  // In that group, in those around it and on the whole site.
  [[nodiscard]] double EarliestIn(double from, const QueuedJob& job, const ServerRun& inner) const {
    const double length = job.expected.si();
    const std::vector<const Group*> around = Around(inner);
    double when = from;
    for (bool moved = true; moved && when < kNever;) {
      double then = all_.Earliest(when, Needs(job), length);
      for (const Group* group : around) {
        then = then < kNever ? group->profile.Earliest(then, job.servers, length) : then;
      }
      moved = then > when;
      when = then;
    }
    return when;
  }

  // Spares are out of reach of those that start for the first time.
  [[nodiscard]] std::int32_t Needs(const QueuedJob& job) const {
    return job.servers + (job.restarts ? 0 : round_.state().sites[site_].reserved);
  }

  const Round& round_;
  SiteIndex site_;
  double now_;
  Profile all_;
  std::map<std::string, std::vector<Group>> levels_;  ///< by what jobs call them
};

class Plans {
 public:
  explicit Plans(Round& round) : round_(round), now_(round.state().now.si()) {}

  // Starts the job now or plans it for later.
  void Plan(const QueuedJob& job) {
    const std::vector<SiteIndex> sites = job.spans ? job.sites : BestSite(job);
    const double when = Together(job, sites);
    if (when == kNever) {
      return;
    }
    const Placement placement = when == now_ ? Start(job, sites) : Placement();
    for (const SiteIndex site : sites) {
      SitePlan& plan = PlanOf(site);
      if (placement.empty()) {
        plan.Keep(plan.Earliest(when, job), job);
      } else {
        plan.Begin(placement, job);
      }
    }
  }

 private:
  // Made when the first job looks at the site. Of the jobs that the round starts it knows by Begin.
  SitePlan& PlanOf(SiteIndex site) {
    const auto entry = plans_.find(site);
    if (entry != plans_.end()) {
      return entry->second;
    }
    return plans_.emplace(site, SitePlan(round_, site, now_)).first->second;
  }

  Placement Start(const QueuedJob& job, const std::vector<SiteIndex>& sites) {
    std::vector<FreeServers> open;
    for (const SiteIndex site : sites) {
      open.push_back(PlanOf(site).Open(job.expected.si()));
    }
    return round_.TryStartAmong(job, sites, std::move(open));
  }

  std::vector<SiteIndex> BestSite(const QueuedJob& job) {
    SiteIndex best = job.sites.front();
    double when = kNever;
    for (const SiteIndex site : job.sites) {
      const double here = PlanOf(site).Earliest(now_, job).when;
      if (here < when) {
        when = here;
        best = site;
      }
    }
    return {best};
  }

  // The earliest time that suits all of the sites.
  double Together(const QueuedJob& job, const std::vector<SiteIndex>& sites) {
    double when = now_;
    for (bool moved = true; moved && when < kNever;) {
      moved = false;
      for (const SiteIndex site : sites) {
        const double here = PlanOf(site).Earliest(when, job).when;
        moved = moved || here > when;
        when = here;
      }
    }
    return when;
  }

  Round& round_;
  double now_;
  std::map<SiteIndex, SitePlan> plans_;
};

}  // namespace

void Conservative(Round& round) {
  Plans plans(round);
  for (const QueuedJob* job : round.waiting()) {
    plans.Plan(*job);
  }
}

}  // namespace gridlock
