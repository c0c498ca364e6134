#include "sim/cluster/queue.h"

#include <algorithm>
#include <limits>
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
      member.spec->spans || member.share_lost() > 0) {
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
  const ServerSpec& server = view.machine.site(queued.sites[0]).server;
  const Layout& layout = member.run->spec().step.layout;
  const auto parts = queued.spans ? static_cast<std::int64_t>(queued.sites.size()) : 1;
  queued.servers = ServersOf(layout.accelerators() / parts, layout.used_of(server.accelerators));
  return queued;
}

}  // namespace

JobIndex FirstWaiting(const ClusterView& view) {
  const auto key = [&view](JobIndex job) {
    const Member& member = view.members[job];
    return std::pair(-member.spec->priority, member.run->submit());
  };
  JobIndex first;
  for (const JobIndex job : view.active) {
    if (view.members[job].waits() && !view.relocation.Includes(job) &&
        (first < 0 || key(job) < key(first))) {
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
  for (std::size_t s = 0; s < view.machine.sites().size(); ++s) {
    state.sites.push_back(view.servers.state(IndexOf<SiteIndex>(s)));
  }
  for (const JobIndex job : view.active) {
    const Member& member = view.members[job];
    if (member.run && member.run->holds_servers()) {
      state.running.push_back(RunningRun(view, job));
    }
    if (!member.waits() || view.relocation.Includes(job)) {
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
