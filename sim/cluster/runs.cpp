#include "sim/cluster/runs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/cluster/afflictions.h"
#include "sim/cluster/machine_now.h"
#include "sim/cluster/relocation.h"
#include "sim/cluster/rooms.h"
#include "sim/energy/energy.h"

namespace gridlock {

Runs::Runs(const ClusterView& view, Roster& roster, Course& course)
    : view_(view), roster_(roster), course_(course), pending_(view.members.size()) {}

void Runs::Start(JobIndex job, const Placement& placement) {
  TrainingRun& run = *roster_.member(job).run;
  const int data = run.spec().step.layout.data;
  const bool again = run.started_before();
  roster_.Hold(job, placement);
  run.Start(course_.now(), placement);
  LifeEvent event = JobEvent(EventKind::kStart, job, placement);
  if (run.replicas() < data) {
    event.detail = fmt::format("{} of {} replicas", run.replicas(), data);
  }
  course_.Note(std::move(event));
  if (again) {
    Restart(job);
  } else if (Rise(job) > Seconds(0)) {
    BeginTrainingAfter(job, Seconds(0));
  } else {
    BeginTraining(job);
  }
}

// Until its boards have risen to their limit it goes slower, as if it began later.
Seconds Runs::Rise(JobIndex job) const {
  const Member& member = view_.members[job];
  Seconds longest;
  for (std::size_t s = 0; s < member.servers.size(); ++s) {
    if (member.servers[s] > 0 && member.run->spec().recorded <= Seconds(0)) {
      const ServerSpec& server = view_.machine.site(IndexOf<SiteIndex>(s)).server;
      longest = std::max(longest, LostByRise(server.accelerator.power));
    }
  }
  return longest;
}

// Reads what it goes on from, then loads the program and connects everybody. Replicas that have
// kept their state only connect anew.
void Runs::Restart(JobIndex job) {
  Member& member = roster_.member(job);
  TrainingRun& run = *member.run;
  if (run.recovery() == TrainingRun::Recovery::kSurvivors) {
    if (run.stopped_at() >= course_.now()) {
      return BeginTrainingAfter(job, run.spec().elastic.reconfiguration_time);
    }
    run.FallBack();
  }
  const ReliabilitySpec& reliability = view_.scenario.reliability;
  const Seconds restart = reliability.restart_time + reliability.restart_time_per_accelerator *
                                                         run.step().layout.accelerators();
  if (run.recovery() == TrainingRun::Recovery::kMemory) {
    const Seconds copy = CheckpointBytes(run.spec()) / member.nics(view_.machine.sites());
    return BeginTrainingAfter(job, restart + copy);
  }
  if (run.has_checkpoint()) {
    pending_[job].transfer = Move(job, CheckpointBytes(run.spec()), [this, job, restart] {
      pending_[job].transfer = TransferId::kNone;
      BeginTrainingAfter(job, restart);
    });
  } else {
    BeginTrainingAfter(job, restart);
  }
}

void Runs::BeginTrainingAfter(JobIndex job, Seconds time) {
  pending_[job].timer = course_.At(course_.now() + time + Rise(job), [this, job] {
    pending_[job].timer = TimerId::kNone;
    course_.Advance();
    BeginTraining(job);
  });
}

// Its rate comes with the next look at the whole cluster, at this same instant.
void Runs::BeginTraining(JobIndex job) {
  TrainingRun& run = *roster_.member(job).run;
  run.Train(course_.now());
  if (StandsStill(job)) {
    run.Stall(course_.now());
  }
  course_.LookAgain();
}

void Runs::GoAt(JobIndex job, const StepRate& rate) {
  TrainingRun& run = *roster_.member(job).run;
  StepRate now = rate;
  const double longer = 1 / (1 - run.share_lost());  // for as many sequences
  if (longer > 1) {
    now.step_time = now.step_time * longer;
    now.energy = now.energy * longer;
    now.wan_bytes *= longer;
  }
  const double slowdown = view_.afflictions.SlowdownOf(view_, job);
  if (std::isfinite(slowdown) && slowdown > 1) {
    now.step_time = now.step_time * slowdown;
  }
  run.ChangeRate(course_.now(), now);
}

void Runs::Disarm(JobIndex job) {
  course_.Cancel(std::exchange(pending_[job].timer, TimerId::kNone));
  course_.Cancel(std::exchange(pending_[job].transfer, TransferId::kNone));
}

void Runs::ArmMilestones() {
  for (const JobIndex job : view_.active) {
    if (view_.members[job].trains()) {
      ArmMilestone(job);
    }
  }
}

void Runs::ArmMilestone(JobIndex job) {
  CHECK(pending_[job].transfer == TransferId::kNone);
  Disarm(job);
  const Seconds at = view_.members[job].run->next().at;
  if (at < course_.horizon()) {
    pending_[job].timer = course_.At(at, [this, job] {
      ReachMilestone(job);
    });
  }
}

void Runs::ReachMilestone(JobIndex job) {
  pending_[job].timer = TimerId::kNone;
  course_.Advance();
  TrainingRun& run = *roster_.member(job).run;
  const TrainingRun::Next next = run.next();
  run.Reach(next);
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

void Runs::SaveCheckpoint(JobIndex job) {
  TrainingRun& run = *roster_.member(job).run;
  run.Save(course_.now());
  if (run.spec().checkpoint.asynchronous && !view_.relocation.Includes(job)) {
    return CopyCheckpoint(job);
  }
  pending_[job].transfer = Move(job, CheckpointBytes(run.spec()), [this, job, &run] {
    pending_[job].transfer = TransferId::kNone;
    run.Saved(course_.now());
    course_.Note({.kind = EventKind::kCheckpoint, .job = job, .site = run.placement()[0].site});
    if (view_.relocation.Includes(job)) {
      return StopToMove(job);
    }
    TrainAgain(job);
    GrowAgain(job);
  });
}

// Training waits for the copy to the hosts; the storage gets it while training goes on.
void Runs::CopyCheckpoint(JobIndex job) {
  TrainingRun& run = *roster_.member(job).run;
  pending_[job].timer = course_.At(course_.now() + run.copy_time(), [this, job, &run] {
    course_.Advance();
    pending_[job].timer = TimerId::kNone;
    run.Copied(course_.now());
    pending_[job].background = Move(job, CheckpointBytes(run.spec()), [this, job, &run] {
      pending_[job].background = TransferId::kNone;
      run.Written(course_.now());
      course_.Note({.kind = EventKind::kCheckpoint, .job = job, .site = run.placement()[0].site});
      if (view_.members[job].trains()) {
        ArmMilestone(job);
        GrowAgain(job);
      }
    });
    TrainAgain(job);
  });
}

// Into the memory of the hosts, and from there to their neighbours while training goes on.
void Runs::KeepCopy(JobIndex job) {
  const Member& member = view_.members[job];
  TrainingRun& run = *roster_.member(job).run;
  run.Keep(course_.now());
  const PretrainingSpec& spec = run.spec();
  const Bytes copies = CheckpointBytes(spec) * static_cast<double>(spec.checkpoint.neighbours);
  const Seconds send = copies / member.nics(view_.machine.sites());
  pending_[job].timer = course_.At(course_.now() + run.copy_time(), [this, job, send, &run] {
    course_.Advance();
    pending_[job].timer = TimerId::kNone;
    run.Kept(course_.now(), course_.now() + send);
    TrainAgain(job);
  });
}

void Runs::TrainAgain(JobIndex job) {
  if (StandsStill(job)) {
    roster_.member(job).run->Stall(course_.now());
  } else {
    ArmMilestone(job);
  }
}

// Checkpoints go through the storage of the job's first site, at most as fast as its NICs there.
TransferId Runs::Move(JobIndex job, Bytes bytes, std::function<void()> done) {
  const Member& member = view_.members[job];
  const SiteIndex site = member.run->placement()[0].site;
  const ServerSpec& server = view_.machine.site(site).server;
  const BytesPerSecond nics =
      server.nic_bandwidth * (static_cast<double>(server.nics) * member.servers[site]);
  return course_.Carry(site, nics, bytes, std::move(done));
}

void Runs::End(JobIndex job, Outcome outcome) {
  Disarm(job);
  course_.Cancel(std::exchange(pending_[job].background, TransferId::kNone));
  const Placement placement = roster_.member(job).run->End(course_.now(), outcome);
  roster_.GiveUp(job, placement);
  const EventKind kind = outcome == Outcome::kFailed ? EventKind::kFail : EventKind::kEnd;
  course_.Note(JobEvent(kind, job, placement));
  roster_.Leave(job);
  course_.LookAgain();
}

void Runs::Stop(JobIndex job, LifeEvent event, TrainingRun::Stop why,
                TrainingRun::Recovery recovery) {
  TrainingRun& run = *roster_.member(job).run;
  Disarm(job);
  course_.Cancel(std::exchange(pending_[job].background, TransferId::kNone));
  event.job = job;
  if (event.site < 0) {
    event.site = run.placement()[0].site;
  }
  roster_.GiveUp(job, run.Interrupt(course_.now(), why, recovery));
  course_.Note(std::move(event));
  course_.LookAgain();
}

void Runs::Interrupt(JobIndex job, LifeEvent event, std::int32_t lost) {
  const auto why = event.kind == EventKind::kPreempt ? TrainingRun::Stop::kPreempted
                                                     : TrainingRun::Stop::kInterrupted;
  const TrainingRun::Recovery recovery = RecoveryOf(view_, view_.members[job], lost);
  Stop(job, std::move(event), why, recovery);
}

// It is saved.
void Runs::StopToMove(JobIndex job) {
  const std::string& for_whom = view_.members[view_.relocation.room_for()].spec->name;
  Stop(job, {.kind = EventKind::kPreempt, .detail = "moves for " + for_whom},
       TrainingRun::Stop::kMoves, TrainingRun::Recovery::kStorage);
}

// A checkpoint is whole: a run that has lost replicas takes back those that it can have.
void Runs::GrowAgain(JobIndex job) {
  const Member& member = view_.members[job];
  if (GainsByGrowing(view_, member)) {
    const bool quick = member.run->spec().elastic.reconfiguration_time > Seconds(0);
    Stop(job, {.kind = EventKind::kPreempt, .detail = "to take back replicas"},
         TrainingRun::Stop::kGrows,
         quick ? TrainingRun::Recovery::kSurvivors : TrainingRun::Recovery::kStorage);
  }
}

bool Runs::StandsStill(JobIndex job) const {
  return view_.machine.IsCutOff(view_.members[job].servers) ||
         std::isinf(view_.afflictions.SlowdownOf(view_, job));
}

void Runs::StallOrResume() {
  for (const JobIndex job : view_.active) {
    Member& member = roster_.member(job);
    if (!member.run) {
      continue;
    }
    const bool down = StandsStill(job);
    if (member.spec->spans && member.run->holds_servers() &&
        view_.machine.IsCutOff(member.servers) &&
        RoomFor(view_, member, /*holds=*/true).replicas > 0) {
      Interrupt(job, {.kind = EventKind::kInterrupt, .detail = "a site is cut off"}, 0);
      continue;
    }
    if (down && member.trains()) {
      Disarm(job);
      member.run->Stall(course_.now());
    } else if (!down && member.stalled()) {
      member.run->Train(course_.now());
    }
  }
  course_.LookAgain();
}

}  // namespace gridlock
