#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/base/check.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/job_sites.h"

namespace gridlock {

// Servers of the scenario's one rate come first, then its kinds of failures.
void Cluster::PlanFailures() {
  const ReliabilitySpec& spec = scenario_.reliability;
  if (spec.server_mtbf > Seconds(0)) {
    FailureSpec server;
    server.mtbf = spec.server_mtbf;
    server.repair_time = spec.repair_time;
    failure_kinds_.push_back(server);
  }
  failure_kinds_.insert(failure_kinds_.end(), spec.failures.begin(), spec.failures.end());
  for (const FailureSpec& kind : failure_kinds_) {
    record_.failures.push_back({.name = kind.name.empty() ? "server" : kind.name});
  }
  faults_.resize(sites_.size());
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    const auto site = IndexOf<SiteIndex>(s);
    Faults& faults = faults_[s];
    faults.lemons = DrawLemons(spec, sites_[s], scenario_.seed);
    faults.since = NewSince(spec, sites_[s]);
    PlanDeliveries(site);
    PlanSpares(site);
    const Locality& locality = *servers_.state(site).locality;
    for (std::size_t k = 0; k < failure_kinds_.size(); ++k) {
      const FailureSpec& kind = failure_kinds_[k];
      const std::string purpose =
          "failures/" + scenario_.sites[s].name + (kind.name.empty() ? "" : "/" + kind.name);
      faults.streams.emplace_back(kind, sites_[s], locality, faults.lemons, faults.since,
                                  scenario_.seed, purpose);
      if (faults.streams.back().happens()) {
        FailNext(site, k);
      }
    }
  }
}

// The last by number come later, in the order of their deliveries.
void Cluster::PlanDeliveries(SiteIndex site) {
  std::int32_t later = 0;
  for (const DeliverySpec& delivery : sites_[site].deliveries) {
    later += delivery.servers;
  }
  faults_[site].absent = later;
  std::int32_t next = sites_[site].servers - later;
  for (const DeliverySpec& delivery : sites_[site].deliveries) {
    const ServerIndex first{next};
    next += delivery.servers;
    for (std::int32_t i = 0; i < delivery.servers; ++i) {
      (void)servers_.TakeDown(site, {first + i});
    }
    if (delivery.at >= scenario_.horizon) {
      continue;
    }
    timeline_.At(delivery.at, [this, site, first, count = delivery.servers] {
      AdvanceTo(timeline_.now());
      for (std::int32_t i = 0; i < count; ++i) {
        (void)servers_.BringBack(site, {first + i});
      }
      faults_[site].absent -= count;
      Note({.kind = EventKind::kRestore,
            .site = site,
            .server = first,
            .servers = count,
            .detail = "delivered"});
      ReconsiderSoon();
    });
  }
}

// Cold ones are off, the last of those that are there.
void Cluster::PlanSpares(SiteIndex site) {
  Faults& faults = faults_[site];
  const std::int32_t there = sites_[site].servers - faults.absent;
  faults.cold = std::min(scenario_.reliability.cold_spares, there);
  for (std::int32_t i = 1; i <= faults.cold; ++i) {
    faults.off.push_back({there - i});
    (void)servers_.TakeDown(site, faults.off.back());
  }
  SetReserve(site);
}

void Cluster::FailNext(SiteIndex site, std::size_t kind) {
  const FailureStream::Drawn drawn =
      faults_[site].streams[kind].Next(timeline_.now(), scenario_.horizon);
  if (drawn.at >= scenario_.horizon) {
    return;
  }
  timeline_.At(drawn.at, [this, site, kind, drawn] {
    FailNext(site, kind);
    const FailureStream::Range servers = faults_[site].streams[kind].Around(drawn.server);
    BeginFailure({site, kind, servers, drawn.repair_time}, drawn.server);
  });
}

// What is down already, and a run that is not there, cannot fail.
void Cluster::BeginFailure(const Fault& fault, ServerIndex server) {
  const FailureSpec& kind = failure_kinds_[fault.kind];
  const bool run_alone = kind.takes == "run" && kind.neighbours == 0;
  JobIndex run;
  if (run_alone) {
    run = servers_.holder(fault.site, server);
    if (run < 0 || !members_[run].run || !servers_.in_service(fault.site, server)) {
      return;
    }
  } else {
    bool any = false;
    for (std::int32_t i = 0; i < fault.servers.count; ++i) {
      any = any || servers_.in_service(fault.site, {fault.servers.first + i});
    }
    if (!any) {
      return;
    }
  }
  AdvanceTo(timeline_.now());
  Note({.kind = EventKind::kFailure,
        .site = fault.site,
        .server = fault.servers.first,
        .servers = run_alone ? 0 : fault.servers.count,
        .detail = kind.name});
  LifeFailure& account = record_.failures[fault.kind];
  ++account.failures;
  account.servers += run_alone ? 0 : fault.servers.count;
  if (kind.detection_time > Seconds(0)) {
    Afflict(fault, run);
  } else if (run_alone) {
    StopRun(run, fault, server);
  } else {
    TakeOut(fault);
  }
}

