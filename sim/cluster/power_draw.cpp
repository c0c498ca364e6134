#include "sim/cluster/power_draw.h"

#include <algorithm>

#include "sim/energy/energy.h"
#include "sim/energy/site_power.h"

namespace gridlock {

namespace {

// Boards take limits down to about 30 % of their own (200 W of 700 W on an H100 SXM, as nvidia-smi
// shows them, from memory: an estimate for other parts), here in steps of 2.5 %.
constexpr double kLevelStep = 0.025;

// A fleet that is busy for more than this share of its time would do more at full clocks; one that
// rests has what it is asked for. An estimate.
constexpr double kNeverRests = 0.95;

}  // namespace

Watts LimitAt(const PowerSpec& power, int level) {
  return std::max(power.limit * (1 - kLevelStep * level),
                  power.idle + (power.limit - power.idle) * kLevelStep);
}

std::vector<SiteSpec> SlowedSites(const std::vector<SiteSpec>& sites,
                                  const std::vector<int>& levels) {
  std::vector<SiteSpec> slowed = sites;
  for (std::size_t s = 0; s < slowed.size(); ++s) {
    PowerSpec& power = slowed[s].server.accelerator.power;
    power.limit = LimitAt(power, levels[s]);
  }
  return slowed;
}

Watts PowerOfRun(const Member& member, const std::vector<std::int32_t>& servers,
                 const StepRate& rate, bool trains, const ServerSpec& server, SiteIndex site) {
  const double here = servers[site];
  double all = 0;
  for (const std::int32_t count : servers) {
    all += count;
  }
  const double used =
      member.run->spec().step.layout.accelerators() * (1 - member.run->share_lost()) * (here / all);
  const double unused = here - used / server.accelerators;
  const Watts busy =
      trains ? rate.energy / rate.step_time * (here / all) : HeldPower(server) * (here - unused);
  return busy + IdlePower(server) * unused;
}

Watts PowerNow(const Member& member, const ServerSpec& server, SiteIndex site) {
  if (member.run) {
    return PowerOfRun(member, member.servers, member.run->rate(), member.trains(), server, site);
  }
  const double here = member.servers[site], all = member.servers_held();
  return HeldPower(server) * here + member.fleet->power[site].now * (here / all);
}

// An iteration keeps the boards' limit while it lasts.
FleetPower PowerOfWork(const Member& member, const UnitWork& work, Seconds length,
                       const ServerSpec& server, Watts limit) {
  ServerSpec limited = server;
  const auto spent_at = [&](Watts at) {
    limited.accelerator.power.limit = at;
    const StepEnergy energy = EnergyOfStep(limited, member.fleet->spec().accelerators(), work.busy,
                                           {work.arithmetic, work.hbm, work.links});
    return (energy.flop + energy.hbm + energy.links) * (1 + server.overhead_per_watt);
  };
  const double share = work.busy / (length * std::max(1, member.fleet->replicas.in_service()));
  const Watts full = spent_at(server.accelerator.power.limit) / length *
                     (share > kNeverRests ? member.fleet->slowed / share : 1.0);
  return {spent_at(limit) / length, full};
}

Watts FleetPowerAt(const Member& member, const ServerSpec& server, SiteIndex site, int level) {
  const double here = member.servers[site], all = member.servers_held();
  const PowerSpec& power = server.accelerator.power;
  const Watts above = std::max(Watts(0), LimitAt(power, level) - power.held());
  return std::min(member.fleet->power[site].full * (here / all),
                  above * (here * server.accelerators * (1 + server.overhead_per_watt)));
}

double IterationSlowdown(const ServingSpec& fleet, const ServerSpec& slow, const ServerSpec& own) {
  const auto full_batch = [&](const ServerSpec& server) {
    const IterationCosts costs = CostsOf(fleet, server).decode;
    const std::int64_t batch = costs.batch_most();
    return costs.Base(batch, batch, batch);
  };
  return full_batch(slow) / full_batch(own);
}

}  // namespace gridlock
