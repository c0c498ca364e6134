#pragma once

// What happens to training runs, from their start to their end: milestones, checkpoints, restarts,
// links that are cut under them. Who starts, stops and moves is decided elsewhere.

#include <cstdint>
#include <functional>
#include <vector>

#include "sim/cluster/course.h"
#include "sim/cluster/life_events.h"
#include "sim/cluster/member.h"
#include "sim/cluster/roster.h"

namespace gridlock {

class Runs {
 public:
  /// All that is given must outlive it.
  Runs(const ClusterView& view, Roster& roster, Course& course);
  Runs(const Runs&) = delete;
  Runs& operator=(const Runs&) = delete;

  /// A run that waits takes its servers, with the replicas that it is to train with. The rate of
  /// one that starts for the first time must be known.
  void Start(JobIndex job, const Placement& placement);

  /// A run goes at this rate from now on, which is that of its replicas with nothing in their way.
  void GoAt(JobIndex job, const StepRate& rate);

  /// Plans what each run that trains reaches next, at its present rate.
  void ArmMilestones();

  /// Stops a run; the event says why: kPreempt or kInterrupt. `lost` of its servers are gone at
  /// once; 0: it stopped by itself; -1: all are, for something else.
  void Interrupt(JobIndex job, LifeEvent event, std::int32_t lost = -1);

  /// Runs over a link that is cut off, or on a part that has failed unseen, wait where they stand;
  /// those that can go on do.
  void StallOrResume();

 private:
  /// What a run waits for.
  struct Pending {
    TimerId timer = TimerId::kNone;
    TransferId transfer = TransferId::kNone;
    TransferId background = TransferId::kNone;  ///< of an asynchronous checkpoint
  };

  void Restart(JobIndex job);
  void BeginTraining(JobIndex job);
  void BeginTrainingAfter(JobIndex job, Seconds time);
  [[nodiscard]] Seconds Rise(JobIndex job) const;
  void ArmMilestone(JobIndex job);
  void ReachMilestone(JobIndex job);
  void SaveCheckpoint(JobIndex job);
  void CopyCheckpoint(JobIndex job);
  void KeepCopy(JobIndex job);
  void TrainAgain(JobIndex job);
  TransferId Move(JobIndex job, Bytes bytes, std::function<void()> done);
  void Disarm(JobIndex job);
  void End(JobIndex job, Outcome outcome);
  void Stop(JobIndex job, LifeEvent event, TrainingRun::Stop why, TrainingRun::Recovery recovery);
  void StopToMove(JobIndex job);
  void GrowAgain(JobIndex job);
  /// Whether a run cannot go on: a link is cut, or a part has failed and nobody has noticed.
  [[nodiscard]] bool StandsStill(JobIndex job) const;

  const ClusterView& view_;
  Roster& roster_;
  Course& course_;
  std::vector<Pending> pending_;  ///< by job
};

}  // namespace gridlock
