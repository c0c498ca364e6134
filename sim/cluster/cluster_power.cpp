#include <algorithm>
#include <utility>

#include "sim/cluster/cluster.h"

namespace gridlock {

namespace {

// Boards take limits down to about 30 % of their own (200 W of 700 W on an H100 SXM, as nvidia-smi
// shows them, from memory: an estimate for other parts), here in steps of 2.5 %.
constexpr double kLevelStep = 0.025;

}  // namespace

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

// With these runs training at these rates, and so many servers idle.
Watts Cluster::SitePower(SiteIndex site, const std::vector<DrawingRun>& runs,
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
    if ((member.fleet || stalled) && member.servers[site] > 0) {
      power += RunPower(member, member.servers, member.rate, /*trains=*/false, site);
    }
  }
  return power * sites_[site].pue;
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

Watts Cluster::SitePowerAt(SiteIndex site, int level, const std::vector<JobIndex>& placed) {
  return SitePower(site, DrawingRuns(placed), RatesOf(PlacedJobs(placed), LevelsWith(site, level)),
                   servers_.free(site));
}

// The highest power limit with which the site keeps its cap. When none does, or limits are not to
// be touched, the last runs to start with the lowest priority stop.
void Cluster::Throttle(SiteIndex site) {
  const SiteSpec& spec = sites_[site];
  if (spec.power_cap <= Watts(0)) {
    limit_level_[site] = 0;
    return;
  }
  const int before = limit_level_[site];
  const int lowest = spec.power_policy == PowerPolicy::kSlow ? kPowerLevels - 1 : 0;
  std::vector<JobIndex> placed = PlacedRuns();
  while (SitePowerAt(site, lowest, placed) > spec.power_cap) {
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
    (SitePowerAt(site, middle, placed) <= spec.power_cap ? fits : too_high) = middle;
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
        return sites_[run.site].power_cap > Watts(0);
      })) {
    return true;
  }
  const std::vector<JobIndex> placed = PlacedRuns();
  std::vector<PlacedJob> jobs = PlacedJobs(placed);
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
    if (more.servers[s] == 0 || spec.power_cap <= Watts(0)) {
      continue;
    }
    const int lowest = spec.power_policy == PowerPolicy::kSlow ? kPowerLevels - 1 : 0;
    const std::vector<StepRate> rates = RatesOf(jobs, LevelsWith(site, lowest));
    if (SitePower(site, runs, rates, servers_.free(site) - more.servers[s]) > spec.power_cap) {
      return false;
    }
  }
  return true;
}

}  // namespace gridlock
