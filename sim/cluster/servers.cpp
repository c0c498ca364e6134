#include "sim/cluster/servers.h"

#include <memory>
#include <utility>
#include <vector>

#include "sim/base/check.h"
#include "topologies/topology.h"

namespace gridlock {

namespace {

// Racks, rows and feeds of a site, by name; null where nobody said how servers stand.
std::shared_ptr<const Locality> BuildingOf(const SiteSpec& site) {
  std::vector<Locality::Level> levels;
  for (const char* name : kBuildingGroups) {
    if (const std::int32_t size = site.ServersOfGroup(name); size > 0) {
      levels.push_back({name, Locality::Every(size, site.servers)});
    }
  }
  return levels.empty() ? nullptr
                        : std::make_shared<Locality>(site.servers, std::move(levels),
                                                     /*interchangeable=*/true);
}

}  // namespace

Servers::Servers(const std::vector<SiteSpec>& sites) {
  for (const SiteSpec& spec : sites) {
    Site& site = sites_.emplace_back();
    const auto servers = static_cast<std::size_t>(spec.servers);
    site.state.locality = std::make_shared<Locality>(MakeTopology(spec)->locality());
    site.state.building = BuildingOf(spec);
    site.state.free.assign(servers, 1);
    site.holder.assign(servers, JobIndex{});
    site.reasons_down.assign(servers, 0);
    site.free = spec.servers;
  }
}

void Servers::Count(Site& site, ServerIndex server, std::int32_t by) {
  const bool held = site.holder[server] >= 0;
  const bool usable = site.reasons_down[server] == 0;
  if (!held && usable) {
    site.free += by;
  } else if (!held) {
    site.down += by;
  }
  site.state.free[server] = !held && usable ? 1 : 0;
}

void Servers::Take(JobIndex job, const Placement& placement) {
  for (const ServerRun& run : placement) {
    Site& site = sites_[run.site];
    for (ServerIndex server = run.first; server < run.first + run.count; ++server) {
      CHECK(site.state.free[server] == 1);
      Count(site, server, -1);
      site.holder[server] = job;
      Count(site, server, +1);
    }
  }
}

void Servers::Give(JobIndex job, const Placement& placement) {
  for (const ServerRun& run : placement) {
    Site& site = sites_[run.site];
    for (ServerIndex server = run.first; server < run.first + run.count; ++server) {
      CHECK(site.holder[server] == job);
      Count(site, server, -1);
      site.holder[server] = JobIndex{};
      Count(site, server, +1);
    }
  }
}

JobIndex Servers::TakeDown(SiteIndex site_number, ServerIndex server) {
  Site& site = sites_[site_number];
  Count(site, server, -1);
  ++site.reasons_down[server];
  Count(site, server, +1);
  return site.holder[server];
}

bool Servers::BringBack(SiteIndex site_number, ServerIndex server) {
  Site& site = sites_[site_number];
  CHECK(site.reasons_down[server] > 0);
  Count(site, server, -1);
  --site.reasons_down[server];
  Count(site, server, +1);
  return site.reasons_down[server] == 0;
}

std::int32_t Servers::InService(const ServerRun& servers) const {
  std::int32_t count = 0;
  for (std::int32_t i = 0; i < servers.count; ++i) {
    count += in_service(servers.site, {servers.first + i}) ? 1 : 0;
  }
  return count;
}

std::int32_t Servers::HeldBy(JobIndex job, const ServerRun& servers) const {
  std::int32_t count = 0;
  for (std::int32_t i = 0; i < servers.count; ++i) {
    count += holder(servers.site, {servers.first + i}) == job ? 1 : 0;
  }
  return count;
}

}  // namespace gridlock
