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
      : round_(round),
        site_(site),
        now_(now),
        locality_(*round.state().sites[site].locality),
        all_(now, round.free(site), round.ends(site)) {
    for (const QueuedJob* job : round.waiting()) {
      const int level = LevelNamed(locality_, job->within);
      if (level >= 0 && !levels_.contains(level)) {
        levels_.emplace(level, GroupsOf(level, job->within));
      }
    }
  }

  /// Where a job could lie, and from when on.
  struct Slot {
    double when = kNever;
    int level = -1;  ///< of `group`; -1: anywhere on the site
    std::size_t group = 0;
  };

  /// The earliest, not before `from`.
  [[nodiscard]] Slot Earliest(double from, const QueuedJob& job) const {
    Slot best;
    if (job.within.empty()) {
      best.when = all_.Earliest(from, Needs(job), job.expected.si());
      return best;
    }
    const int level = LevelNamed(locality_, job.within);
    const auto found = levels_.find(level);
    for (std::size_t g = 0; found != levels_.end() && g < found->second.size(); ++g) {
      const Slot here{EarliestIn(from, job, {0, level, g}), level, g};
      best = here.when < best.when ? here : best;
    }
    return best;
  }

  /// The job will start there, no sooner than planned.
  void Keep(const Slot& slot, const QueuedJob& job) {
    all_.Take(slot.when, job.expected.si(), job.servers);
    if (slot.level >= 0) {
      for (auto level = levels_.find(slot.level); level != levels_.end(); ++level) {
        Group& group = level->second[Around(slot, level->first)];
        group.profile.Take(slot.when, job.expected.si(), job.servers);
        group.kept = true;
      }
    }
  }

  /// The job starts on these servers, of which some may be on other sites.
  void Begin(const Placement& placement, const QueuedJob& job) {
    all_.Take(now_, job.expected.si(), job.servers);
    for (const ServerRun& run : placement) {
      for (auto& [level, groups] : levels_) {
        ForEachGroup(level, run, [&, &groups = groups](std::size_t g) {
          groups[g].profile.Take(now_, job.expected.si(), Overlap(groups[g].servers, run));
        });
      }
    }
  }

  /// Free servers that a job can have for so long without a delay of those that will need a group.
  [[nodiscard]] FreeServers Open(double length) const {
    FreeServers open = round_.free_servers(site_);
    for (const auto& [level, groups] : levels_) {
      for (const Group& group : groups) {
        if (group.kept) {
          const std::int32_t most = std::max(0, group.profile.Least(now_, length));
          open.RemoveSome(group.servers, open.FreeIn(group.servers) - most);
        }
      }
    }
    return open;
  }

  [[nodiscard]] bool has_groups() const { return !levels_.empty(); }

 private:
  struct Group {
    ServerRun servers;
    Profile profile;
    bool kept = false;  ///< a job in front will be there
  };

  // Calls `visit` with the number of each group of a level that shares servers with these.
  template <typename Visit>
  void ForEachGroup(int level, const ServerRun& run, const Visit& visit) const {
    if (run.site != site_) {
      return;
    }
    const ServerIndex last{run.first + run.count - 1};
    for (std::int32_t g = locality_.group_of(level, run.first);
         g <= locality_.group_of(level, last); ++g) {
      visit(static_cast<std::size_t>(g));
    }
  }

  [[nodiscard]] std::vector<Group> GroupsOf(int level, const std::string& name) const {
    const std::vector<ServerRun> places = PlacesWithin(locality_, site_, name);
    std::vector<std::vector<Round::End>> ends(places.size());
    for (const Round::End& end : round_.ends(site_)) {
      ForEachGroup(level, end.servers, [&](std::size_t g) {
        const std::int32_t some = Overlap(end.servers, places[g]);
        ends[g].push_back({end.when, {site_, places[g].first, some}});
      });
    }
    std::vector<Group> groups;
    for (std::size_t g = 0; g < places.size(); ++g) {
      groups.push_back(
          {places[g], Profile(now_, round_.free_servers(site_).FreeIn(places[g]), ends[g])});
    }
    return groups;
  }

  // The group of another, outer level that the slot's is in.
  [[nodiscard]] std::size_t Around(const Slot& slot, int level) const {
    const ServerRun& inner = levels_.at(slot.level)[slot.group].servers;
    return static_cast<std::size_t>(locality_.group_of(level, inner.first));
  }

  // In that group, in those around it and on the whole site.
  [[nodiscard]] double EarliestIn(double from, const QueuedJob& job, const Slot& slot) const {
    const double length = job.expected.si();
    double when = from;
    for (bool moved = true; moved && when < kNever;) {
      double then = all_.Earliest(when, Needs(job), length);
      for (auto level = levels_.find(slot.level); level != levels_.end() && then < kNever;
           ++level) {
        const Group& group = level->second[Around(slot, level->first)];
        then = group.profile.Earliest(then, job.servers, length);
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
  const Locality& locality_;
  Profile all_;
  std::map<int, std::vector<Group>> levels_;  ///< innermost first
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
