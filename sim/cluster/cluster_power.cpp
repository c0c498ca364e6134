#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/job_sites.h"

namespace gridlock {

namespace {

// Boards take limits down to about 30 % of their own (200 W of 700 W on an H100 SXM, as nvidia-smi
// shows them, from memory: an estimate for other parts), here in steps of 2.5 %.
constexpr double kLevelStep = 0.025;

}  // namespace

double Cluster::PueOf(SiteIndex site, Watts it) const {
  return sites_[site].PueAt(temperature_[site], it / full_power_[site]);
}

Watts Cluster::IdlePower(SiteIndex site) const {
  const ServerSpec& server = sites_[site].server;
  return server.accelerator.power.idle * server.accelerators + server.overhead_power;
}

// Contexts are open and clocks are up, also while a run waits for its checkpoint or for a link, and
// between the requests of a fleet.
Watts Cluster::HeldPower(SiteIndex site) const {
  const ServerSpec& server = sites_[site].server;
  const PowerSpec& power = server.accelerator.power;
  return IdlePower(site) +
         (power.held() - power.idle) * (server.accelerators * (1 + server.overhead_per_watt));
}

Watts Cluster::NetworkPower(SiteIndex site) const {
  return switch_power_[site] + optics_power_[site];
}

// Of its servers on one site. Accelerators of its servers that the layout does not use are idle.
Watts Cluster::RunPower(const Member& member, const std::vector<std::int32_t>& servers,
                        const StepRate& rate, bool trains, SiteIndex site) const {
  const double here = servers[site];
  double all = 0;
  for (const std::int32_t count : servers) {
    all += count;
  }
  if (member.fleet) {
    return HeldPower(site) * here + member.fleet_power * (here / all);
  }
  const ServerSpec& server = sites_[site].server;
  const double used =
      member.run->spec().step.layout.accelerators() * (1 - ShareLost(member)) * (here / all);
  const double unused = here - used / server.accelerators;
  const Watts busy =
      trains ? rate.energy / rate.step_time * (here / all) : HeldPower(site) * (here - unused);
  return busy + IdlePower(site) * unused;
}

std::vector<Cluster::DrawingRun> Cluster::DrawingRuns(const std::vector<JobIndex>& placed) const {
  std::vector<DrawingRun> runs;
  for (const JobIndex job : placed) {
    runs.push_back({job, members_[job].servers});
  }
  return runs;
}

// What a fleet draws above its servers when they wait, with the limits lowered: as much as its work
// takes at full clocks, or as much as the boards may draw.
Watts Cluster::FleetPowerAt(const Member& member, const std::vector<int>& levels) const {
  Watts most;
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    const auto site = IndexOf<SiteIndex>(s);
    const ServerSpec& server = sites_[s].server;
    const Watts above =
        std::max(Watts(0), PowerLimit(site, levels[s]) - server.accelerator.power.held());
    most +=
        above * (1.0 * member.servers[s] * server.accelerators * (1 + server.overhead_per_watt));
  }
  return std::min(member.fleet_full_power, most);
}

// Of the servers of a site, that of the run or fleet whose servers draw most.
Watts Cluster::MostOfServer(SiteIndex site, int level, const std::vector<DrawingRun>& runs,
                            const std::vector<StepRate>& rates) const {
  Watts most = IdlePower(site);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].servers[site] > 0) {
      most = std::max(most, RunPower(members_[runs[i].job], runs[i].servers, rates[i],
                                     /*trains=*/true, site) *
                                (1.0 / runs[i].servers[site]));
    }
  }
  for (const JobIndex job : active_) {
    const Member& member = members_[job];
    if (member.fleet && member.servers[site] > 0) {
      std::int32_t all = 0;
      for (const std::int32_t count : member.servers) {
        all += count;
      }
      most = std::max(
          most, HeldPower(site) + FleetPowerAt(member, LevelsWith(site, level)) * (1.0 / all));
    }
  }
  return most;
}

bool Cluster::HasCap(SiteIndex site) const {
  const SiteSpec& spec = sites_[site];
  return spec.power_cap > Watts(0) || spec.rack_cap > Watts(0) || spec.row_cap > Watts(0);
}

