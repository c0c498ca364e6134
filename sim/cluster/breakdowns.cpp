#include "sim/cluster/breakdowns.h"

#include "sim/cluster/life_events.h"
#include "sim/cluster/servers.h"

namespace gridlock {

Breakdowns::Breakdowns(const ClusterView& view, Afflictions& afflictions, Maintenance& maintenance,
                       Runs& runs, Course& course)
    : view_(view),
      afflictions_(afflictions),
      maintenance_(maintenance),
      runs_(runs),
      course_(course),
      faults_(view.scenario, view.servers) {
  for (const FailureSpec& kind : faults_.kinds()) {
    accounts_.push_back({.name = kind.name.empty() ? "server" : kind.name});
  }
}

void Breakdowns::Plan() {
  for (std::size_t s = 0; s < view_.scenario.sites.size(); ++s) {
    for (std::size_t kind = 0; kind < faults_.kinds().size(); ++kind) {
      PlanNext(IndexOf<SiteIndex>(s), kind);
    }
  }
}

void Breakdowns::PlanNext(SiteIndex site, std::size_t kind) {
  const std::optional<Fault> fault = faults_.Next(site, kind, course_.now());
  if (fault) {
    course_.At(fault->at, [this, fault = *fault] {
      PlanNext(fault.servers.site, fault.kind);
      Begin(fault);
    });
  }
}

// What is down already, and a run that is not there, cannot fail.
void Breakdowns::Begin(const Fault& fault) {
  const FailureSpec& kind = faults_.kind(fault);
  const bool run_alone = faults_.HitsRunAlone(fault);
  const SiteIndex site = fault.servers.site;
  JobIndex run;
  if (run_alone) {
    run = view_.servers.holder(site, fault.server);
    if (run < 0 || !view_.members[run].run || !view_.servers.in_service(site, fault.server)) {
      return;
    }
  } else if (view_.servers.InService(fault.servers) == 0) {
    return;
  }
  course_.Advance();
  const std::int32_t taken = run_alone ? 0 : fault.servers.count;
  course_.Note(ServerEvent(EventKind::kFailure, {site, fault.servers.first, taken}, kind.name));
  LifeFailure& account = accounts_[fault.kind];
  ++account.failures;
  account.servers += taken;
  if (kind.detection_time > Seconds(0)) {
    Afflict(fault, run);
  } else if (run_alone) {
    StopRun(run, fault);
  } else {
    TakeOut(fault);
  }
}

void Breakdowns::Afflict(const Fault& fault, JobIndex run) {
  const FailureSpec& kind = faults_.kind(fault);
  const std::uint64_t number =
      afflictions_.Begin({.servers = fault.servers,
                          .run = run,
                          .placed_at = run < 0 ? Seconds(0) : view_.members[run].run->placed_at(),
                          .slowdown = kind.slowdown});
  runs_.StallOrResume();
  if (kind.flaps.flaps()) {
    Flap(fault, number);
  }
  course_.At(course_.now() + kind.detection_time, [this, fault, number] {
    Notice(fault, number);
  });
}

void Breakdowns::Notice(const Fault& fault, std::uint64_t number) {
  course_.Advance();
  const Affliction affliction = afflictions_.Notice(number);
  if (affliction.run < 0) {
    TakeOut(fault);
  } else if (Afflicts(view_, affliction, affliction.run)) {
    StopRun(affliction.run, fault);
  }
  runs_.StallOrResume();
}

// It has just gone down, and comes up again after a time.
void Breakdowns::Flap(const Fault& fault, std::uint64_t number) {
  const Faults::Flap flap = faults_.NextFlap(fault);
  const Seconds patience = faults_.kind(fault).flaps.patience;
  const Seconds now = course_.now();
  if (patience > Seconds(0) && flap.down > patience) {
    course_.At(now + patience, [this, fault, number] {
      LosePatience(fault, number);
    });
  }
  course_.At(now + flap.down, [this, number] {
    FlapTo(number, /*up=*/true);
  });
  course_.At(now + flap.down + flap.up, [this, fault, number] {
    if (FlapTo(number, /*up=*/false)) {
      Flap(fault, number);
    }
  });
}

// False where it has been noticed meanwhile.
bool Breakdowns::FlapTo(std::uint64_t number, bool up) {
  Affliction* part = afflictions_.Find(number);
  if (part == nullptr) {
    return false;
  }
  course_.Advance();
  part->up = up;
  runs_.StallOrResume();
  return true;
}

// The link has been down for too long: the runs on it start again, on the same servers if need be.
void Breakdowns::LosePatience(const Fault& fault, std::uint64_t number) {
  const Affliction* found = afflictions_.Find(number);
  if (found == nullptr) {
    return;
  }
  course_.Advance();
  const Affliction part = *found;
  for (const JobIndex job : std::vector<JobIndex>(view_.active)) {
    if (Afflicts(view_, part, job) && view_.members[job].stalled()) {
      StopRun(job, fault);
    }
  }
}

void Breakdowns::StopRun(JobIndex job, const Fault& fault) {
  LifeFailure& account = accounts_[fault.kind];
  ++account.interruptions;
  const Seconds before = view_.members[job].run->lost();
  runs_.Interrupt(job,
                  ServerEvent(EventKind::kInterrupt, {fault.servers.site, fault.servers.first, 1},
                              faults_.NameOf(fault)),
                  /*lost=*/0);
  account.lost += view_.members[job].run->lost() - before;
}

void Breakdowns::TakeOut(const Fault& fault) {
  LifeFailure& account = accounts_[fault.kind];
  for (const Seconds lost : maintenance_.TakeDown(fault.servers, faults_.NameOf(fault))) {
    ++account.interruptions;
    account.lost += lost;
  }
  maintenance_.Replace(fault.servers);
  const Seconds back = course_.now() + fault.repair_time;
  if (back < course_.horizon()) {
    course_.At(back, [this, fault] {
      Repair(fault);
    });
  }
}

void Breakdowns::Repair(const Fault& fault) {
  course_.Advance();
  maintenance_.Repair(fault.servers);
  course_.Note(ServerEvent(EventKind::kRepair, fault.servers, faults_.kind(fault).name));
  course_.LookAgain();
}

}  // namespace gridlock
