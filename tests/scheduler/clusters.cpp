#include "tests/scheduler/clusters.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <tuple>

#include <rapidcheck.h>

namespace gridlock {

namespace {

int Draw(int from, int to) {  // both included
  return *rc::gen::resize(100, rc::gen::inRange(from, to + 1));
}

SiteState DrawSite() {
  const int per_leaf = Draw(1, 4);
  const int leaves_per_pod = Draw(1, 3);
  std::vector<char> free;
  for (int i = Draw(1, 24); i > 0; --i) {
    free.push_back(Draw(0, 9) > 0 ? 1 : 0);
  }
  return LeavesAndPods(per_leaf, leaves_per_pod, free);
}

std::int32_t UsableOn(const SiteState& site) {
  return static_cast<std::int32_t>(std::count(site.free.begin(), site.free.end(), 1));
}

QueuedJob DrawJob(const std::vector<std::int32_t>& usable, std::int32_t number) {
  const auto sites = static_cast<int>(usable.size());
  QueuedJob job;
  job.job = {number};
  job.priority = Draw(0, 2);
  job.submit = Seconds(Draw(0, 5));
  job.expected = Seconds(Draw(0, 9) == 0 ? kNever : Draw(1, 20));
  job.spans = Draw(0, 4) == 0;
  const std::int32_t first = Draw(0, sites - 1);
  for (std::int32_t i = 0, count = Draw(1, sites); i < count; ++i) {
    job.sites.push_back({(first + i) % sites});
  }
  std::int32_t most = std::numeric_limits<std::int32_t>::max();
  for (const SiteIndex site : job.sites) {
    most = std::min(most, usable[site]);
  }
  job.servers = Draw(1, std::max(1, most));
  return job;
}

}  // namespace

SiteState LeavesAndPods(std::int32_t per_leaf, std::int32_t leaves_per_pod,
                        const std::vector<char>& free) {
  const auto servers = static_cast<std::int32_t>(free.size());
  const std::vector<Locality::Level> levels = {
      {"leaf", Locality::Every(per_leaf, servers)},
      {"pod", Locality::Every(per_leaf * leaves_per_pod, servers)}};
  return {std::make_shared<Locality>(servers, levels, /*interchangeable=*/true), free};
}

std::int32_t GroupSize(const SiteState& site, int level) {
  return site.locality->end_of(level, 0);
}

ClusterState DrawCluster() {
  ClusterState state;
  state.now = Seconds(10);
  std::vector<std::int32_t> usable;
  for (int i = Draw(1, 3); i > 0; --i) {
    state.sites.push_back(DrawSite());
    usable.push_back(UsableOn(state.sites.back()));
  }
  for (std::int32_t number = 100, last = 100 + Draw(0, 6); number < last; ++number) {
    const SiteIndex site{Draw(0, static_cast<int>(state.sites.size()) - 1)};
    const Placement placement = Place(state.sites[site], site, Draw(1, 8));
    if (!placement.empty()) {
      const double end = Draw(0, 9) == 0 ? kNever : 10 + Draw(1, 20);
      state.running.push_back({number, Draw(0, 2), Seconds(Draw(0, 9)), Seconds(end), placement});
      Mark(state, placement, 0);
    }
  }
  for (std::int32_t number = 0, jobs = Draw(0, 12); number < jobs; ++number) {
    state.queue.push_back(DrawJob(usable, number));
  }
  return state;
}

std::vector<QueuedJob> InOrder(std::vector<QueuedJob> queue) {
  std::sort(queue.begin(), queue.end(), [](const QueuedJob& a, const QueuedJob& b) {
    return std::tuple(-a.priority, a.submit, a.job) < std::tuple(-b.priority, b.submit, b.job);
  });
  return queue;
}

const QueuedJob& JobOf(const ClusterState& state, std::int32_t job) {
  return *std::find_if(state.queue.begin(), state.queue.end(), [job](const QueuedJob& each) {
    return each.job == job;
  });
}

void Mark(ClusterState& state, const Placement& placement, char free) {
  for (const ServerRun& run : placement) {
    std::fill_n(state.sites[run.site].free.begin() + run.first, run.count, free);
  }
}

ClusterState After(ClusterState state, const std::vector<Start>& starts) {
  for (const Start& start : starts) {
    const QueuedJob job = JobOf(state, start.job);
    state.running.push_back(
        {job.job, job.priority, state.now, state.now + job.expected, start.placement});
    Mark(state, start.placement, 0);
    std::erase_if(state.queue, [&job](const QueuedJob& each) {
      return each.job == job.job;
    });
  }
  return state;
}

std::map<std::int32_t, double> PlayForward(const Policy& policy, ClusterState state) {
  std::map<std::int32_t, double> starts;
  for (;;) {
    const std::vector<Start> now = ChooseStarts(policy, state);
    for (const Start& start : now) {
      starts[start.job] = state.now.si();
    }
    state = After(std::move(state), now);
    double next = kNever;
    for (const RunningJob& job : state.running) {
      next = std::min(next, job.expected_end.si());
    }
    if (next == kNever) {
      return starts;
    }
    state.now = Seconds(next);
    for (const RunningJob& job : state.running) {
      if (job.expected_end <= state.now) {
        Mark(state, job.placement, 1);
      }
    }
    std::erase_if(state.running, [&state](const RunningJob& job) {
      return job.expected_end <= state.now;
    });
  }
}

}  // namespace gridlock
