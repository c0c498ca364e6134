#include "sim/cluster/fleet_servers.h"

#include <algorithm>
#include <cmath>

#include "sim/cluster/job_sites.h"
#include "sim/cluster/power_draw.h"
#include "sim/cluster/servers.h"

namespace gridlock {
namespace {

Seconds MeanLatencyTo(SiteIndex site, const ServingSpec& fleet) {
  Seconds mean;
  for (const RequestGroupSpec& group : fleet.groups) {
    mean += group.latency.empty() ? Seconds(0)
                                  : group.latency[static_cast<std::size_t>(site)] * group.share;
  }
  return mean;
}

// What a kWh that an accelerator draws costs, or emits, or how far users are; 0 where the order is
// that of the scenario.
double BurdenOf(const MachineNow& machine, SiteIndex site, const ServingSpec& fleet) {
  const SiteSpec& spec = machine.site(site);
  switch (fleet.site_order) {
    case SiteOrder::kListed:
      return 0;
    case SiteOrder::kPrice:
      return spec.electricity_usd_per_kwh * machine.FullPueOf(site);
    case SiteOrder::kCarbon:
      return spec.carbon_g_per_kwh * machine.FullPueOf(site);
    case SiteOrder::kLatency:
      return MeanLatencyTo(site, fleet).si();
  }
  return 0;
}

}  // namespace

std::int32_t FleetCapacity(const Member& member, const std::vector<SiteSpec>& sites) {
  std::int64_t replicas = 0;
  for (std::size_t s = 0; s < sites.size(); ++s) {
    replicas += PlacesOf(member.fleet->spec(), sites[s].server).CapacityOf(member.servers[s]);
  }
  return static_cast<std::int32_t>(replicas);
}

std::int32_t FleetReady(Member& member, const std::vector<SiteSpec>& sites, Seconds now) {
  std::erase_if(member.fleet->starting, [now](const Fleet::Starting& each) {
    return each.ready <= now;
  });
  std::int32_t ready = FleetCapacity(member, sites);
  for (const Fleet::Starting& each : member.fleet->starting) {
    ready -= each.replicas;
  }
  return std::clamp(ready, 0, member.fleet->spec().replicas);
}

std::vector<SiteIndex> SitesOfFleet(const Member& member, const MachineNow& machine) {
  std::vector<SiteIndex> sites = AllowedSites(*member.spec, machine.sites());
  std::sort(sites.begin(), sites.end());
  const ServingSpec& fleet = member.fleet->spec();
  std::stable_sort(sites.begin(), sites.end(), [&](SiteIndex a, SiteIndex b) {
    return BurdenOf(machine, a, fleet) < BurdenOf(machine, b, fleet);
  });
  return sites;
}

// Those that the fleet does without are at the sites that it takes last.
void ServeWith(std::int32_t replicas, bool in_order, const MachineNow& machine, Member& member) {
  const ServingSpec& fleet = member.fleet->spec();
  const bool far = std::any_of(fleet.groups.begin(), fleet.groups.end(), [](const auto& group) {
    return !group.latency.empty();
  });
  if (far) {
    std::vector<std::int32_t> places(machine.sites().size(), 0);
    std::int64_t left = replicas;
    for (const SiteIndex site : SitesOfFleet(member, machine)) {
      std::int64_t here =
          PlacesOf(fleet, machine.site(site).server).CapacityOf(member.servers[site]);
      for (const Fleet::Starting& each : member.fleet->starting) {
        here -= each.site == site ? each.replicas : 0;
      }
      here = std::clamp<std::int64_t>(here, 0, left);
      places[static_cast<std::size_t>(site)] = static_cast<std::int32_t>(here);
      left -= here;
    }
    member.fleet->replicas.SetPlaces(places);
  }
  member.fleet->replicas.SetInService(replicas, in_order);
}

std::optional<std::pair<SiteIndex, std::int32_t>> BetterSite(const Member& member,
                                                             const MachineNow& machine,
                                                             const Servers& servers) {
  constexpr double kWorth = 0.05;  // share saved that is worth new starts: our guess
  const ServingSpec& fleet = member.fleet->spec();
  if (!member.fleet->starting.empty()) {
    return std::nullopt;
  }
  const std::vector<SiteIndex> sites = SitesOfFleet(member, machine);
  const auto worst = std::find_if(sites.rbegin(), sites.rend(), [&](SiteIndex site) {
    return member.servers[site] > 0;
  });
  for (const SiteIndex site : sites) {
    if (worst == sites.rend()) {
      break;
    }
    const double now = BurdenOf(machine, *worst, fleet);  // prices may be below zero
    if (site == *worst || BurdenOf(machine, site, fleet) >= now - kWorth * std::abs(now)) {
      break;
    }
    const auto unit = PlacesOf(member.fleet->spec(), machine.site(site).server).servers;
    const std::int32_t some = std::min(servers.free(site), member.servers[*worst]);
    if (some >= unit) {
      return std::pair(site, some - some % unit);
    }
  }
  return std::nullopt;
}

void OrderServers(const MachineNow& machine, Fleet& fleet) {
  const ServingSpec& spec = fleet.spec();
  std::stable_sort(fleet.servers.begin(), fleet.servers.end(),
                   [&](const ServerRun& a, const ServerRun& b) {
                     return BurdenOf(machine, a.site, spec) < BurdenOf(machine, b.site, spec);
                   });
}

ServerRun TakeLast(Placement& placement, std::int32_t most) {
  ServerRun& last = placement.back();
  const std::int32_t some = std::min(most, last.count);
  last.count -= some;
  const ServerRun taken{last.site, last.first + last.count, some};
  if (last.count == 0) {
    placement.pop_back();
  }
  return taken;
}

bool TakeServer(Placement& placement, SiteIndex site, ServerIndex server) {
  const auto found = std::find_if(placement.begin(), placement.end(), [&](const ServerRun& run) {
    return Overlap(run, {site, server, 1}) > 0;
  });
  if (found == placement.end()) {
    return false;
  }
  const ServerRun run = *found;
  auto at = placement.erase(found);
  const std::int32_t after = run.first + run.count - server - 1;
  if (after > 0) {
    at = placement.insert(at, {site, {server + 1}, after});
  }
  if (server > run.first) {
    placement.insert(at, {site, run.first, server - run.first});
  }
  return true;
}

void WorkAt(const std::vector<int>& levels, const std::vector<SiteSpec>& sites, Member& member) {
  Fleet& fleet = *member.fleet;
  if (fleet.limits == levels) {
    return;
  }
  fleet.limits = levels;
  std::vector<int> held = levels;
  for (std::size_t s = 0; s < held.size(); ++s) {
    held[s] = member.servers[s] > 0 ? held[s] : 0;
  }
  const ServerSpec slow = LeastServer(*member.spec, SlowedSites(sites, held));
  fleet.slowed = IterationSlowdown(fleet.spec(), slow, LeastServer(*member.spec, sites));
  fleet.replicas.SetCosts(slow);
}

}  // namespace gridlock
