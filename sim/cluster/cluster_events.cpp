// What happens to runs, event by event: milestones, checkpoints, restarts, failures.

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/life_events.h"
#include "sim/cluster/rooms.h"

namespace gridlock {

void Cluster::Start(JobIndex job, const Placement& placement) {
  Member& member = members_[job];
  TrainingRun& run = *member.run;
  const int data = run.spec().step.layout.data;
  const bool again = run.started_before();
  Hold(job, placement);
  run.SetShrunk(member.replicas < data);
  run.Start(timeline_.now(), placement);
  LifeEvent event = JobEvent(EventKind::kStart, job, placement);
  if (member.replicas < data) {
    event.detail = fmt::format("{} of {} replicas", member.replicas, data);
  }
  Note(std::move(event));
  if (again) {
    Restart(job);
  } else {
    BeginTraining(job);
  }
}

// Reads what it goes on from, then loads the program and connects everybody. Replicas that have
// kept their state only connect anew.
void Cluster::Restart(JobIndex job) {
  Member& member = members_[job];
  TrainingRun& run = *member.run;
  const auto begin_after = [this, job](Seconds time) {
    members_[job].timer = timeline_.At(timeline_.now() + time, [this, job] {
      members_[job].timer = TimerId::kNone;
      AdvanceTo(timeline_.now());
      BeginTraining(job);
    });
  };
  if (run.recovery() == TrainingRun::Recovery::kSurvivors) {
    if (run.stopped_at() >= timeline_.now()) {
      return begin_after(run.spec().elastic.reconfiguration_time);
    }
    run.FallBack();
  }
  const Seconds restart =
      scenario_.reliability.restart_time +
      scenario_.reliability.restart_time_per_accelerator * member.step().layout.accelerators();
  if (run.recovery() == TrainingRun::Recovery::kMemory) {
    return begin_after(restart + CheckpointBytes(run.spec()) / member.nics(machine_.sites()));
  }
  if (run.has_checkpoint()) {
    member.transfer = Move(job, CheckpointBytes(run.spec()), [this, job, begin_after, restart] {
      members_[job].transfer = TransferId::kNone;
      begin_after(restart);
    });
  } else {
    begin_after(restart);
  }
}

// Its rate comes with the next look at the whole cluster, at this same instant.
void Cluster::BeginTraining(JobIndex job) {
  Member& member = members_[job];
  if (member.rate.step_time <= Seconds(0)) {
    member.rate.step_time = rates_.StepAlone(View(), job, caps_.levels());
  }
  member.run->Train(timeline_.now(), member.rate.step_time);
  if (StandsStill(job)) {
    member.run->Stall(timeline_.now());
  }
  ReconsiderSoon();
}

void Cluster::Disarm(Member& member) {
  timeline_.Cancel(std::exchange(member.timer, TimerId::kNone));
  (void)timeline_.Cancel(std::exchange(member.transfer, TransferId::kNone));
}

void Cluster::ArmMilestone(JobIndex job) {
  Member& member = members_[job];
  CHECK(member.transfer == TransferId::kNone);
  Disarm(member);
  const Seconds at = member.run->next().at;
  if (at < scenario_.horizon) {
    member.timer = timeline_.At(at, [this, job] {
      ReachMilestone(job);
    });
  }
}

void Cluster::ReachMilestone(JobIndex job) {
  Member& member = members_[job];
  member.timer = TimerId::kNone;
  AdvanceTo(timeline_.now());
  const TrainingRun::Next next = member.run->next();
  member.run->Reach(next);
  switch (next.milestone) {
    case TrainingRun::Milestone::kSave:
      return SaveCheckpoint(job);
    case TrainingRun::Milestone::kKeep:
      return KeepCopy(job);
    case TrainingRun::Milestone::kFail:
      return End(job, Outcome::kFailed);
    case TrainingRun::Milestone::kFinish:
      return End(job, Outcome::kFinished);
  }
}

void Cluster::SaveCheckpoint(JobIndex job) {
  TrainingRun& run = *members_[job].run;
  run.Save(timeline_.now());
  if (run.spec().checkpoint.asynchronous && !relocation_.Includes(job)) {
    return CopyCheckpoint(job);
  }
  members_[job].transfer = Move(job, CheckpointBytes(run.spec()), [this, job] {
    members_[job].transfer = TransferId::kNone;
    members_[job].run->Saved(timeline_.now());
    Note({.kind = EventKind::kCheckpoint,
          .job = job,
          .site = members_[job].run->placement()[0].site});
    if (relocation_.Includes(job)) {
      return StopToMove(job);
    }
    TrainAgain(job);
    GrowAgain(job);
  });
}

// Training waits for the copy to the hosts; the storage gets it while training goes on.
void Cluster::CopyCheckpoint(JobIndex job) {
  Member& member = members_[job];
  member.timer = timeline_.At(timeline_.now() + member.copy_time(), [this, job] {
    AdvanceTo(timeline_.now());
    Member& saving = members_[job];
    saving.timer = TimerId::kNone;
    saving.run->Copied(timeline_.now());
    saving.background = Move(job, CheckpointBytes(saving.run->spec()), [this, job] {
      Member& saved = members_[job];
      saved.background = TransferId::kNone;
      saved.run->Written(timeline_.now());
      Note({.kind = EventKind::kCheckpoint, .job = job, .site = saved.run->placement()[0].site});
      if (saved.trains()) {
        ArmMilestone(job);
        GrowAgain(job);
      }
    });
    TrainAgain(job);
  });
}

// Into the memory of the hosts, and from there to their neighbours while training goes on.
void Cluster::KeepCopy(JobIndex job) {
  Member& member = members_[job];
  member.run->Keep(timeline_.now());
  const PretrainingSpec& spec = member.run->spec();
  const Bytes copies = CheckpointBytes(spec) * static_cast<double>(spec.checkpoint.neighbours);
  const Seconds send = copies / member.nics(machine_.sites());
  member.timer = timeline_.At(timeline_.now() + member.copy_time(), [this, job, send] {
    AdvanceTo(timeline_.now());
    members_[job].timer = TimerId::kNone;
    members_[job].run->Kept(timeline_.now(), timeline_.now() + send);
    TrainAgain(job);
  });
}

void Cluster::TrainAgain(JobIndex job) {
  if (StandsStill(job)) {
    members_[job].run->Stall(timeline_.now());
  } else {
    ArmMilestone(job);
  }
}

// Checkpoints go through the storage of the job's first site, at most as fast as its NICs there.
TransferId Cluster::Move(JobIndex job, Bytes bytes, std::function<void()> done) {
  Member& member = members_[job];
  const SiteIndex site = member.run->placement()[0].site;
  const ServerSpec& server = machine_.site(site).server;
  const BytesPerSecond nics =
      server.nic_bandwidth * (static_cast<double>(server.nics) * member.servers[site]);
  return Carry(site, nics, bytes, std::move(done));
}

void Cluster::End(JobIndex job, Outcome outcome) {
  Member& member = members_[job];
  Disarm(member);
  (void)timeline_.Cancel(std::exchange(member.background, TransferId::kNone));
  const Placement placement = member.run->End(timeline_.now(), outcome);
  GiveUp(job, placement);
  active_.erase(std::lower_bound(active_.begin(), active_.end(), job));
  Note(JobEvent(outcome == Outcome::kFailed ? EventKind::kFail : EventKind::kEnd, job, placement));
  const std::string& cohort = member.spec->cohort;
  if (!cohort.empty() && --cohort_left_[cohort] == 0) {
    for (const JobIndex next : after_cohort_[cohort]) {
      timeline_.At(std::max(timeline_.now(), members_[next].spec->start), [this, next] {
        Submit(next);
      });
    }
  }
  ReconsiderSoon();
}

void Cluster::Stop(JobIndex job, LifeEvent event, TrainingRun::Stop why,
                   TrainingRun::Recovery recovery) {
  Member& member = members_[job];
  Disarm(member);
  (void)timeline_.Cancel(std::exchange(member.background, TransferId::kNone));
  event.job = job;
  if (event.site < 0) {
    event.site = member.run->placement()[0].site;
  }
  GiveUp(job, member.run->Interrupt(timeline_.now(), why, recovery));
  Note(std::move(event));
  ReconsiderSoon();
}

void Cluster::Interrupt(JobIndex job, LifeEvent event, std::int32_t lost) {
  const auto why = event.kind == EventKind::kPreempt ? TrainingRun::Stop::kPreempted
                                                     : TrainingRun::Stop::kInterrupted;
  const TrainingRun::Recovery recovery = RecoveryOf(View(), members_[job], lost);
  Stop(job, std::move(event), why, recovery);
}

// It is saved.
void Cluster::StopToMove(JobIndex job) {
  const std::string& for_whom = members_[relocation_.room_for()].spec->name;
  Stop(job, {.kind = EventKind::kPreempt, .detail = "moves for " + for_whom},
       TrainingRun::Stop::kMoves, TrainingRun::Recovery::kStorage);
}

// A checkpoint is whole: a run that has lost replicas takes back those that it can have.
void Cluster::GrowAgain(JobIndex job) {
  if (GainsByGrowing(View(), members_[job])) {
    const bool quick = members_[job].run->spec().elastic.reconfiguration_time > Seconds(0);
    Stop(job, {.kind = EventKind::kPreempt, .detail = "to take back replicas"},
         TrainingRun::Stop::kGrows,
         quick ? TrainingRun::Recovery::kSurvivors : TrainingRun::Recovery::kStorage);
  }
}

void Cluster::PlanFailures(SiteIndex site) {
  for (const DeliveredServers& delivery : DeliveriesTo(site, machine_.site(site))) {
    const ServerRun servers = delivery.servers;
    for (std::int32_t i = 0; i < servers.count; ++i) {
      (void)servers_.TakeDown(site, {servers.first + i});
    }
    if (delivery.at < scenario_.horizon) {
      timeline_.At(delivery.at, [this, servers] {
        AdvanceTo(timeline_.now());
        machine_.Deliver(servers.site, servers.count);
        BringServers(servers);
        Note(ServerEvent(EventKind::kRestore, servers, "delivered"));
        ReconsiderSoon();
      });
    }
  }
  for (const ServerIndex server : spares_.off(site)) {
    (void)servers_.TakeDown(site, server);
  }
  servers_.Reserve(site, spares_.kept_free(site));
  for (std::size_t kind = 0; kind < faults_.kinds().size(); ++kind) {
    FailNext(site, kind);
  }
}

void Cluster::BringServers(const ServerRun& servers) {
  for (std::int32_t i = 0; i < servers.count; ++i) {
    (void)servers_.BringBack(servers.site, {servers.first + i});
  }
}

void Cluster::FailNext(SiteIndex site, std::size_t kind) {
  const std::optional<Fault> fault = faults_.Next(site, kind, timeline_.now());
  if (fault) {
    timeline_.At(fault->at, [this, fault = *fault] {
      FailNext(fault.servers.site, fault.kind);
      BeginFailure(fault);
    });
  }
}

// What is down already, and a run that is not there, cannot fail.
void Cluster::BeginFailure(const Fault& fault) {
  const FailureSpec& kind = faults_.kind(fault);
  const bool run_alone = faults_.HitsRunAlone(fault);
  const SiteIndex site = fault.servers.site;
  JobIndex run;
  if (run_alone) {
    run = servers_.holder(site, fault.server);
    if (run < 0 || !members_[run].run || !servers_.in_service(site, fault.server)) {
      return;
    }
  } else if (servers_.InService(fault.servers) == 0) {
    return;
  }
  AdvanceTo(timeline_.now());
  const std::int32_t taken = run_alone ? 0 : fault.servers.count;
  Note(ServerEvent(EventKind::kFailure, {site, fault.servers.first, taken}, kind.name));
  LifeFailure& account = record_.failures[fault.kind];
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

void Cluster::Afflict(const Fault& fault, JobIndex run) {
  const FailureSpec& kind = faults_.kind(fault);
  const std::uint64_t number =
      afflictions_.Begin({.servers = fault.servers,
                          .run = run,
                          .placed_at = run < 0 ? Seconds(0) : members_[run].run->placed_at(),
                          .slowdown = kind.slowdown});
  StallOrResume();
  if (kind.flaps.flaps()) {
    Flap(fault, number);
  }
  timeline_.At(timeline_.now() + kind.detection_time, [this, fault, number] {
    NoticeFailure(fault, number);
  });
}

void Cluster::NoticeFailure(const Fault& fault, std::uint64_t number) {
  AdvanceTo(timeline_.now());
  const Affliction affliction = afflictions_.Notice(number);
  if (affliction.run < 0) {
    TakeOut(fault);
  } else if (Afflicts(View(), affliction, affliction.run)) {
    StopRun(affliction.run, fault);
  }
  StallOrResume();
}

// It has just gone down, and comes up again after a time.
void Cluster::Flap(const Fault& fault, std::uint64_t number) {
  const Faults::Flap flap = faults_.NextFlap(fault);
  const Seconds patience = faults_.kind(fault).flaps.patience;
  const Seconds now = timeline_.now();
  if (patience > Seconds(0) && flap.down > patience) {
    timeline_.At(now + patience, [this, fault, number] {
      GiveUpOn(fault, number);
    });
  }
  timeline_.At(now + flap.down, [this, number] {
    FlapTo(number, /*up=*/true);
  });
  timeline_.At(now + flap.down + flap.up, [this, fault, number] {
    if (FlapTo(number, /*up=*/false)) {
      Flap(fault, number);
    }
  });
}

// False where it has been noticed meanwhile.
bool Cluster::FlapTo(std::uint64_t number, bool up) {
  Affliction* part = afflictions_.Find(number);
  if (part == nullptr) {
    return false;
  }
  AdvanceTo(timeline_.now());
  part->up = up;
  StallOrResume();
  return true;
}

// The link has been down for too long: the runs on it start again, on the same servers if need be.
void Cluster::GiveUpOn(const Fault& fault, std::uint64_t number) {
  const Affliction* found = afflictions_.Find(number);
  if (found == nullptr) {
    return;
  }
  AdvanceTo(timeline_.now());
  const Affliction part = *found;
  for (const JobIndex job : std::vector<JobIndex>(active_)) {
    if (Afflicts(View(), part, job) && members_[job].stalled()) {
      StopRun(job, fault);
    }
  }
}

void Cluster::StopRun(JobIndex job, const Fault& fault) {
  LifeFailure& account = record_.failures[fault.kind];
  ++account.interruptions;
  account.lost += members_[job].run->unsaved();
  Interrupt(job,
            ServerEvent(EventKind::kInterrupt, {fault.servers.site, fault.servers.first, 1},
                        faults_.NameOf(fault)),
            /*lost=*/0);
}

void Cluster::TakeOut(const Fault& fault) {
  const SiteIndex site = fault.servers.site;
  TakeDown(fault.servers, faults_.NameOf(fault), &record_.failures[fault.kind]);
  for (const ServerIndex server : spares_.TakeOut(site, fault.servers.count)) {
    timeline_.At(timeline_.now() + scenario_.reliability.cold_start, [this, site, server] {
      SwitchOn(site, server);
    });
  }
  servers_.Reserve(site, spares_.kept_free(site));
  const Seconds back = timeline_.now() + fault.repair_time;
  if (back < scenario_.horizon) {
    timeline_.At(back, [this, fault] {
      Repair(fault);
    });
  }
}

void Cluster::SwitchOn(SiteIndex site, ServerIndex server) {
  AdvanceTo(timeline_.now());
  spares_.SwitchedOn(site);
  (void)servers_.BringBack(site, server);
  servers_.Reserve(site, spares_.kept_free(site));
  ReconsiderSoon();
}

void Cluster::Repair(const Fault& fault) {
  AdvanceTo(timeline_.now());
  const SiteIndex site = fault.servers.site;
  for (const ServerIndex server : spares_.Repair(fault.servers)) {
    (void)servers_.BringBack(site, server);
  }
  servers_.Reserve(site, spares_.kept_free(site));
  Note(ServerEvent(EventKind::kRepair, fault.servers, faults_.kind(fault).name));
  ReconsiderSoon();
}

// All of them at the same instant.
void Cluster::TakeDown(const ServerRun& servers, const std::string& why, LifeFailure* account) {
  for (std::int32_t i = 0; i < servers.count; ++i) {
    const ServerIndex server{servers.first + i};
    const JobIndex job = servers_.TakeDown(servers.site, server);
    if (job < 0) {
      continue;
    }
    if (members_[job].run) {
      if (account != nullptr) {
        ++account->interruptions;
        account->lost += members_[job].run->unsaved();
      }
      Interrupt(job, ServerEvent(EventKind::kInterrupt, {servers.site, server, 1}, why),
                servers_.HeldBy(job, servers));
    } else {
      DropFromFleet(job, servers.site, server);
    }
    ReconsiderSoon();
  }
}

bool Cluster::StandsStill(JobIndex job) const {
  return machine_.IsCutOff(members_[job].servers) ||
         std::isinf(afflictions_.SlowdownOf(View(), job));
}

// Jobs over a link that is cut off, or on a part that has failed unseen, wait where they stand.
void Cluster::StallOrResume() {
  for (const JobIndex job : active_) {
    Member& member = members_[job];
    if (!member.run) {
      continue;
    }
    const bool down = StandsStill(job);
    if (member.spec->spans && member.run->holds_servers() && machine_.IsCutOff(member.servers) &&
        RoomFor(View(), member, /*holds=*/true).replicas > 0) {
      Interrupt(job, {.kind = EventKind::kInterrupt, .detail = "a site is cut off"}, 0);
      continue;
    }
    if (down && member.trains()) {
      Disarm(member);
      member.run->Stall(timeline_.now());
    } else if (!down && member.stalled()) {
      member.run->Train(timeline_.now(), member.rate.step_time);
    }
  }
  ReconsiderSoon();
}

}  // namespace gridlock
