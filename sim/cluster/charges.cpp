#include "sim/cluster/charges.h"

#include <algorithm>
#include <vector>

#include "sim/cluster/power_draw.h"
#include "sim/cluster/servers.h"
#include "sim/energy/site_power.h"
#include "topologies/wan_way.h"

namespace gridlock {

namespace {

/// A job on a site.
struct Draw {
  JobIndex job;
  SiteIndex site;
  Watts power;
};

std::vector<Draw> DrawsOf(const ClusterView& view) {
  std::vector<Draw> draws;
  for (const JobIndex job : view.active) {
    const Member& member = view.members[job];
    for (std::size_t s = 0; s < view.machine.sites().size(); ++s) {
      if (member.servers[s] > 0) {
        const auto site = IndexOf<SiteIndex>(s);
        draws.push_back({job, site, PowerNow(member, view.machine.site(site).server, site)});
      }
    }
  }
  return draws;
}

// Of servers of jobs on each site, without PUE.
std::vector<Watts> SumsOf(const std::vector<Draw>& draws, std::size_t sites) {
  std::vector<Watts> sums(sites);
  for (const Draw& draw : draws) {
    sums[draw.site] += draw.power;
  }
  return sums;
}

// Of what no job holds: idle servers, the network and storage.
Watts RestOf(const ClusterView& view, SiteIndex site) {
  return IdlePower(view.machine.site(site).server) * static_cast<double>(view.servers.free(site)) +
         view.machine.power_beside(site);
}

// Each site at the ends of a link pays half of it.
void ChargeRents(const std::vector<WanSpec>& wans, const Stretch& stretch, Ledger& ledger) {
  constexpr double kMonths = 12;  // of a year
  for (const WanSpec& wan : wans) {
    const double usd = wan.rent_usd_per_month * kMonths * (stretch.length() / kYear);
    ledger.ChargeRent(wan.from, usd / 2);
    ledger.ChargeRent(wan.to, usd / 2);
  }
}

// Sites of a run, by number.
std::vector<SiteIndex> SitesOf(const Member& member) {
  std::vector<SiteIndex> sites;
  for (std::size_t s = 0; s < member.servers.size(); ++s) {
    if (member.servers[s] > 0) {
      sites.push_back(IndexOf<SiteIndex>(s));
    }
  }
  return sites;
}

// What runs send between their sites goes round a ring of these, as much over each link on it, and
// is paid by the run.
void ChargeTraffic(const ClusterView& view, const Stretch& stretch, Ledger& ledger) {
  const std::vector<WanSpec>& wans = view.machine.wans();
  const auto has_price = [](const WanSpec& wan) {
    return wan.usd_per_byte > 0;
  };
  if (std::none_of(wans.begin(), wans.end(), has_price)) {
    return;
  }
  for (const JobIndex job : view.active) {
    const Member& member = view.members[job];
    if (!member.trains() || member.run->rate().wan_bytes <= 0) {
      continue;
    }
    std::vector<WanIndex> ring;
    const std::vector<SiteIndex> sites = SitesOf(member);
    for (std::size_t i = 0; i < sites.size(); ++i) {
      const std::vector<WanIndex> way = WanWay(wans, sites[i], sites[(i + 1) % sites.size()]);
      ring.insert(ring.end(), way.begin(), way.end());
    }
    const double steps = stretch.length() / member.run->rate().step_time;
    for (const WanIndex link : ring) {
      const WanSpec& wan = wans[static_cast<std::size_t>(link.value)];
      const double bytes = member.run->rate().wan_bytes * steps / static_cast<double>(ring.size());
      ledger.ChargeTraffic(wan.from, wan.to, job, bytes * wan.usd_per_byte);
    }
  }
}

void ChargeSeries(const ClusterView& view, const Stretch& stretch, Ledger& ledger) {
  double waiting = 0, wanted = 0, flops = 0;
  for (const JobIndex job : view.active) {
    const Member& member = view.members[job];
    if (member.waits()) {
      waiting += 1;
      wanted += member.run->spec().step.layout.accelerators();
    } else if (member.trains()) {
      flops += (member.run->step_flop() / member.run->rate().step_time).si();
      ledger.wan_bytes().Add(stretch.from, stretch.to,
                             member.run->rate().wan_bytes / member.run->rate().step_time.si());
    }
  }
  ledger.queue_jobs().Add(stretch.from, stretch.to, waiting);
  ledger.queue_accelerators().Add(stretch.from, stretch.to, wanted);
  ledger.training_flops().Add(stretch.from, stretch.to, flops);
}

}  // namespace

void MeterFleet(const MachineNow& machine, const PowerCaps& caps, const Stretch& stretch,
                Member& member, Ledger& ledger) {
  const UnitWork work = member.fleet->replicas.TakeWork();
  for (std::size_t s = 0; s < machine.sites().size(); ++s) {
    const auto site = IndexOf<SiteIndex>(s);
    const SiteSpec& spec = machine.site(site);
    member.fleet->power[s] =
        PowerOfWork(member, work, stretch.length(), spec.server, caps.LimitOf(spec, site));
  }
  ledger.decoded_tokens().Add(stretch.from, stretch.to,
                              static_cast<double>(work.output_tokens) / stretch.length().si());
}

std::vector<Watts> LoadsOf(const ClusterView& view) {
  std::vector<Watts> loads = SumsOf(DrawsOf(view), view.machine.sites().size());
  for (std::size_t s = 0; s < loads.size(); ++s) {
    const auto site = IndexOf<SiteIndex>(s);
    const Watts it = loads[s] + RestOf(view, site);
    loads[s] = it * view.machine.PueOf(site, it);
  }
  return loads;
}

// The PUE of a site follows from all of its power, so that it is known first.
void ChargeStretch(const ClusterView& view, const PowerCaps& caps, const Stretch& stretch,
                   Batteries& batteries, Ledger& ledger) {
  const std::vector<Draw> draws = DrawsOf(view);
  const auto sites = static_cast<std::int32_t>(view.machine.sites().size());
  std::vector<Watts> it = SumsOf(draws, view.machine.sites().size());
  for (SiteIndex s{0}; s < sites; ++s) {
    it[s] += RestOf(view, s);
    ledger.SetPue(s, view.machine.PueOf(s, it[s]));
  }
  for (const Draw& draw : draws) {
    const Member& member = view.members[draw.job];
    ledger.ChargeJob(
        stretch, draw.job, member.kind, draw.site, draw.power,
        std::int64_t{member.servers[draw.site]} * view.machine.site(draw.site).server.accelerators);
  }
  for (SiteIndex s{0}; s < sites; ++s) {
    const SiteSpec& site = view.machine.site(s);
    const std::int64_t per_server = site.server.accelerators;
    ledger.ChargeRest(stretch, s, RestOf(view, s), view.servers.free(s) * per_server,
                      view.servers.down(s) * per_server, view.machine.absent(s) * per_server);
    for (const BatteryPart& part :
         batteries.Advance(site, s, stretch, it[s] * view.machine.PueOf(s, it[s]))) {
      ledger.ChargeBattery(stretch, s, part);
    }
    ledger.CloseSite(stretch, s, caps.LimitOf(site, s));
  }
  ChargeRents(view.machine.wans(), stretch, ledger);
  ChargeTraffic(view, stretch, ledger);
  ChargeSeries(view, stretch, ledger);
}

void ChargeTenants(const ClusterView& view, const Stretch& stretch, Tenants& tenants) {
  tenants.Forget(stretch.length());
  for (const JobIndex job : view.active) {
    const Member& member = view.members[job];
    double accelerators = 0;
    for (std::size_t s = 0; s < view.machine.sites().size(); ++s) {
      accelerators += 1.0 * member.servers[s] * view.machine.sites()[s].server.accelerators;
    }
    tenants.Charge(member.tenant, accelerators, stretch.length());
  }
}

}  // namespace gridlock