// The site, and a full rack and row of the servers that draw most.
bool Cluster::KeepsCaps(SiteIndex site, int level, const std::vector<DrawingRun>& runs,
                        const std::vector<StepRate>& rates, std::int32_t free) const {
  const SiteSpec& spec = sites_[site];
  if (spec.power_cap > Watts(0) && SitePower(site, level, runs, rates, free) > spec.power_cap) {
    return false;
  }
  const auto keeps = [&](Watts cap, const char* group) {
    return cap <= Watts(0) ||
           MostOfServer(site, level, runs, rates) * spec.ServersOfGroup(group) <= cap;
  };
  return keeps(spec.rack_cap, "rack") && keeps(spec.row_cap, "row");
}

std::vector<SiteSpec> Cluster::SlowedSites(const std::vector<int>& levels) const {
  std::vector<SiteSpec> slowed = sites_;
  for (std::size_t s = 0; s < slowed.size(); ++s) {
    slowed[s].server.accelerator.power.limit = PowerLimit(IndexOf<SiteIndex>(s), levels[s]);
  }
  return slowed;
}

// Fleets work at the limits in force where they hold servers: iterations that begin from now on.
void Cluster::SlowFleets() {
  for (const JobIndex job : active_) {
    Member& member = members_[job];
    if (!member.fleet || member.limits == limit_level_) {
      continue;
    }
    member.limits = limit_level_;
    std::vector<int> levels = limit_level_;
    for (std::size_t s = 0; s < levels.size(); ++s) {
      levels[s] = member.servers[s] > 0 ? levels[s] : 0;
    }
    const ServerSpec slow = LeastServer(*member.spec, SlowedSites(levels));
    const auto full_batch = [&](const ServerSpec& server) {
      const IterationCosts costs = CostsOf(member.fleet->spec(), server).decode;
      const std::int64_t batch = costs.engine().batch_max;
      return costs.Base(batch, batch, batch);
    };
    member.slowed = full_batch(slow) / full_batch(LeastServer(*member.spec, sites_));
    member.fleet->SetCosts(slow);
  }
}

// With these runs training at these rates, and so many servers idle.
Watts Cluster::SitePower(SiteIndex site, int level, const std::vector<DrawingRun>& runs,
                         const std::vector<StepRate>& rates, std::int32_t free) const {
  Watts power = IdlePower(site) * free + NetworkPower(site);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].servers[site] > 0) {
      power += RunPower(members_[runs[i].job], runs[i].servers, rates[i], /*trains=*/true, site);
    }
  }
  for (const JobIndex job : active_) {
    const Member& member = members_[job];
    const bool stalled = member.run && member.run->phase() == TrainingRun::Phase::kStalled;
    if (member.servers[site] == 0 || !(member.fleet || stalled)) {
      continue;
    }
    power += RunPower(member, member.servers, member.rate, /*trains=*/false, site);
    if (member.fleet) {
      const double here = member.servers[site];
      double all = 0;
      for (const std::int32_t count : member.servers) {
        all += count;
      }
      power += (FleetPowerAt(member, LevelsWith(site, level)) - member.fleet_power) * (here / all);
    }
  }
  return power * PueOf(site, power);
}

Watts Cluster::PowerLimit(SiteIndex site, int level) const {
  const PowerSpec& power = sites_[site].server.accelerator.power;
  return std::max(power.limit * (1 - kLevelStep * level),
                  power.idle + (power.limit - power.idle) * kLevelStep);
}

// The present levels, but for one site.
std::vector<int> Cluster::LevelsWith(SiteIndex site, int level) const {
  std::vector<int> levels = limit_level_;
  levels[site] = level;
  return levels;
}

bool Cluster::KeepsCaps(SiteIndex site, int level, const std::vector<JobIndex>& placed) {
  return KeepsCaps(site, level, DrawingRuns(placed),
                   RatesOf(PlacedJobs(placed, CachesOnTheirWay()), LevelsWith(site, level)),
                   servers_.free(site));
}

