#pragma once

// Runs that make room for another one: at most one plan at a time is under way. It says who has
// stopped and what starts then; the cluster does it.

#include <optional>
#include <string>
#include <vector>

#include "sim/cluster/member.h"
#include "sim/scheduler/scheduler.h"

namespace gridlock {

class Relocation {
 public:
  [[nodiscard]] bool under_way() const { return plan_.has_value(); }

  /// The runs of `moves` are to be saved and to stop. CHECKs that no other plan is under way.
  void Begin(Start room_for, std::vector<Start> moves);

  /// Whether a job is part of the plan: it is not in the queue.
  [[nodiscard]] bool Includes(JobIndex job) const;

  /// The job that room is made for.
  [[nodiscard]] JobIndex room_for() const { return plan_->room_for.job; }

  /// Marks what the plan will use as not free.
  void Hide(ClusterState& state) const;

  /// When all runs that move have stopped or ended: what starts now, the job that waited first.
  /// Nothing where the plan has come to nothing, because a server of it has failed or is taken: all
  /// wait in the queue. The plan is no more then.
  std::vector<Start> Finish(const ClusterView& view);

 private:
  struct Plan {
    Start room_for;
    std::vector<Start> moves;
  };

  std::optional<Plan> plan_;
};

}  // namespace gridlock