void Cluster::Afflict(const Fault& fault, JobIndex run) {
  const FailureSpec& kind = failure_kinds_[fault.kind];
  const std::uint64_t number = ++afflictions_begun_;
  afflictions_.push_back({.site = fault.site,
                          .servers = fault.servers,
                          .run = run,
                          .placed_at = run < 0 ? Seconds(0) : members_[run].run->placed_at(),
                          .slowdown = kind.slowdown,
                          .number = number});
  StallOrResume();
  if (kind.flaps.flaps()) {
    Flap(fault, number);
  }
  timeline_.At(timeline_.now() + kind.detection_time, [this, fault, number] {
    AdvanceTo(timeline_.now());
    const auto noticed =
        std::find_if(afflictions_.begin(), afflictions_.end(), [number](const Affliction& each) {
          return each.number == number;
        });
    const Affliction affliction = *noticed;
    afflictions_.erase(noticed);
    if (affliction.run < 0) {
      TakeOut(fault);
    } else if (Afflicts(affliction, affliction.run)) {
      StopRun(affliction.run, fault, fault.servers.first);
    }
    StallOrResume();
  });
}

// It has just gone down, and comes up again after a time.
void Cluster::Flap(const Fault& fault, std::uint64_t number) {
  const auto with = [this, number](const auto& act) {
    const auto found =
        std::find_if(afflictions_.begin(), afflictions_.end(), [number](const Affliction& each) {
          return each.number == number;
        });
    if (found != afflictions_.end()) {
      AdvanceTo(timeline_.now());
      act(*found);
      StallOrResume();
    }
  };
  FailureStream& stream = faults_[fault.site].streams[fault.kind];
  const Seconds down = stream.NextFlap(/*down=*/true), up = stream.NextFlap(/*down=*/false);
  const Seconds patience = stream.spec().flaps.patience;
  const Seconds now = timeline_.now();
  if (patience > Seconds(0) && down > patience) {
    timeline_.At(now + patience, [this, fault, number] {
      GiveUpOn(fault, number);
    });
  }
  timeline_.At(now + down, [with] {
    with([](Affliction& part) {
      part.up = true;
    });
  });
  timeline_.At(now + down + up, [this, with, fault, number] {
    with([this, &fault, number](Affliction& part) {
      part.up = false;
      Flap(fault, number);
    });
  });
}

// The link has been down for too long: the runs on it start again, on the same servers if need be.
void Cluster::GiveUpOn(const Fault& fault, std::uint64_t number) {
  const auto found =
      std::find_if(afflictions_.begin(), afflictions_.end(), [number](const Affliction& each) {
        return each.number == number;
      });
  if (found == afflictions_.end()) {
    return;
  }
  AdvanceTo(timeline_.now());
  const Affliction part = *found;
  for (const JobIndex job : std::vector<JobIndex>(active_)) {
    const Member& member = members_[job];
    if (Afflicts(part, job) && member.run->phase() == TrainingRun::Phase::kStalled) {
      StopRun(job, fault, fault.servers.first);
    }
  }
}

bool Cluster::Afflicts(const Affliction& affliction, JobIndex job) const {
  const Member& member = members_[job];
  if (!member.run || !member.run->holds_servers()) {
    return false;
  }
  if (affliction.run >= 0) {
    return affliction.run == job && affliction.placed_at == member.run->placed_at();
  }
  for (std::int32_t i = 0; i < affliction.servers.count; ++i) {
    if (servers_.holder(affliction.site, {affliction.servers.first + i}) == job) {
      return true;
    }
  }
  return false;
}

double Cluster::SlowdownOf(JobIndex job) const {
  double most = 1;
  for (const Affliction& affliction : afflictions_) {
    if (!affliction.up && Afflicts(affliction, job)) {
      const bool stands = affliction.slowdown <= 0;
      most = stands ? std::numeric_limits<double>::infinity() : std::max(most, affliction.slowdown);
    }
  }
  return most;
}

bool Cluster::StandsStill(JobIndex job) const {
  return WanIsDown(members_[job]) || std::isinf(SlowdownOf(job));
}

void Cluster::StopRun(JobIndex job, const Fault& fault, ServerIndex server) {
  const std::string& name = failure_kinds_[fault.kind].name;
  LifeFailure& account = record_.failures[fault.kind];
  ++account.interruptions;
  account.lost += members_[job].run->unsaved();
  Interrupt(job,
            {.kind = EventKind::kInterrupt,
             .site = fault.site,
             .server = server,
             .servers = 1,
             .detail = name.empty() ? "failure" : name},
            /*lost=*/0);
}

