#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/cluster/cluster.h"

namespace gridlock {

namespace {

// Boards take limits down to about 30 % of their own (200 W of 700 W on an H100 SXM, as nvidia-smi
// shows them, from memory: an estimate for other parts), here in steps of 2.5 %.
constexpr double kLevelStep = 0.025;

}  // namespace

Watts Cluster::IdlePower(std::int32_t site) const {
  const ServerSpec& server = sites_[site].server;
  return server.accelerator.power.idle * server.accelerators + server.overhead_power;
}

Watts Cluster::SwitchPower(std::int32_t site) const {
  return switch_power_[site];
}

// Of its servers on one site. Accelerators of its servers that the layout does not use are idle.
Watts Cluster::RunPower(const Member& member, const StepRate& rate, bool trains,
                        std::int32_t site) const {
  const double here = member.servers[site];
  double all = 0;
  for (const std::int32_t servers : member.servers) {
    all += servers;
  }
  if (member.fleet) {
    return IdlePower(site) * here + member.fleet_power * (here / all);
  }
  if (!trains) {
    return IdlePower(site) * here;
  }
  const ServerSpec& server = sites_[site].server;
  const double used = member.run->spec().step.layout.accelerators() * (here / all);
  const double unused = here - used / server.accelerators;
  return rate.energy / rate.step_time * (here / all) + IdlePower(site) * unused;
}

Watts Cluster::SitePower(std::int32_t site, const std::vector<std::int32_t>& placed,
                         const std::vector<StepRate>& rates) const {
  Watts power = IdlePower(site) * servers_.free(site) + SwitchPower(site);
  for (std::size_t i = 0; i < placed.size(); ++i) {
    if (members_[placed[i]].servers[site] > 0) {
      power += RunPower(members_[placed[i]], rates[i], /*trains=*/true, site);
    }
  }
  for (const std::int32_t job : active_) {
    const Member& member = members_[job];
    const bool stalled = member.run && member.run->phase() == TrainingRun::Phase::kStalled;
    if ((member.fleet || stalled) && member.servers[site] > 0) {
      power += RunPower(member, member.rate, /*trains=*/false, site);
    }
  }
  return power * sites_[site].pue;
}

void Cluster::SetPowerLimit(std::int32_t site, int level) {
  limit_level_[site] = level;
  PowerSpec& power = sites_[site].server.accelerator.power;
  const Watts limit = board_limit_[site] * (1 - kLevelStep * level);
  power.limit = std::max(limit, power.idle + (board_limit_[site] - power.idle) * kLevelStep);
}

Watts Cluster::SitePowerAt(std::int32_t site, int level, const std::vector<std::int32_t>& placed) {
  SetPowerLimit(site, level);
  return SitePower(site, placed, RatesOf(PlacedJobs(placed)));
}

// The highest power limit with which the site keeps its cap. When none does, or limits are not to
// be touched, the last runs to start with the lowest priority stop.
void Cluster::Throttle(std::int32_t site) {
  const SiteSpec& spec = sites_[site];
  if (spec.power_cap <= Watts(0)) {
    SetPowerLimit(site, 0);
    return;
  }
  const int before = limit_level_[site];
  const int lowest = spec.power_policy == PowerPolicy::kSlow ? kPowerLevels - 1 : 0;
  std::vector<std::int32_t> placed = PlacedRuns();
  while (SitePowerAt(site, lowest, placed) > spec.power_cap) {
    const std::int32_t victim = LastToStart(site, placed);
    if (victim < 0) {
      break;  // idle servers, switches and fleets alone pass the cap
    }
    Interrupt(victim, /*preempted=*/true, "power cap");
    std::erase(placed, victim);
  }
  int fits = lowest, too_high = -1;
  while (fits - too_high > 1) {
    const int middle = (fits + too_high) / 2;
    (SitePowerAt(site, middle, placed) <= spec.power_cap ? fits : too_high) = middle;
  }
  SetPowerLimit(site, fits);
  if (fits != before) {
    Note("throttle", -1, site,
         fmt::format("power limit {}", FormatWatts(sites_[site].server.accelerator.power.limit)));
  }
}

std::int32_t Cluster::LastToStart(std::int32_t site,
                                  const std::vector<std::int32_t>& placed) const {
  std::int32_t last = -1;
  for (const std::int32_t job : placed) {
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
bool Cluster::MayStart(std::int32_t job, const Placement& placement) {
  for (const ServerRun& run : placement) {
    const SiteSpec& spec = sites_[run.site];
    if (spec.power_cap <= Watts(0)) {
      continue;
    }
    std::vector<std::int32_t> placed = PlacedRuns();
    std::vector<PlacedJob> jobs = PlacedJobs(placed);
    placed.push_back(job);
    jobs.push_back({&members_[job].run->spec().step, placement});
    const int before = limit_level_[run.site];
    SetPowerLimit(run.site, spec.power_policy == PowerPolicy::kSlow ? kPowerLevels - 1 : 0);
    const std::vector<StepRate> rates = RatesOf(jobs);
    Hold(job, placement);
    const bool fits = SitePower(run.site, placed, rates) <= spec.power_cap;
    GiveUp(job, placement);
    SetPowerLimit(run.site, before);
    if (!fits) {
      return false;
    }
  }
  return true;
}

}  // namespace gridlock
