#include <algorithm>
#include <utility>

#include "sim/base/check.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/job_sites.h"
#include "workloads/transformer.h"

namespace gridlock {

// A run that trains and can be saved may move, on its servers' like. It is held up by a checkpoint,
// by reading it again, and by the restart.
void Cluster::SetMovable(const Member& member, RunningJob& running) const {
  const TrainingRun& run = *member.run;
  const bool trains = run.phase() == TrainingRun::Phase::kTraining;
  if (!trains || !run.can_be_saved() || run.spec().recorded > Seconds(0) || member.spec->spans ||
      ShareLost(member) > 0) {
    return;
  }
  running.sites = AllowedSites(*member.spec, sites_);
  running.within = member.spec->within;
  const SiteIndex site = run.placement()[0].site;
  const ReliabilitySpec& reliability = scenario_.reliability;
  running.move_time =
      2 * (CheckpointBytes(run.spec()) / std::min(sites_[site].storage_bandwidth, NicsOf(member))) +
      reliability.restart_time +
      reliability.restart_time_per_accelerator *
          static_cast<double>(run.spec().step.layout.accelerators());
}

bool Cluster::Relocates(JobIndex job) const {
  if (!relocation_) {
    return false;
  }
  const auto moves = [job](const gridlock::Start& each) {
    return each.job == job;
  };
  return moves(relocation_->room_for) ||
         std::any_of(relocation_->moves.begin(), relocation_->moves.end(), moves);
}

void Cluster::HideRelocation(ClusterState& state) const {
  if (!relocation_) {
    return;
  }
  const auto hide = [&state](const gridlock::Start& start) {
    for (const ServerRun& run : start.placement) {
      auto& free = state.sites[run.site].free;
      std::fill_n(free.begin() + run.first.value, run.count, char{0});
    }
  };
  hide(relocation_->room_for);
  std::for_each(relocation_->moves.begin(), relocation_->moves.end(), hide);
}

void Cluster::BeginRelocation(gridlock::Start room_for, std::vector<gridlock::Start> moves) {
  CHECK(!relocation_);
  relocation_ = Relocation{std::move(room_for), std::move(moves)};
  for (const gridlock::Start& move : relocation_->moves) {
    members_[move.job].run->AskToSave();
  }
}

// It is saved.
void Cluster::StopToMove(JobIndex job) {
  Member& member = members_[job];
  Disarm(member);
  (void)timeline_.Cancel(std::exchange(member.background, TransferId::kNone));
  const SiteIndex site = member.run->placement()[0].site;
  GiveUp(job, member.run->Interrupt(timeline_.now(), TrainingRun::Stop::kMoves,
                                    TrainingRun::Recovery::kStorage));
  Note({.kind = EventKind::kPreempt,
        .job = job,
        .site = site,
        .detail = "moves for " + members_[relocation_->room_for.job].spec->name});
  ReconsiderSoon();
}

// When nobody holds its old servers any more. A plan that has come to nothing, because a server of
// it has failed or is taken, is dropped: all wait in the queue.
void Cluster::FinishRelocation() {
  if (!relocation_) {
    return;
  }
  const auto waits = [this](JobIndex job) {
    return members_[job].run->phase() == TrainingRun::Phase::kWaiting;
  };
  const auto ended = [this](JobIndex job) {
    return members_[job].run->phase() == TrainingRun::Phase::kEnded;
  };
  for (const gridlock::Start& move : relocation_->moves) {
    if (!waits(move.job) && !ended(move.job)) {
      return;
    }
  }
  Relocation plan = *std::exchange(relocation_, std::nullopt);
  std::erase_if(plan.moves, [&](const gridlock::Start& move) {
    return ended(move.job);
  });
  plan.moves.insert(plan.moves.begin(), plan.room_for);
  const bool free =
      std::all_of(plan.moves.begin(), plan.moves.end(), [this](const gridlock::Start& start) {
        return std::all_of(start.placement.begin(), start.placement.end(),
                           [this](const ServerRun& run) {
                             const auto& site = servers_.state(run.site).free;
                             const auto first = site.begin() + run.first.value;
                             return std::count(first, first + run.count, char{1}) == run.count;
                           });
      });
  for (const gridlock::Start& start : plan.moves) {
    if (!free || !waits(start.job) || !MayStart(start.job, start.placement)) {
      return;  // those that are left wait in the queue
    }
    members_[start.job].replicas = members_[start.job].run->spec().step.layout.data;
    Start(start.job, start.placement);
  }
}

}  // namespace gridlock
