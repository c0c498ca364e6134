#include "sim/cluster/fleet_servers.h"

#include <algorithm>
#include <cmath>

#include "sim/cluster/job_sites.h"
#include "sim/cluster/power_draw.h"
#include "sim/cluster/servers.h"

namespace gridlock {
namespace {

// What a kWh that an accelerator draws costs, or emits; 0 where the order is that of the scenario.
double BurdenOf(const MachineNow& machine, SiteIndex site, SiteOrder order) {
  const SiteSpec& spec = machine.site(site);
  switch (order) {
    case SiteOrder::kListed:
      return 0;
    case SiteOrder::kPrice:
      return spec.electricity_usd_per_kwh * machine.FullPueOf(site);
    case SiteOrder::kCarbon:
      return spec.carbon_g_per_kwh * machine.FullPueOf(site);
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
  std::erase_if(member.starting, [now](const Member::Starting& each) {
    return each.ready <= now;
  });
  std::int32_t ready = FleetCapacity(member, sites);
  for (const Member::Starting& each : member.starting) {
    ready -= each.replicas;
  }
  return std::clamp(ready, 0, member.fleet->spec().replicas);
}

std::vector<SiteIndex> SitesOfFleet(const Member& member, const MachineNow& machine) {
  std::vector<SiteIndex> sites = AllowedSites(*member.spec, machine.sites());
  std::sort(sites.begin(), sites.end());
  const SiteOrder order = member.fleet->spec().site_order;
  std::stable_sort(sites.begin(), sites.end(), [&](SiteIndex a, SiteIndex b) {
    return BurdenOf(machine, a, order) < BurdenOf(machine, b, order);
  });
  return sites;
}

std::optional<std::pair<SiteIndex, std::int32_t>> BetterSite(const Member& member,
                                                             const MachineNow& machine,
                                                             const Servers& servers) {
  constexpr double kWorth = 0.05;  // share saved that is worth new starts: our guess
  const SiteOrder order = member.fleet->spec().site_order;
  if (!member.starting.empty()) {
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
    const double now = BurdenOf(machine, *worst, order);  // prices may be below zero
    if (site == *worst || BurdenOf(machine, site, order) >= now - kWorth * std::abs(now)) {
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

void OrderServers(const MachineNow& machine, Member& member) {
  const SiteOrder order = member.fleet->spec().site_order;
  std::stable_sort(member.fleet_servers.begin(), member.fleet_servers.end(),
                   [&](const ServerRun& a, const ServerRun& b) {
                     return BurdenOf(machine, a.site, order) < BurdenOf(machine, b.site, order);
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
  placement.erase(found);
  const std::int32_t after = run.first + run.count - server - 1;
  if (after > 0) {
    placement.push_back({site, {server + 1}, after});
  }
  if (server > run.first) {
    placement.push_back({site, run.first, server - run.first});
  }
  return true;
}

void WorkAt(const std::vector<int>& levels, const std::vector<SiteSpec>& sites, Member& member) {
  if (member.limits == levels) {
    return;
  }
  member.limits = levels;
  std::vector<int> held = levels;
  for (std::size_t s = 0; s < held.size(); ++s) {
    held[s] = member.servers[s] > 0 ? held[s] : 0;
  }
  const ServerSpec slow = LeastServer(*member.spec, SlowedSites(sites, held));
  member.slowed = IterationSlowdown(member.fleet->spec(), slow, LeastServer(*member.spec, sites));
  member.fleet->SetCosts(slow);
}

}  // namespace gridlock
