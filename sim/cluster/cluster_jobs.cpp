#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/cluster/cluster.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

/// What happens to a job and servers that it takes or gives back.
LifeEvent EventOf(EventKind kind, JobIndex job, const Placement& placement) {
  return {.kind = kind,
          .job = job,
          .site = placement[0].site,
          .server = placement[0].first,
          .servers = static_cast<std::int32_t>(ServersIn(placement))};
}

}  // namespace

// A checkpoint holds what training goes on from: weights in 16 bits, and master weights and two
// moments in 32 (mixed-precision Adam of Rajbhandari et al. 2020, section 3.1, less the gradients).
Bytes Cluster::CheckpointBytes(const PretrainingSpec& spec) {
  constexpr double kPerParameter = 2 + 3 * 4;
  return Bytes(kPerParameter * ModelParameters(spec.step.model));
}

void Cluster::Submit(JobIndex job) {
  AdvanceTo(timeline_.now());
  Member& member = members_[job];
  active_.insert(std::lower_bound(active_.begin(), active_.end(), job), job);
  if (member.run) {
    member.run->Submit(timeline_.now());
  } else {
    member.fleet->AdvanceTo(timeline_.now());
  }
  Note({.kind = EventKind::kSubmit, .job = job});
  ReconsiderSoon();
}

void Cluster::Hold(JobIndex job, const Placement& placement) {
  servers_.Take(job, placement);
  members_[job].last_site = placement[0].site;
  for (const ServerRun& run : placement) {
    members_[job].servers[run.site] += run.count;
  }
}

void Cluster::GiveUp(JobIndex job, const Placement& placement) {
  servers_.Give(job, placement);
  for (const ServerRun& run : placement) {
    members_[job].servers[run.site] -= run.count;
  }
}

void Cluster::Start(JobIndex job, const Placement& placement) {
  Member& member = members_[job];
  TrainingRun& run = *member.run;
  const bool again = run.started_before();
  Hold(job, placement);
  run.SetShrunk(member.replicas < run.spec().step.layout.data);
  run.Start(timeline_.now(), placement);
  LifeEvent event = EventOf(EventKind::kStart, job, placement);
  if (member.replicas < run.spec().step.layout.data) {
    event.detail = fmt::format("{} of {} replicas", member.replicas, run.spec().step.layout.data);
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
      scenario_.reliability.restart_time_per_accelerator * StepOf(member).layout.accelerators();
  if (run.recovery() == TrainingRun::Recovery::kMemory) {
    return begin_after(restart + CheckpointBytes(run.spec()) / NicsOf(member));
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
    member.rate.step_time = StepTimeAlone(member);
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
  if (run.spec().checkpoint.asynchronous && !Relocates(job)) {
    return CopyCheckpoint(job);
  }
  members_[job].transfer = Move(job, CheckpointBytes(run.spec()), [this, job] {
    members_[job].transfer = TransferId::kNone;
    members_[job].run->Saved(timeline_.now());
    Note({.kind = EventKind::kCheckpoint,
          .job = job,
          .site = members_[job].run->placement()[0].site});
    if (Relocates(job)) {
      return StopToMove(job);
    }
    TrainAgain(job);
    GrowAgain(job);
  });
}

// Training waits for the copy to the hosts; the storage gets it while training goes on.
void Cluster::CopyCheckpoint(JobIndex job) {
  Member& member = members_[job];
  const TrainingRun& run = *member.run;
  const Bytes bytes = CheckpointBytes(run.spec());
  const Seconds copy = bytes / static_cast<double>(StepOf(member).layout.accelerators()) /
                       run.spec().checkpoint.copy_bandwidth;
  member.timer = timeline_.At(timeline_.now() + copy, [this, job, bytes] {
    AdvanceTo(timeline_.now());
    Member& saving = members_[job];
    saving.timer = TimerId::kNone;
    saving.run->Copied(timeline_.now());
    saving.background = Move(job, bytes, [this, job] {
      Member& saved = members_[job];
      saved.background = TransferId::kNone;
      saved.run->Written(timeline_.now());
      Note({.kind = EventKind::kCheckpoint, .job = job, .site = saved.run->placement()[0].site});
      if (saved.run->phase() == TrainingRun::Phase::kTraining) {
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
  const CheckpointSpec& spec = member.run->spec().checkpoint;
  const Bytes bytes = CheckpointBytes(member.run->spec());
  const Seconds copy =
      bytes / static_cast<double>(StepOf(member).layout.accelerators()) / spec.copy_bandwidth;
  const Seconds send = bytes * static_cast<double>(spec.neighbours) / NicsOf(member);
  member.timer = timeline_.At(timeline_.now() + copy, [this, job, send] {
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

BytesPerSecond Cluster::NicsOf(const Member& member) const {
  BytesPerSecond nics;
  for (std::size_t s = 0; s < sites_.size(); ++s) {
    const ServerSpec& server = sites_[s].server;
    nics += server.nic_bandwidth * (static_cast<double>(server.nics) * member.servers[s]);
  }
  return nics;
}

// Checkpoints go through the storage of the job's first site, at most as fast as its NICs there.
TransferId Cluster::Move(JobIndex job, Bytes bytes, std::function<void()> done) {
  Member& member = members_[job];
  const SiteIndex site = member.run->placement()[0].site;
  const ServerSpec& server = sites_[site].server;
  const BytesPerSecond nics =
      server.nic_bandwidth * (static_cast<double>(server.nics) * member.servers[site]);
  const Seconds begin = timeline_.now();
  return timeline_.Start({site}, bytes, nics, [this, begin, bytes, done] {
    AdvanceTo(timeline_.now());
    const Seconds took = timeline_.now() - begin;
    if (took > Seconds(0)) {
      ledger_.storage_bytes().Add(begin, timeline_.now(), (bytes / took).si());
    }
    done();
  });
}

void Cluster::End(JobIndex job, Outcome outcome) {
  Member& member = members_[job];
  Disarm(member);
  (void)timeline_.Cancel(std::exchange(member.background, TransferId::kNone));
  const Placement placement = member.run->End(timeline_.now(), outcome);
  GiveUp(job, placement);
  active_.erase(std::lower_bound(active_.begin(), active_.end(), job));
  Note(EventOf(outcome == Outcome::kFailed ? EventKind::kFail : EventKind::kEnd, job, placement));
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

void Cluster::Interrupt(JobIndex job, LifeEvent event, std::int32_t lost) {
  Member& member = members_[job];
  Disarm(member);
  (void)timeline_.Cancel(std::exchange(member.background, TransferId::kNone));
  event.job = job;
  if (event.site < 0) {
    event.site = member.run->placement()[0].site;
  }
  GiveUp(job,
         member.run->Interrupt(timeline_.now(),
                               event.kind == EventKind::kPreempt ? TrainingRun::Stop::kPreempted
                                                                 : TrainingRun::Stop::kInterrupted,
                               RecoveryOf(member, lost)));
  Note(std::move(event));
  ReconsiderSoon();
}

bool Cluster::WanIsDown(const Member& member) const {
  for (std::size_t w = 0; w < wans_.size(); ++w) {
    if (wan_outages_[w] > 0 && member.servers[wans_[w].from] > 0 &&
        member.servers[wans_[w].to] > 0) {
      return true;
    }
  }
  return false;
}

}  // namespace gridlock
