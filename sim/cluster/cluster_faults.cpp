#include "sim/base/check.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/job_sites.h"

namespace gridlock {

// All servers of a site fail independently at one rate, so that their failures together are one
// Poisson stream, and the one that fails is any of them.
void Cluster::FailNext(SiteIndex site) {
  Failures& failures = failures_[site];
  const double mean = scenario_.reliability.server_mtbf.si() / servers_.servers(site);
  const Seconds at = timeline_.now() + Seconds(failures.times.Exponential(mean));
  const auto server = IndexOf<ServerIndex>(
      failures.times.Below(static_cast<std::uint64_t>(servers_.servers(site))));
  const Seconds repair(failures.repairs.Exponential(scenario_.reliability.repair_time.si()));
  if (at >= scenario_.horizon) {
    return;
  }
  timeline_.At(at, [this, site, server, repair] {
    FailNext(site);
    if (!servers_.in_service(site, server)) {
      return;  // it is down already
    }
    AdvanceTo(timeline_.now());
    Note({.kind = EventKind::kFailure, .site = site, .server = server, .servers = 1});
    TakeDown(site, server, "failure");
    const Seconds back = timeline_.now() + repair;
    if (back < scenario_.horizon) {
      timeline_.At(back, [this, site, server] {
        AdvanceTo(timeline_.now());
        servers_.BringBack(site, server);
        Note({.kind = EventKind::kRepair, .site = site, .server = server, .servers = 1});
        ReconsiderSoon();
      });
    }
  });
}

void Cluster::TakeDown(SiteIndex site, ServerIndex server, const std::string& why) {
  const JobIndex job = servers_.TakeDown(site, server);
  if (job < 0) {
    return;
  }
  if (members_[job].run) {
    Interrupt(job, {.kind = EventKind::kInterrupt,
                    .site = site,
                    .server = server,
                    .servers = 1,
                    .detail = why});
  } else {
    DropFromFleet(job, site, server);
  }
  ReconsiderSoon();
}

// Of a link between sites, at the site that it is written from, or of servers of a site.
void Cluster::NoteOutage(EventKind kind, const OutageSpec& outage) {
  if (outage.wan >= 0) {
    Note({.kind = kind, .site = wans_[outage.wan].from, .wan = outage.wan});
  } else {
    Note({.kind = kind,
          .site = outage.site,
          .server = outage.first_server,
          .servers = outage.servers});
  }
}

void Cluster::BeginOutage(const OutageSpec& outage) {
  AdvanceTo(timeline_.now());
  if (outage.wan >= 0) {
    ++wan_outages_[outage.wan];
    NoteOutage(EventKind::kOutage, outage);
    StallOrResume();
    return;
  }
  NoteOutage(EventKind::kOutage, outage);
  for (std::int32_t i = 0; i < outage.servers; ++i) {
    TakeDown(outage.site, {outage.first_server + i}, "outage");
  }
  ReconsiderSoon();
}

void Cluster::EndOutage(const OutageSpec& outage) {
  AdvanceTo(timeline_.now());
  if (outage.wan >= 0) {
    --wan_outages_[outage.wan];
    NoteOutage(EventKind::kRestore, outage);
    StallOrResume();
    return;
  }
  for (std::int32_t i = 0; i < outage.servers; ++i) {
    servers_.BringBack(outage.site, {outage.first_server + i});
  }
  NoteOutage(EventKind::kRestore, outage);
  ReconsiderSoon();
}

// Jobs over a link that is cut off wait where they stand, and go on when it is back.
void Cluster::StallOrResume() {
  for (const JobIndex job : active_) {
    Member& member = members_[job];
    if (!member.run) {
      continue;
    }
    const bool down = WanIsDown(member);
    if (down && member.run->phase() == TrainingRun::Phase::kTraining) {
      Disarm(member);
      member.run->Stall(timeline_.now());
    } else if (!down && member.run->phase() == TrainingRun::Phase::kStalled) {
      member.run->Train(timeline_.now(), member.rate.step_time);
    }
  }
  ReconsiderSoon();
}

void Cluster::BeginEpoch(std::size_t epoch) {
  AdvanceTo(timeline_.now());
  sites_ = scenario_.epochs[epoch].sites;
  wans_ = scenario_.epochs[epoch].wans;
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    const auto site = IndexOf<SiteIndex>(s);
    limit_level_[s] = 0;
    ledger_.SetSite(site, sites_[s]);
    if (sites_[s].storage_bandwidth > BytesPerSecond(0)) {
      timeline_.SetCapacity(site, sites_[s].storage_bandwidth);
    }
  }
  for (Member& member : members_) {
    member.alone = Seconds(0);
    if (member.fleet) {
      member.fleet->SetCosts(CostsOf(member.fleet->spec(), LeastServer(*member.spec, sites_)));
    }
  }
  for (const std::string& change : scenario_.epochs[epoch].changes) {
    Note({.kind = EventKind::kChange, .detail = change});
  }
  ReconsiderSoon();
}

}  // namespace gridlock
