#include "sim/cluster/fleet_servers.h"

#include <algorithm>

#include "sim/cluster/job_sites.h"
#include "sim/cluster/power_draw.h"

namespace gridlock {

std::int32_t FleetCapacity(const Member& member, const std::vector<SiteSpec>& sites) {
  std::int64_t replicas = 0;
  for (std::size_t s = 0; s < sites.size(); ++s) {
    replicas += PlacesOf(member.fleet->spec(), sites[s].server).CapacityOf(member.servers[s]);
  }
  return static_cast<std::int32_t>(replicas);
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