void Cluster::TakeOut(const Fault& fault) {
  const std::string& name = failure_kinds_[fault.kind].name;
  for (std::int32_t i = 0; i < fault.servers.count; ++i) {
    TakeDown(fault.site, {fault.servers.first + i}, fault.servers, name.empty() ? "failure" : name,
             &record_.failures[fault.kind]);
  }
  faults_[fault.site].out += fault.servers.count;
  UseSpares(fault.site);
  const Seconds back = timeline_.now() + fault.repair_time;
  if (back < scenario_.horizon) {
    timeline_.At(back, [this, fault] {
      Repair(fault);
    });
  }
}

// A server that comes back stays off when a cold spare has taken its place.
void Cluster::Repair(const Fault& fault) {
  AdvanceTo(timeline_.now());
  Faults& faults = faults_[fault.site];
  const auto cold = static_cast<std::size_t>(faults.cold);
  for (std::int32_t i = 0; i < fault.servers.count; ++i) {
    const ServerIndex server{fault.servers.first + i};
    --faults.out;
    const auto wanted = std::min<std::size_t>(cold, static_cast<std::size_t>(faults.out));
    if (cold - faults.off.size() > wanted) {
      faults.off.push_back(server);
    } else {
      (void)servers_.BringBack(fault.site, server);
    }
  }
  SetReserve(fault.site);
  Note({.kind = EventKind::kRepair,
        .site = fault.site,
        .server = fault.servers.first,
        .servers = fault.servers.count,
        .detail = failure_kinds_[fault.kind].name});
  ReconsiderSoon();
}

// As many cold spares are switched on as servers are out of service.
void Cluster::UseSpares(SiteIndex site) {
  Faults& faults = faults_[site];
  const auto cold = static_cast<std::size_t>(faults.cold);
  while (!faults.off.empty() && cold - faults.off.size() < static_cast<std::size_t>(faults.out)) {
    const ServerIndex server = faults.off.back();
    faults.off.pop_back();
    ++faults.starting;
    timeline_.At(timeline_.now() + scenario_.reliability.cold_start, [this, site, server] {
      AdvanceTo(timeline_.now());
      --faults_[site].starting;
      (void)servers_.BringBack(site, server);
      SetReserve(site);
      ReconsiderSoon();
    });
  }
  SetReserve(site);
}

// Hot spares are kept free, less those that stand in for servers that are out of service.
void Cluster::SetReserve(SiteIndex site) {
  const Faults& faults = faults_[site];
  const ReliabilitySpec& spec = scenario_.reliability;
  const auto off = static_cast<std::int32_t>(faults.off.size());
  const std::int32_t cold_on = faults.cold - off - faults.starting;
  const std::int32_t missing = std::max(0, faults.out - cold_on);
  servers_.Reserve(site, std::max(0, spec.hot_spares - missing));
}

// With the others of `together`, which go at the same instant.
void Cluster::TakeDown(SiteIndex site, ServerIndex server, FailureStream::Range together,
                       const std::string& why, LifeFailure* account) {
  const JobIndex job = servers_.TakeDown(site, server);
  if (job < 0) {
    return;
  }
  if (members_[job].run) {
    if (account != nullptr) {
      ++account->interruptions;
      account->lost += members_[job].run->unsaved();
    }
    Interrupt(job,
              {.kind = EventKind::kInterrupt,
               .site = site,
               .server = server,
               .servers = 1,
               .detail = why},
              HeldOf(job, site, together));
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
    TakeDown(outage.site, {outage.first_server + i}, {outage.first_server, outage.servers},
             "outage");
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

// Jobs over a link that is cut off, or on a part that has failed unseen, wait where they stand.
void Cluster::StallOrResume() {
  for (const JobIndex job : active_) {
    Member& member = members_[job];
    if (!member.run) {
      continue;
    }
    const bool down = StandsStill(job);
    if (member.spec->spans && member.run->holds_servers() && WanIsDown(member) &&
        RoomFor(member, /*holds=*/true).replicas > 0) {
      Interrupt(job, {.kind = EventKind::kInterrupt, .detail = "a site is cut off"}, 0);
      continue;
    }
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
  epoch_ = epoch;
  ApplyHours();
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
      member.limits = limit_level_;
      member.slowed = 1;
      member.fleet->SetCosts(LeastServer(*member.spec, sites_));
    }
  }
  for (const std::string& change : scenario_.epochs[epoch].changes) {
    Note({.kind = EventKind::kChange, .detail = change});
  }
  ReconsiderSoon();
}

}  // namespace gridlock