// The highest power limit with which the site keeps its caps. When none does, or limits are not to
// be touched, the last runs to start with the lowest priority stop.
void Cluster::Throttle(SiteIndex site) {
  const SiteSpec& spec = sites_[site];
  if (!HasCap(site)) {
    limit_level_[site] = 0;
    return;
  }
  const int before = limit_level_[site];
  const int lowest = spec.power_policy == PowerPolicy::kSlow ? kPowerLevels - 1 : 0;
  std::vector<JobIndex> placed = PlacedRuns();
  while (!KeepsCaps(site, lowest, placed)) {
    const JobIndex victim = LastToStart(site, placed);
    if (victim < 0) {
      break;  // idle servers, switches and fleets alone pass the cap
    }
    Interrupt(victim, {.kind = EventKind::kPreempt, .detail = "power cap"});
    std::erase(placed, victim);
  }
  int fits = lowest, too_high = -1;
  while (fits - too_high > 1) {
    const int middle = (fits + too_high) / 2;
    (KeepsCaps(site, middle, placed) ? fits : too_high) = middle;
  }
  limit_level_[site] = fits;
  if (fits != before) {
    Note({.kind = EventKind::kThrottle,
          .site = site,
          .detail = "power limit " + FormatWatts(PowerLimit(site, fits))});
  }
}

JobIndex Cluster::LastToStart(SiteIndex site, const std::vector<JobIndex>& placed) const {
  JobIndex last;
  for (const JobIndex job : placed) {
    const Member& member = members_[job];
    if (member.servers[site] == 0) {
      continue;
    }
    const auto key = [](const Member& m) {
      return std::pair(-m.spec->priority, m.run->placed_at());
    };
    if (last < 0 || key(member) >= key(members_[last])) {
      last = job;
    }
  }
  return last;
}

// Whether the caps of its sites leave power for one run more, at the lowest clocks that the policy
// allows.
bool Cluster::MayStart(JobIndex job, const Placement& placement) {
  if (std::none_of(placement.begin(), placement.end(), [this](const ServerRun& run) {
        return HasCap(run.site);
      })) {
    return true;
  }
  const std::vector<JobIndex> placed = PlacedRuns();
  std::vector<PlacedJob> jobs = PlacedJobs(placed, CachesOnTheirWay());
  jobs.insert(jobs.begin() + static_cast<std::ptrdiff_t>(placed.size()),
              PlacedOf(members_[job], placement));
  std::vector<DrawingRun> runs = DrawingRuns(placed);
  DrawingRun& more =
      runs.emplace_back(DrawingRun{job, std::vector<std::int32_t>(sites_.size(), 0)});
  for (const ServerRun& run : placement) {
    more.servers[run.site] += run.count;
  }
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    const SiteSpec& spec = sites_[s];
    const auto site = IndexOf<SiteIndex>(s);
    if (more.servers[s] == 0 || !HasCap(site)) {
      continue;
    }
    const int lowest = spec.power_policy == PowerPolicy::kSlow ? kPowerLevels - 1 : 0;
    const std::vector<StepRate> rates = RatesOf(jobs, LevelsWith(site, lowest));
    if (!KeepsCaps(site, lowest, runs, rates, servers_.free(site) - more.servers[s])) {
      return false;
    }
  }
  return true;
}

// A cap that even an idle site passes cannot be kept.
void Cluster::CheckPowerCaps() const {
  for (const Epoch& epoch : scenario_.epochs) {
    for (std::size_t s = 0; s < epoch.sites.size(); ++s) {
      const SiteSpec& site = epoch.sites[s];
      const auto number = IndexOf<SiteIndex>(s);
      const Watts it = IdlePower(number) * static_cast<double>(site.servers) + NetworkPower(number);
      const Watts idle = it * site.PueAt(std::nullopt, it / full_power_[s]);
      if (site.power_cap > Watts(0) && site.power_cap < idle) {
        throw UserError(site.path + ".facility.power_cap",
                        fmt::format("the cap of {} is {}, and with all servers idle the site draws "
                                    "{}; expected more than that, or fewer servers",
                                    site.name, FormatWatts(site.power_cap), FormatWatts(idle)));
      }
      CheckGroupCap(number, site, "rack", site.rack_cap);
      CheckGroupCap(number, site, "row", site.row_cap);
    }
  }
}

// The same of a rack or a row.
void Cluster::CheckGroupCap(SiteIndex number, const SiteSpec& site, const char* group,
                            Watts cap) const {
  const Watts idle = IdlePower(number) * site.ServersOfGroup(group);
  if (cap > Watts(0) && cap < idle) {
    throw UserError(fmt::format("{}.facility.{}_cap", site.path, group),
                    fmt::format("the cap of a {} of {} is {}, and its {} idle servers draw {}; "
                                "expected more than that, or fewer servers in it",
                                group, site.name, FormatWatts(cap), site.ServersOfGroup(group),
                                FormatWatts(idle)));
  }
}

}  // namespace gridlock
