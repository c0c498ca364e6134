#include <algorithm>
#include <utility>

#include "sim/base/check.h"
#include "sim/cluster/cluster.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

// A checkpoint holds what training goes on from: weights in 16 bits, and master weights and two
// moments in 32 (mixed-precision Adam of Rajbhandari et al. 2020, section 3.1, less the gradients).
constexpr double kCheckpointBytesPerParameter = 2 + 3 * 4;

Bytes CheckpointBytes(const PretrainingSpec& spec) {
  return Bytes(kCheckpointBytesPerParameter * ModelParameters(spec.step.model));
}

/// What happens to a job and servers that it takes or gives back.
LifeEvent EventOf(EventKind kind, JobIndex job, const Placement& placement) {
  return {.kind = kind,
          .job = job,
          .site = placement[0].site,
          .server = placement[0].first,
          .servers = static_cast<std::int32_t>(ServersIn(placement))};
}

}  // namespace

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
  TrainingRun& run = *members_[job].run;
  const bool again = run.started_before();
  Hold(job, placement);
  run.Start(timeline_.now(), placement);
  Note(EventOf(EventKind::kStart, job, placement));
  if (!again) {
    BeginTraining(job);
    return;
  }
  const auto load = [this, job] {
    members_[job].timer =
        timeline_.At(timeline_.now() + scenario_.reliability.restart_time, [this, job] {
          members_[job].timer = TimerId::kNone;
          AdvanceTo(timeline_.now());
          BeginTraining(job);
        });
  };
  if (run.has_checkpoint()) {
    Move(job, CheckpointBytes(run.spec()), load);
  } else {
    load();
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
    case TrainingRun::Milestone::kFail:
      return End(job, Outcome::kFailed);
    case TrainingRun::Milestone::kFinish:
      return End(job, Outcome::kFinished);
  }
}

void Cluster::SaveCheckpoint(JobIndex job) {
  TrainingRun& run = *members_[job].run;
  run.Save(timeline_.now());
  Move(job, CheckpointBytes(run.spec()), [this, job] {
    members_[job].run->Saved(timeline_.now());
    Note({.kind = EventKind::kCheckpoint,
          .job = job,
          .site = members_[job].run->placement()[0].site});
    if (StandsStill(job)) {
      members_[job].run->Stall(timeline_.now());
    } else {
      ArmMilestone(job);
    }
  });
}

// Checkpoints go through the storage of the job's first site, at most as fast as its NICs there.
void Cluster::Move(JobIndex job, Bytes bytes, std::function<void()> done) {
  Member& member = members_[job];
  const SiteIndex site = member.run->placement()[0].site;
  const ServerSpec& server = sites_[site].server;
  const BytesPerSecond nics =
      server.nic_bandwidth * (static_cast<double>(server.nics) * member.servers[site]);
  const Seconds begin = timeline_.now();
  member.transfer = timeline_.Start({site}, bytes, nics, [this, job, begin, bytes, done] {
    members_[job].transfer = TransferId::kNone;
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

void Cluster::Interrupt(JobIndex job, LifeEvent event) {
  Member& member = members_[job];
  Disarm(member);
  event.job = job;
  if (event.site < 0) {
    event.site = member.run->placement()[0].site;
  }
  GiveUp(job, member.run->Interrupt(timeline_.now(), event.kind == EventKind::kPreempt));
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
