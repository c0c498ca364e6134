#include "sim/cluster/ramps.h"

#include <algorithm>

#include "sim/cluster/machine_now.h"
#include "sim/cluster/power_draw.h"
#include "sim/cluster/servers.h"
#include "sim/energy/energy.h"
#include "sim/energy/site_power.h"

namespace gridlock {

void Ramps::Follow(const ClusterView& view, const Stretch& stretch, Ledger& ledger) {
  const std::vector<SiteSpec>& sites = view.machine.sites();
  const bool any = std::any_of(sites.begin(), sites.end(), [](const SiteSpec& site) {
    return site.server.accelerator.power.ramp_down > WattsPerSecond(0);
  });
  if (!any) {
    at_work_.clear();
    falling_.clear();
    return;
  }
  std::map<JobIndex, Work> now;
  for (const JobIndex job : view.active) {
    if (view.members[job].trains()) {
      now.emplace(job, WorkOf(view, view.members[job]));
      falling_.erase(job);
    }
  }
  for (auto& [job, work] : at_work_) {
    if (!now.contains(job)) {
      work.stopped = stretch.from;
      falling_.insert_or_assign(job, work);
    }
  }
  at_work_ = std::move(now);
  for (const auto& [job, work] : falling_) {
    Burn(view, job, work, stretch, ledger);
  }
}

Ramps::Work Ramps::WorkOf(const ClusterView& view, const Member& member) {
  Work work;
  for (std::size_t s = 0; s < view.machine.sites().size(); ++s) {
    const auto site = IndexOf<SiteIndex>(s);
    const ServerSpec& server = view.machine.site(site).server;
    const double servers = member.servers[s], boards = servers * server.accelerators;
    const Watts drawn =
        PowerOfRun(member, member.servers, member.run->rate(), /*trains=*/true, server, site);
    work.boards.push_back(boards);
    work.above.push_back(boards > 0 ? (drawn - HeldPower(server) * servers) /
                                          (boards * (1 + server.overhead_per_watt))
                                    : Watts(0));
  }
  return work;
}

void Ramps::Burn(const ClusterView& view, JobIndex job, const Work& work, const Stretch& stretch,
                 Ledger& ledger) {
  for (std::size_t s = 0; s < work.boards.size(); ++s) {
    const auto site = IndexOf<SiteIndex>(s);
    const ServerSpec& server = view.machine.site(site).server;
    const PowerSpec& power = server.accelerator.power;
    if (power.ramp_down <= WattsPerSecond(0) || work.above[s] <= Watts(0)) {
      continue;
    }
    const Seconds until = std::min(stretch.to, work.stopped + work.above[s] / power.ramp_down);
    if (until > stretch.from) {
      const Joules burned = BurnedByFall(power, work.above[s], until - work.stopped) -
                            BurnedByFall(power, work.above[s], stretch.from - work.stopped);
      // Of a run that has given its servers up: no more boards than are free here.
      const double free = 1.0 * view.servers.free(site) * server.accelerators;
      const double boards =
          view.members[job].servers[s] > 0 ? work.boards[s] : std::min(work.boards[s], free);
      ledger.ChargeRamp(
          {stretch.from, until}, job, site,
          burned * (boards * (1 + server.overhead_per_watt)) / (until - stretch.from));
    }
  }
}

}  // namespace gridlock
