#include <algorithm>

#include "sim/cluster/cluster.h"

namespace gridlock {

namespace {

// Consecutive servers become one run.
void AddServer(const ServerRun& server, Placement& placement) {
  if (!placement.empty() && placement.back().site == server.site &&
      placement.back().first + placement.back().count == server.first) {
    ++placement.back().count;
  } else {
    placement.push_back(server);
  }
}

// Servers of a fleet on a site, one by one, in the order in which units fill them.
std::vector<ServerRun> ServersOn(SiteIndex site, const Placement& placement) {
  std::vector<ServerRun> servers;
  for (const ServerRun& run : placement) {
    for (std::int32_t i = 0; run.site == site && i < run.count; ++i) {
      servers.push_back({site, run.first + i, 1});
    }
  }
  return servers;
}

}  // namespace

// Of each unit in service as many servers of both pools as the smaller one has send to each other,
// and carry all of its caches. Units within one server send nothing over the fabric.
std::vector<Cluster::CachesOfFleet> Cluster::CachesOnTheirWay() const {
  std::vector<CachesOfFleet> all;
  for (const JobIndex job : active_) {
    const Member& member = members_[job];
    if (!member.fleet || !member.fleet->spec().pools() || member.fleet->in_service() == 0) {
      continue;
    }
    const ServingSpec& spec = member.fleet->spec();
    const BytesPerSecond wanted = member.fleet->CachesWanted(timeline_.now());
    for (std::size_t s = 0; s < sites_.size(); ++s) {
      const auto site = IndexOf<SiteIndex>(s);
      const ServerSpec& server = sites_[s].server;
      const int unit = PlacesOf(spec, server).servers;
      const int first =
          ServersOf(spec.prefill_replicas * spec.prefill_accelerators(), server.accelerators);
      const std::vector<ServerRun> servers = ServersOn(site, member.fleet_servers);
      const int units = std::min(static_cast<int>(servers.size()) / unit,
                                 static_cast<int>(member.fleet->in_service()));
      if (units == 0 || unit == 1) {
        continue;
      }
      const int pairs = std::min(first, unit - first);
      CachesOfFleet caches{job, units, {}};
      for (const bool sends : {true, false}) {
        const int held = sends ? first : unit - first;
        for (int u = 0; u < units; ++u) {
          for (int i = 0; i < pairs; ++i) {
            AddServer(servers[u * unit + (sends ? 0 : first) + i * held / pairs],
                      caches.placed.placement);
          }
        }
      }
      caches.placed.stream =
          StreamOf(units * pairs, server.accelerators,
                   member.fleet->CacheOfPrompt() / static_cast<double>(spec.prefill_accelerators()),
                   wanted * (static_cast<double>(units) / member.fleet->in_service()),
                   BytesPerSecond(InferencePartOf(server, spec.parts).nic_bandwidth));
      all.push_back(std::move(caches));
    }
  }
  return all;
}

// What the transfers of a unit got together, beside all that shares their links. On several sites
// all units get that of the slowest.
void Cluster::GiveCacheRates(const std::vector<CachesOfFleet>& all, const StepRate* rate_of) {
  std::map<JobIndex, double> least;
  for (const CachesOfFleet& caches : all) {
    const CacheStream& stream = caches.placed.stream;
    const Seconds transfer = (rate_of++)->step_time - stream.delay;
    if (transfer <= Seconds(0)) {
      continue;
    }
    const double bytes = stream.message.si() * stream.pairs * stream.per_server / caches.units;
    const double rate = bytes / transfer.si();
    const auto [entry, first] = least.try_emplace(caches.fleet, rate);
    entry->second = std::min(entry->second, rate);
  }
  for (const auto& [fleet, rate] : least) {
    members_[fleet].fleet->SetCacheRate(BytesPerSecond(rate));
  }
}

}  // namespace gridlock
