#include "sim/scheduler/round.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "sim/base/check.h"

namespace gridlock {

Round::Round(const ClusterState& state)
    : state_(state), free_(state.sites.begin(), state.sites.end()), ends_(state.sites.size()) {
  for (const RunningJob& job : state.running) {
    const double end = std::max(state.now, job.expected_end).si();
    for (const ServerRun& run : job.placement) {
      ends_[run.site].push_back({end, run});
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

void Round::SortWaiting(const std::function<bool(const QueuedJob*, const QueuedJob*)>& before) {
  std::stable_sort(waiting_.begin(), waiting_.end(), before);
}

std::vector<SiteIndex> Round::TryStart(const QueuedJob& job, const SiteFilter& allowed) {
  const auto possible = [&](SiteIndex site) {
    return FreeFor(job, site) >= job.servers && free_[site].Holds(job.servers, job.within) &&
           allowed(site);
  };
  std::vector<SiteIndex> sites;
  if (!job.spans) {
    const auto first = std::find_if(job.sites.begin(), job.sites.end(), possible);
    if (first == job.sites.end()) {
      return {};
    }
    sites = {*first};
  } else {
    if (!std::all_of(job.sites.begin(), job.sites.end(), possible)) {
      return {};
    }
    sites = job.sites;
  }
  Placement placement;
  for (const SiteIndex site : sites) {
    const Placement part = free_[site].Take(site, job.servers, job.within);
    placement.insert(placement.end(), part.begin(), part.end());
  }
  Begin(job, std::move(placement));
  return sites;
}

Placement Round::TryStartAmong(const QueuedJob& job, const std::vector<SiteIndex>& sites,
                               std::vector<FreeServers> open) {
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (FreeFor(job, sites[i]) < job.servers || !open[i].Holds(job.servers, job.within)) {
      return {};
    }
  }
  Placement placement;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const Placement part = open[i].Take(sites[i], job.servers, job.within);
    placement.insert(placement.end(), part.begin(), part.end());
  }
  for (const ServerRun& run : placement) {
    free_[run.site].Remove(run);
  }
  Begin(job, placement);
  return placement;
}

void Round::Begin(const QueuedJob& job, Placement placement) {
  for (const ServerRun& run : placement) {
    ends_[run.site].push_back({EndOf(job), run});
  }
  decision_.starts.push_back({job.job, std::move(placement)});
}

bool Round::TryStartOutside(const QueuedJob& job, const ServerRun& kept) {
  const SiteIndex site = kept.site;
  FreeServers outside = free_[site];
  outside.Remove(kept);
  const std::int32_t spares = job.restarts ? 0 : state_.sites[site].reserved;
  if (outside.total() - spares < job.servers || !outside.Holds(job.servers, job.within)) {
    return false;
  }
  Placement placement = outside.Take(site, job.servers, job.within);
  for (const ServerRun& run : placement) {
    free_[site].Remove(run);
  }
  Begin(job, std::move(placement));
  return true;
}

Round::Shadow Round::ShadowIn(const QueuedJob& job, const ServerRun& servers) const {
  std::vector<std::pair<double, std::int32_t>> ends;
  for (const End& end : ends_[servers.site]) {
    if (const std::int32_t count = Overlap(end.servers, servers); count > 0) {
      ends.emplace_back(end.when, count);
    }
  }
  std::sort(ends.begin(), ends.end());
  std::int32_t free = FreeAt(job, servers, -1);
  double when = state_.now.si();
  for (auto end = ends.begin(); end != ends.end() && free < job.servers; ++end) {
    when = end->first;
    free += end->second;
  }
  return {free >= job.servers ? when : std::numeric_limits<double>::infinity(), servers};
}

Round::Shadow Round::ShadowOn(SiteIndex site, const QueuedJob& job) const {
  Shadow best{std::numeric_limits<double>::infinity(), {site, ServerIndex{0}, 0}};
  for (const ServerRun& place : PlacesWithin(state_.sites[site], site, job.within)) {
    if (place.count >= job.servers || job.within.empty()) {
      const Shadow here = ShadowIn(job, place);
      best = here.when < best.when || best.servers.count == 0 ? here : best;
    }
  }
  return best;
}

std::int32_t Round::FreeAt(const QueuedJob& job, const ServerRun& servers, double when) const {
  const SiteState& site = state_.sites[servers.site];
  const bool all = servers.count == site.locality->servers();
  std::int32_t free = all ? FreeFor(job, servers.site) : free_[servers.site].FreeIn(servers);
  for (const End& end : ends_[servers.site]) {
    free += end.when <= when ? Overlap(end.servers, servers) : 0;
  }
  return free;
}

void Round::Move(Start room_for, std::vector<Start> moves) {
  CHECK(decision_.moves.empty() && !moves.empty());
  decision_.room_for = std::move(room_for);
  decision_.moves = std::move(moves);
}

std::vector<const QueuedJob*> StartInOrder(Round& round) {
  std::vector<char> wanted(
      round.state().sites.size());  // a job further in front waits for the site
  std::vector<const QueuedJob*> still_waiting;
  for (const QueuedJob* job : round.waiting()) {
    const bool started = !round
                              .TryStart(*job,
                                        [&wanted](SiteIndex site) {
                                          return wanted[site] == 0;
                                        })
                              .empty();
    if (!started) {
      still_waiting.push_back(job);
      for (const SiteIndex site : job->sites) {
        wanted[site] = 1;
      }
    }
  }
  return still_waiting;
}

Decision Decide(const Policy& policy, const ClusterState& state) {
  Round round(state);
  policy.decide(round);
  return round.TakeDecision();
}

std::vector<Start> ChooseStarts(const Policy& policy, const ClusterState& state) {
  return Decide(policy, state).starts;
}

}  // namespace gridlock
