#include "sim/cluster/power_caps.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/cluster/placed_jobs.h"
#include "sim/cluster/power_draw.h"
#include "sim/cluster/servers.h"
#include "sim/energy/site_power.h"
#include "sim/record/power_missing.h"

namespace gridlock {

namespace {

// The lowest limits that the policy of a site allows.
int LowestLevel(const SiteSpec& site) {
  return site.power_policy == PowerPolicy::kSlow ? kPowerLevels - 1 : 0;
}

// A cap of a rack or a row that its idle servers pass cannot be kept.
void CheckGroupCap(const SiteSpec& site, const char* group, Watts cap) {
  const Watts idle = IdlePower(site.server) * site.ServersOfGroup(group);
  if (cap > Watts(0) && cap < idle) {
    throw UserError(fmt::format("{}.facility.{}_cap", site.path, group),
                    fmt::format("the cap of a {} of {} is {}, and its {} idle servers draw {}; "
                                "expected more than that, or fewer servers in it",
                                group, site.name, FormatWatts(cap), site.ServersOfGroup(group),
                                FormatWatts(idle)));
  }
}

// Below the idle power a battery is never filled again, and keeps a cap as long as it lasts:
// through an event of the grid, or the dear hours of a demand response, and not for good.
void CheckSiteCap(const SiteSpec& site, Watts idle, Seconds length) {
  const Watts lasting = std::min(site.battery.power, site.battery.capacity / length);
  const auto check = [&](const char* field, const char* what, Watts cap, Watts kept) {
    if (cap > Watts(0) && kept < idle) {
      throw UserError(fmt::format("{}.facility.{}", site.path, field),
                      fmt::format("the cap of {}{} is {}, and with all servers idle the site draws "
                                  "{}; expected more than that, or fewer servers",
                                  site.name, what, FormatWatts(cap), FormatWatts(idle)));
    }
  };
  check("power_cap", "", site.power_cap, site.power_cap + lasting);
  check("demand_response.power_cap", " in dear hours", site.response_cap,
        site.response_cap + site.battery.power);
}

void CheckCaps(const Scenario& scenario, const MachineNow& machine) {
  for (std::size_t e = 0; e < scenario.epochs.size(); ++e) {
    const Epoch& epoch = scenario.epochs[e];
    const Seconds end =
        e + 1 < scenario.epochs.size() ? scenario.epochs[e + 1].from : scenario.horizon;
    for (std::size_t s = 0; s < epoch.sites.size(); ++s) {
      const SiteSpec& site = epoch.sites[s];
      const auto number = IndexOf<SiteIndex>(s);
      const Watts it =
          IdlePower(site.server) * static_cast<double>(site.servers) + machine.power_beside(number);
      CheckSiteCap(site, it * machine.UsualPueOf(number, site, it), end - epoch.from);
      CheckGroupCap(site, "rack", site.rack_cap);
      CheckGroupCap(site, "row", site.row_cap);
    }
  }
}

JobIndex LastToStart(const ClusterView& view, SiteIndex site, const std::vector<JobIndex>& runs) {
  const auto key = [](const Member& member) {
    return std::pair(-member.spec->priority, member.run->placed_at());
  };
  JobIndex last;
  for (const JobIndex job : runs) {
    const Member& member = view.members[job];
    if (member.servers[site] > 0 && (last < 0 || key(member) >= key(view.members[last]))) {
      last = job;
    }
  }
  return last;
}

}  // namespace

bool HasCap(const SiteSpec& site) {
  return site.power_cap > Watts(0) || site.rack_cap > Watts(0) || site.row_cap > Watts(0);
}

PowerCaps::PowerCaps(const Scenario& scenario, const MachineNow& machine)
    : levels_(scenario.sites.size(), 0), support_(scenario.sites.size()) {
  CheckCaps(scenario, machine);
}

Watts PowerCaps::LimitOf(const SiteSpec& spec, SiteIndex site) const {
  return LimitAt(spec.server.accelerator.power, levels_[site]);
}

void PowerCaps::Lift() {
  levels_.assign(levels_.size(), 0);
}

// The present levels, but for one site.
std::vector<int> PowerCaps::LevelsWith(SiteIndex site, int level) const {
  std::vector<int> levels = levels_;
  levels[site] = level;
  return levels;
}

PowerCaps::Load PowerCaps::LoadAt(const ClusterView& view, const JobRates& rates, SiteIndex site,
                                  int level) const {
  Load load{PlacedRuns(view), {}, {}, view.servers.free(site)};
  for (const JobIndex job : load.runs) {
    load.servers.push_back(view.members[job].servers);
  }
  load.rates = rates.Of(PlacedJobs(view, load.runs), LevelsWith(site, level));
  return load;
}

// With these runs training at these rates.
Watts PowerCaps::SitePower(const ClusterView& view, SiteIndex site, int level,
                           const Load& load) const {
  const ServerSpec& server = view.machine.site(site).server;
  Watts power = IdlePower(server) * load.free + view.machine.power_beside(site);
  for (std::size_t i = 0; i < load.runs.size(); ++i) {
    if (load.servers[i][site] > 0) {
      power += PowerOfRun(view.members[load.runs[i]], load.servers[i], load.rates[i],
                          /*trains=*/true, server, site);
    }
  }
  for (const JobIndex job : view.active) {
    const Member& member = view.members[job];
    if (member.servers[site] == 0 || !(member.fleet || member.stalled())) {
      continue;
    }
    power += PowerNow(member, server, site);
    if (member.fleet) {
      const double here = member.servers[site], all = member.servers_held();
      power +=
          FleetPowerAt(member, server, site, level) - member.fleet->power[site].now * (here / all);
    }
  }
  return power * view.machine.PueOf(site, power);
}

// Of the servers of a site, that of the run or fleet whose servers draw most.
Watts PowerCaps::MostOfServer(const ClusterView& view, SiteIndex site, int level,
                              const Load& load) const {
  const ServerSpec& server = view.machine.site(site).server;
  Watts most = IdlePower(server);
  for (std::size_t i = 0; i < load.runs.size(); ++i) {
    if (load.servers[i][site] > 0) {
      most = std::max(most, PowerOfRun(view.members[load.runs[i]], load.servers[i], load.rates[i],
                                       /*trains=*/true, server, site) *
                                (1.0 / load.servers[i][site]));
    }
  }
  for (const JobIndex job : view.active) {
    const Member& member = view.members[job];
    if (member.fleet && member.servers[site] > 0) {
      const Watts above = FleetPowerAt(member, server, site, level);
      most = std::max(most, HeldPower(server) + above * (1.0 / member.servers[site]));
    }
  }
  return most;
}

// The site, and a full rack and row of the servers that draw most.
bool PowerCaps::Keeps(const ClusterView& view, SiteIndex site, int level, const Load& load) const {
  const SiteSpec& spec = view.machine.site(site);
  if (spec.power_cap > Watts(0) &&
      SitePower(view, site, level, load) > spec.power_cap + support_[site]) {
    return false;
  }
  const auto keeps = [&](Watts cap, const char* group) {
    return cap <= Watts(0) ||
           MostOfServer(view, site, level, load) * spec.ServersOfGroup(group) <= cap;
  };
  return keeps(spec.rack_cap, "rack") && keeps(spec.row_cap, "row");
}

JobIndex PowerCaps::WhoStops(const ClusterView& view, const JobRates& rates, SiteIndex site) const {
  const SiteSpec& spec = view.machine.site(site);
  const int lowest = LowestLevel(spec);
  if (!HasCap(spec) || Keeps(view, site, lowest, LoadAt(view, rates, site, lowest))) {
    return {};
  }
  return LastToStart(view, site, PlacedRuns(view));
}

bool PowerCaps::SetLimit(const ClusterView& view, const JobRates& rates, SiteIndex site) {
  const SiteSpec& spec = view.machine.site(site);
  if (!HasCap(spec)) {
    levels_[site] = 0;
    return false;
  }
  int fits = LowestLevel(spec), too_high = -1;
  while (fits - too_high > 1) {
    const int middle = (fits + too_high) / 2;
    (Keeps(view, site, middle, LoadAt(view, rates, site, middle)) ? fits : too_high) = middle;
  }
  return std::exchange(levels_[site], fits) != fits;
}

bool PowerCaps::LeaveRoomFor(const ClusterView& view, const JobRates& rates, JobIndex job,
                             const Placement& placement) const {
  const auto capped = [&view](const ServerRun& run) {
    return HasCap(view.machine.site(run.site));
  };
  if (std::none_of(placement.begin(), placement.end(), capped)) {
    return true;
  }
  Load load{PlacedRuns(view), {}, {}, 0};
  std::vector<PlacedJob> jobs = PlacedJobs(view, load.runs);
  jobs.insert(jobs.begin() + static_cast<std::ptrdiff_t>(load.runs.size()),
              PlacedOn(view, view.members[job], placement));
  for (const JobIndex run : load.runs) {
    load.servers.push_back(view.members[run].servers);
  }
  load.runs.push_back(job);
  std::vector<std::int32_t>& more = load.servers.emplace_back(levels_.size(), 0);
  for (const ServerRun& run : placement) {
    more[run.site] += run.count;
  }
  for (std::size_t s = 0; s < levels_.size(); ++s) {
    const auto site = IndexOf<SiteIndex>(s);
    const SiteSpec& spec = view.machine.site(site);
    if (more[s] == 0 || !HasCap(spec)) {
      continue;
    }
    const int lowest = LowestLevel(spec);
    load.rates = rates.Of(jobs, LevelsWith(site, lowest));
    load.free = view.servers.free(site) - more[s];
    if (!Keeps(view, site, lowest, load)) {
      return false;
    }
  }
  return true;
}

std::string PowerCaps::WhyNever(const ClusterView& view, const JobRates& rates, JobIndex job,
                                const Placement& placement) const {
  if (!PlacedRuns(view).empty()) {
    return "";
  }
  Load load{{job}, {std::vector<std::int32_t>(levels_.size(), 0)}, {}, 0};
  for (const ServerRun& run : placement) {
    load.servers[0][run.site] += run.count;
  }
  const std::vector<PlacedJob> jobs = {PlacedOn(view, view.members[job], placement)};
  for (std::size_t s = 0; s < levels_.size(); ++s) {
    const auto site = IndexOf<SiteIndex>(s);
    const SiteSpec& spec = view.machine.site(site);
    if (load.servers[0][s] == 0 || spec.power_cap <= Watts(0)) {
      continue;
    }
    const int lowest = LowestLevel(spec);
    load.rates = rates.Of(jobs, LevelsWith(site, lowest));
    load.free = view.servers.free(site) - load.servers[0][s];
    const double needed = SitePower(view, site, lowest, load).si();
    if (needed > (spec.power_cap + support_[site]).si()) {
      // Rounded up to three digits, so that it is enough.
      const double digit = std::pow(10, std::floor(std::log10(needed)) - 2);
      return fmt::format("{} needs {} at {}{}{} is {}", view.members[job].spec->name,
                         FormatWatts(Watts(std::ceil(needed / digit) * digit)),
                         lowest > 0 ? "the lowest clock" : "its own clock", kPowerMissing,
                         spec.name, FormatWatts(spec.power_cap));
    }
  }
  return "";
}

}  // namespace gridlock
