#include "sim/scheduler/round.h"

#include <algorithm>
#include <tuple>

#include "sim/base/check.h"

namespace gridlock {

Round::Round(const ClusterState& state)
    : state_(state), free_(state.sites.begin(), state.sites.end()), ends_(state.sites.size()) {
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

void Round::SortWaiting(const std::function<bool(const QueuedJob*, const QueuedJob*)>& before) {
  std::stable_sort(waiting_.begin(), waiting_.end(), before);
}

std::vector<SiteIndex> Round::TryStart(const QueuedJob& job, const SiteFilter& allowed) {
  const auto possible = [&](SiteIndex site) {
    return FreeFor(job, site) >= job.servers && allowed(site);
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
  Start start{job.job, {}};
  for (const SiteIndex site : sites) {
    const Placement part = free_[site].Take(site, job.servers);
    start.placement.insert(start.placement.end(), part.begin(), part.end());
    ends_[site].emplace_back(EndOf(job), job.servers);
  }
  starts_.push_back(std::move(start));
  return sites;
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

std::vector<Start> ChooseStarts(const Policy& policy, const ClusterState& state) {
  Round round(state);
  policy.decide(round);
  return round.TakeStarts();
}

}  // namespace gridlock
