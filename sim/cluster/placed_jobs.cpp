#include "sim/cluster/placed_jobs.h"

#include <algorithm>

#include "sim/cluster/course.h"
#include "sim/cluster/machine_now.h"

namespace gridlock {

namespace {

// Caches of a fleet on one site, as a job beside others.
struct CachesOfFleet {
  JobIndex fleet;
  int units = 0;
  PlacedJob placed;
};

// Servers of a fleet on a site, one by one, in the order in which units fill them.
std::vector<ServerIndex> ServersOn(SiteIndex site, const Placement& placement) {
  std::vector<ServerIndex> servers;
  for (const ServerRun& run : placement) {
    for (std::int32_t i = 0; run.site == site && i < run.count; ++i) {
      servers.push_back({run.first + i});
    }
  }
  return servers;
}

// Of each unit in service as many servers of both pools as the smaller one has send to each other,
// and carry all of its caches. Units within one server send nothing over the fabric: none.
CachesOfFleet CachesOn(const ClusterView& view, JobIndex fleet, SiteIndex site) {
  const Member& member = view.members[fleet];
  const ServingSpec& spec = member.fleet->spec();
  const ServerSpec& server = view.machine.site(site).server;
  const int unit = PlacesOf(spec, server).servers;
  const int first =
      ServersOf(spec.prefill_replicas * spec.prefill_accelerators(), server.accelerators);
  const std::vector<ServerIndex> servers = ServersOn(site, member.fleet->servers);
  CachesOfFleet caches{fleet, 0, {}};
  if (unit == 1) {
    return caches;
  }
  caches.units = std::min(static_cast<int>(servers.size()) / unit,
                          static_cast<int>(member.fleet->replicas.in_service()));
  const int pairs = std::min(first, unit - first);
  for (const bool sends : {true, false}) {
    const int held = sends ? first : unit - first;
    for (int u = 0; u < caches.units; ++u) {
      for (int i = 0; i < pairs; ++i) {
        AddServer(site, servers[u * unit + (sends ? 0 : first) + i * held / pairs],
                  caches.placed.placement);
      }
    }
  }
  caches.placed.stream = StreamOf(
      caches.units * pairs, server.accelerators,
      member.fleet->replicas.CacheOfPrompt() / static_cast<double>(spec.prefill_accelerators()),
      member.fleet->replicas.CachesWanted(view.course.now()) *
          (static_cast<double>(caches.units) / member.fleet->replicas.in_service()),
      BytesPerSecond(InferencePartOf(server, spec.parts).nic_bandwidth));
  return caches;
}

std::vector<CachesOfFleet> CachesOnTheirWay(const ClusterView& view) {
  std::vector<CachesOfFleet> all;
  for (const JobIndex job : view.active) {
    const Member& member = view.members[job];
    if (!member.fleet || !member.fleet->spec().pools() ||
        member.fleet->replicas.in_service() == 0) {
      continue;
    }
    for (std::size_t s = 0; s < view.machine.sites().size(); ++s) {
      CachesOfFleet caches = CachesOn(view, job, IndexOf<SiteIndex>(s));
      if (caches.units > 0) {
        all.push_back(std::move(caches));
      }
    }
  }
  return all;
}

}  // namespace

std::vector<JobIndex> PlacedRuns(const ClusterView& view) {
  std::vector<JobIndex> placed;
  for (const JobIndex job : view.active) {
    const Member& member = view.members[job];
    if (member.run && member.run->holds_servers() && !member.stalled()) {
      placed.push_back(job);
    }
  }
  return placed;
}

// A run on one site that lacks a few replicas takes the step of all of them: each does the same,
// and a sum over a few ranks less is no slower. Its own would be a machine without two like parts,
// anew after every failure.
PlacedJob PlacedOn(const ClusterView& view, const Member& member, const Placement& placement) {
  constexpr double kFew = 0.25;
  const PretrainingSpec& spec = member.run->spec();
  const double lost = member.run->share_lost();
  if (lost <= 0 || lost > kFew || member.spec->spans) {
    return {&member.run->step(), placement, spec.recorded};
  }
  const SiteIndex site = placement[0].site;
  const Layout& layout = spec.step.layout;
  const std::int32_t servers =
      ServersOf(layout.accelerators(), layout.used_of(view.machine.site(site).server.accelerators));
  return {&spec.step, {{site, ServerIndex{0}, servers}}, Seconds(0), 1 - lost};
}

std::vector<PlacedJob> PlacedJobs(const ClusterView& view, const std::vector<JobIndex>& runs) {
  std::vector<PlacedJob> placed;
  for (const JobIndex job : runs) {
    const Member& member = view.members[job];
    placed.push_back(PlacedOn(view, member, member.run->placement()));
  }
  for (CachesOfFleet& caches : CachesOnTheirWay(view)) {
    placed.push_back(std::move(caches.placed));
  }
  return placed;
}

// On several sites all units get what those of the slowest get.
std::map<JobIndex, BytesPerSecond> CacheRates(const ClusterView& view,
                                              const std::vector<StepRate>& rates,
                                              std::size_t runs) {
  std::map<JobIndex, BytesPerSecond> least;
  for (const CachesOfFleet& caches : CachesOnTheirWay(view)) {
    const CacheStream& stream = caches.placed.stream;
    const Seconds transfer = rates[runs++].step_time - stream.delay;
    if (transfer <= Seconds(0)) {
      continue;
    }
    const double bytes = stream.message.si() * stream.pairs * stream.per_server / caches.units;
    const BytesPerSecond rate(bytes / transfer.si());
    const auto [entry, first] = least.try_emplace(caches.fleet, rate);
    entry->second = std::min(entry->second, rate);
  }
  return least;
}

}  // namespace gridlock
