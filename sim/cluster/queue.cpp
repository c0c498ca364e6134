#include "sim/cluster/queue.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

#include "sim/base/check.h"
#include "sim/cluster/course.h"
#include "sim/cluster/job_sites.h"
#include "sim/cluster/machine_now.h"
#include "sim/cluster/relocation.h"
#include "sim/cluster/rooms.h"
#include "sim/cluster/servers.h"

namespace gridlock {

namespace {

// It is held up by a checkpoint, by reading it again, and by the restart.
void SetMovable(const ClusterView& view, const Member& member, RunningJob& running) {
  const TrainingRun& run = *member.run;
  if (!member.trains() || !run.can_be_saved() || run.spec().recorded > Seconds(0) ||
      member.spec->spans || member.run->share_lost() > 0) {
    return;
  }
  const std::vector<SiteSpec>& sites = view.machine.sites();
  running.sites = AllowedSites(*member.spec, sites);
  running.within = member.spec->within;
  const SiteIndex site = run.placement()[0].site;
  const ReliabilitySpec& reliability = view.scenario.reliability;
  const BytesPerSecond rate = std::min(sites[site].storage_bandwidth, member.nics(sites));
  running.move_time = 2 * (CheckpointBytes(run.spec()) / rate) + reliability.restart_time +
                      reliability.restart_time_per_accelerator *
                          static_cast<double>(run.spec().step.layout.accelerators());
}

RunningJob RunningRun(const ClusterView& view, JobIndex job) {
  const Member& member = view.members[job];
  RunningJob running{job, member.spec->priority, member.run->placed_at(),
                     view.course.now() + member.run->remaining(), member.run->placement()};
  SetMovable(view, member, running);
  return running;
}

// That a run needs on one of its sites, or with `span` on each, with all of its replicas.
std::int32_t ServersOnEachSite(const ClusterView& view, const Member& member,
                               const std::vector<SiteIndex>& sites) {
  const ServerSpec& server = view.machine.site(sites[0]).server;
  const Layout& layout = member.run->spec().step.layout;
  const auto parts = member.spec->spans ? static_cast<std::int64_t>(sites.size()) : 1;
  return ServersOf(layout.accelerators() / parts, layout.used_of(server.accelerators));
}

// With all of its replicas. How long it will take is not said.
QueuedJob QueuedRun(const ClusterView& view, JobIndex job) {
  const Member& member = view.members[job];
  QueuedJob queued;
  queued.job = job;
  queued.priority = member.spec->priority;
  queued.submit = member.run->submit();
  queued.sites = AllowedSites(*member.spec, view.machine.sites());
  queued.spans = member.spec->spans;
  queued.restarts = member.run->started_before();
  queued.tenant = member.tenant;
  queued.within = member.spec->within;
  queued.expected = Seconds(std::numeric_limits<double>::infinity());
  queued.servers = ServersOnEachSite(view, member, queued.sites);
  return queued;
}

// Of all sites, with all of its replicas; those of a fleet as they are.
std::int64_t ServersOfAll(const ClusterView& view, const Member& member) {
  if (!member.run) {
    return std::accumulate(member.servers.begin(), member.servers.end(), std::int64_t{0});
  }
  const std::vector<SiteIndex> sites = AllowedSites(*member.spec, view.machine.sites());
  const auto parts = member.spec->spans ? static_cast<std::int64_t>(sites.size()) : 1;
  return parts * ServersOnEachSite(view, member, sites);
}

std::pair<std::int32_t, Seconds> PlaceInQueue(const Member& member) {
  return {-member.spec->priority, member.run->submit()};
}

// Runs that wait because their tenants hold as much as they may, or will with those in front of
// them.
std::set<JobIndex> BeyondQuotas(const ClusterView& view, const Tenants& tenants) {
  std::set<JobIndex> beyond;
  if (!tenants.any_quota()) {
    return beyond;
  }
  std::map<std::int32_t, std::int64_t> held;
  std::vector<JobIndex> waiting;
  for (const JobIndex job : view.active) {
    const Member& member = view.members[job];
    if (member.waits()) {
      waiting.push_back(job);
    } else {
      held[member.tenant] += ServersOfAll(view, member);
    }
  }
  std::stable_sort(waiting.begin(), waiting.end(), [&view](JobIndex a, JobIndex b) {
    return PlaceInQueue(view.members[a]) < PlaceInQueue(view.members[b]);
  });
  for (const JobIndex job : waiting) {
    const Member& member = view.members[job];
    const std::int64_t needed = ServersOfAll(view, member);
    const std::int64_t quota = tenants.quota(member.tenant);
    if (quota > 0 && held[member.tenant] + needed > quota) {
      beyond.insert(job);
    } else {
      held[member.tenant] += needed;
    }
  }
  return beyond;
}

}  // namespace

JobIndex FirstWaiting(const ClusterView& view, const Tenants& tenants) {
  const std::set<JobIndex> beyond = BeyondQuotas(view, tenants);
  JobIndex first;
  for (const JobIndex job : view.active) {
    if (view.members[job].waits() && !view.relocation.Includes(job) && !beyond.contains(job) &&
        (first < 0 || PlaceInQueue(view.members[job]) < PlaceInQueue(view.members[first]))) {
      first = job;
    }
  }
  return first;
}

QueueNow QueueOf(const ClusterView& view, const Tenants& tenants, const JobRates& rates,
                 const std::vector<int>& levels) {
  QueueNow queue;
  ClusterState& state = queue.state;
  state.now = view.course.now();
  state.used = tenants.used();
  const std::set<JobIndex> beyond = BeyondQuotas(view, tenants);
  for (std::size_t s = 0; s < view.machine.sites().size(); ++s) {
    state.sites.push_back(view.servers.state(IndexOf<SiteIndex>(s)));
  }
  for (const JobIndex job : view.active) {
    const Member& member = view.members[job];
    if (member.run && member.run->holds_servers()) {
      state.running.push_back(RunningRun(view, job));
    }
    if (!member.waits() || view.relocation.Includes(job) || beyond.contains(job)) {
      continue;
    }
    QueuedJob& queued = state.queue.emplace_back(QueuedRun(view, job));
    int replicas = member.run->spec().step.layout.data;
    const Room room = queued.restarts ? RoomFor(view, member, /*holds=*/false) : Room();
    if (room.replicas > 0) {
      replicas = room.replicas;
      queued.sites = room.sites;
      queued.spans = room.sites.size() > 1;
      queued.servers = room.servers;
    }
    queue.replicas.emplace(job, replicas);
    if (view.scenario.scheduler->needs_run_times) {
      queued.expected = member.run->remaining(rates.StepAlone(view, job, levels));
    }
  }
  view.relocation.Hide(state);
  return queue;
}

std::vector<JobIndex> VictimsFor(const ClusterState& state, JobIndex job) {
  const auto queued =
      std::find_if(state.queue.begin(), state.queue.end(), [job](const QueuedJob& each) {
        return each.job == job;
      });
  CHECK(queued != state.queue.end());
  for (const SiteIndex site : queued->sites) {
    const std::int32_t spares = queued->restarts ? 0 : state.sites[site].reserved;
    std::vector<JobIndex> victims =
        Victims(state, site, queued->servers + spares, queued->priority, queued->within);
    if (!victims.empty()) {
      return victims;
    }
  }
  return {};
}

}  // namespace gridlock
