#include "sim/cluster/relocation.h"

#include <algorithm>
#include <utility>

#include "sim/base/check.h"
#include "sim/cluster/servers.h"

namespace gridlock {

namespace {

bool IsFree(const ClusterView& view, const ServerRun& run) {
  const auto& free = view.servers.state(run.site).free;
  const auto first = free.begin() + run.first.value;
  return std::count(first, first + run.count, char{1}) == run.count;
}

bool IsFree(const ClusterView& view, const Start& start) {
  return std::all_of(start.placement.begin(), start.placement.end(), [&](const ServerRun& run) {
    return IsFree(view, run);
  });
}

}  // namespace

void Relocation::Begin(Start room_for, std::vector<Start> moves) {
  CHECK(!plan_);
  plan_ = Plan{std::move(room_for), std::move(moves)};
}

bool Relocation::Includes(JobIndex job) const {
  const auto is_of = [job](const Start& each) {
    return each.job == job;
  };
  return plan_ &&
         (is_of(plan_->room_for) || std::any_of(plan_->moves.begin(), plan_->moves.end(), is_of));
}

void Relocation::Hide(ClusterState& state) const {
  if (!plan_) {
    return;
  }
  const auto hide = [&state](const Start& start) {
    for (const ServerRun& run : start.placement) {
      auto& free = state.sites[run.site].free;
      std::fill_n(free.begin() + run.first.value, run.count, char{0});
    }
  };
  hide(plan_->room_for);
  std::for_each(plan_->moves.begin(), plan_->moves.end(), hide);
}

std::vector<Start> Relocation::Finish(const ClusterView& view) {
  const auto ended = [&view](const Start& start) {
    return view.members[start.job].run->phase() == TrainingRun::Phase::kEnded;
  };
  const auto waits = [&view](const Start& start) {
    return view.members[start.job].waits();
  };
  if (!plan_ || !std::all_of(plan_->moves.begin(), plan_->moves.end(), [&](const Start& move) {
        return waits(move) || ended(move);
      })) {
    return {};
  }
  Plan plan = *std::exchange(plan_, std::nullopt);
  std::vector<Start> starts = {std::move(plan.room_for)};
  for (Start& move : plan.moves) {
    if (!ended(move)) {
      starts.push_back(std::move(move));
    }
  }
  const bool free = std::all_of(starts.begin(), starts.end(), [&](const Start& start) {
    return IsFree(view, start);
  });
  return free ? starts : std::vector<Start>();
}

}  // namespace gridlock
