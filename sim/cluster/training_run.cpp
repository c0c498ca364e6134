#include "sim/cluster/training_run.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sim/base/check.h"
#include "workloads/adapters.h"
#include "workloads/schedule.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

// A step is whole when it is to this share of itself: rates change while it runs, and sums round.
constexpr double kWhole = 1e-6;

}  // namespace

// Of what is trained: weights in 16 bits, and master weights and two moments in 32 (mixed-precision
// Adam of Rajbhandari et al. 2020, section 3.1, less the gradients), or the moments that another
// optimizer keeps. A master copy is saved whole, also where a stack keeps half of it beside
// weights.
Bytes CheckpointBytes(const PretrainingSpec& spec) {
  const TrainingSpec& step = spec.step;
  const bool adam = step.optimizer.moments == 2 && step.optimizer.moment_bytes == 0;
  const double states = 4 + (adam ? 2 * 4 : StatesOf(step).moments);
  if (step.trains_all()) {
    return Bytes((2 + states) * ModelParameters(step.model));
  }
  TrainingSpec whole = step;
  whole.layout = Layout();
  return Bytes((2 + states) * TrainedPerRank(whole, PartOf(whole, 0, 0)).total());
}

TrainingRun::TrainingRun(const PretrainingSpec& spec)
    : spec_(&spec), step_flop_(spec.recorded > Seconds(0) ? Flop(0) : ModelFlop(spec.step)) {}

void TrainingRun::AdvanceTo(Seconds now) {
  const Seconds passed = now - now_;
  now_ = now;
  shrunk_ += share_lost() > 0 && holds_servers() ? passed : Seconds(0);
  switch (phase_) {
    case Phase::kNotSubmitted:
    case Phase::kEnded:
      return;
    case Phase::kWaiting:
      waiting_ += passed;
      return;
    case Phase::kRestarting:
      restarting_ += passed;
      return;
    case Phase::kTraining:
      unsaved_ += passed;
      done_ += passed / rate_.step_time;
      return;
    case Phase::kSaving:
      checkpointing_ += passed;
      return;
    case Phase::kStalled:
      stalled_ += passed;
      return;
  }
}

void TrainingRun::Submit(Seconds now) {
  CHECK(phase_ == Phase::kNotSubmitted);
  now_ = submit_ = now;
  phase_ = Phase::kWaiting;
  outcome_ = Outcome::kWaiting;
}

void TrainingRun::Start(Seconds now, Placement placement) {
  AdvanceTo(now);
  CHECK(phase_ == Phase::kWaiting);
  if (start_.si() < 0) {
    start_ = now;
  }
  placed_at_ = now;
  placement_ = std::move(placement);
  phase_ = Phase::kRestarting;
  outcome_ = Outcome::kRunning;
}

void TrainingRun::TrainWith(int replicas) {
  replicas_ = replicas;
  const TrainingSpec& whole = spec_->step;
  if (share_lost() > 0) {
    const auto [entry, added] = fewer_.try_emplace(replicas, whole);
    if (added) {
      entry->second.layout.data = replicas;
      entry->second.global_batch = whole.global_batch / whole.layout.data * replicas;
    }
  }
}

void TrainingRun::ChangeRate(Seconds now, const StepRate& rate) {
  AdvanceTo(now);
  rate_ = rate;
}

void TrainingRun::Train(Seconds now) {
  AdvanceTo(now);
  CHECK(holds_servers() && rate_.step_time > Seconds(0));
  if (phase_ == Phase::kRestarting) {
    last_save_ = last_keep_ = now;
  }
  phase_ = Phase::kTraining;
}

void TrainingRun::Stall(Seconds now) {
  AdvanceTo(now);
  CHECK(phase_ == Phase::kTraining);
  phase_ = Phase::kStalled;
}

void TrainingRun::Save(Seconds now) {
  AdvanceTo(now);
  CHECK(phase_ == Phase::kTraining);
  phase_ = Phase::kSaving;
  last_save_ = now;
  asked_to_save_ = false;
}

void TrainingRun::Saved(Seconds now) {
  AdvanceTo(now);
  CHECK(phase_ == Phase::kSaving);
  saved_ = done_;
  training_ += unsaved_;
  unsaved_ = memory_unsaved_[0] = memory_unsaved_[1] = Seconds(0);
  phase_ = Phase::kTraining;
}

void TrainingRun::Copied(Seconds now) {
  AdvanceTo(now);
  CHECK(phase_ == Phase::kSaving && !writing_);
  writing_ = true;
  written_ = done_;
  written_unsaved_ = unsaved_;
  phase_ = Phase::kTraining;
}

void TrainingRun::Written(Seconds now) {
  AdvanceTo(now);
  CHECK(writing_);
  writing_ = false;
  saved_ = written_;
  training_ += written_unsaved_;
  unsaved_ = std::max(Seconds(0), unsaved_ - written_unsaved_);
  for (Seconds& held : memory_unsaved_) {
    held = std::max(Seconds(0), held - written_unsaved_);
  }
}

void TrainingRun::Keep(Seconds now) {
  AdvanceTo(now);
  CHECK(phase_ == Phase::kTraining);
  phase_ = Phase::kSaving;
  last_keep_ = now;
}

void TrainingRun::Kept(Seconds now, Seconds whole) {
  AdvanceTo(now);
  CHECK(phase_ == Phase::kSaving);
  if (memory_whole_ <= now) {
    memory_[1] = memory_[0];
    memory_unsaved_[1] = memory_unsaved_[0];
  }
  memory_[0] = done_;
  memory_unsaved_[0] = unsaved_;
  memory_whole_ = whole;
  phase_ = Phase::kTraining;
}

Placement TrainingRun::Leave(Seconds now, Phase phase) {
  AdvanceTo(now);
  CHECK(holds_servers());
  phase_ = phase;
  return std::exchange(placement_, {});
}

Placement TrainingRun::Interrupt(Seconds now, Stop why, Recovery recovery) {
  Placement servers = Leave(now, Phase::kWaiting);
  const std::size_t copy = memory_whole_ <= now ? 0 : 1;
  double back_to = saved_;
  Seconds held;
  recovery_ = Recovery::kStorage;
  if (recovery == Recovery::kSurvivors) {
    back_to = std::max(saved_, std::floor(done_ + kWhole));
    held = std::max(Seconds(0), unsaved_ - rate_.step_time * std::max(0.0, done_ - back_to));
    recovery_ = recovery;
    ++from_survivors_;
  } else if (recovery == Recovery::kMemory && memory_[copy] > saved_) {
    back_to = memory_[copy];
    held = memory_unsaved_[copy];
    recovery_ = recovery;
    ++from_memory_;
  }
  if (recovery_ != Recovery::kSurvivors) {
    memory_[0] = memory_[1] = recovery_ == Recovery::kStorage ? 0 : back_to;
    memory_unsaved_[0] = memory_unsaved_[1] = held;
    memory_whole_ = now;
  }
  lost_ += std::exchange(unsaved_, held) - held;
  done_ = back_to;
  writing_ = asked_to_save_ = false;
  stopped_at_ = now;
  outcome_ = Outcome::kWaiting;
  interruptions_ += why == Stop::kInterrupted ? 1 : 0;
  preemptions_ += why == Stop::kPreempted ? 1 : 0;
  moves_ += why == Stop::kMoves ? 1 : 0;
  return servers;
}

void TrainingRun::FallBack() {
  lost_ += std::exchange(unsaved_, Seconds(0));
  done_ = saved_;
  memory_[0] = memory_[1] = 0;
  memory_unsaved_[0] = memory_unsaved_[1] = Seconds(0);
  recovery_ = Recovery::kStorage;
}

Placement TrainingRun::End(Seconds now, Outcome outcome) {
  Placement servers = Leave(now, Phase::kEnded);
  training_ += std::exchange(unsaved_, Seconds(0));
  outcome_ = outcome;
  end_ = now;
  return servers;
}

double TrainingRun::goal() const {
  const auto steps = static_cast<double>(spec_->steps);
  const auto fails = static_cast<double>(spec_->fails_at_step);
  return fails > 0 ? std::min(fails, steps) : steps;
}

TrainingRun::Next TrainingRun::next() const {
  CHECK(phase_ == Phase::kTraining);
  const double goal_steps = goal();
  const bool fails = spec_->fails_at_step > 0 && spec_->fails_at_step <= spec_->steps;
  const Next end{now_ + rate_.step_time * std::max(0.0, goal_steps - done_),
                 fails ? Milestone::kFail : Milestone::kFinish};
  Next next = end;
  double least = goal_steps;
  const auto consider = [&](double steps, Milestone milestone) {
    if (steps < least) {
      least = steps;
      next = {now_ + rate_.step_time * std::max(0.0, steps - done_), milestone};
    }
  };
  if (spec_->checkpoint_interval > Seconds(0) && !writing_) {
    consider(DueAfter(spec_->checkpoint_interval, last_save_, saved_ + 1), Milestone::kSave);
  }
  if (asked_to_save_ && !writing_) {
    consider(std::ceil(done_ - kWhole), Milestone::kSave);
  }
  if (spec_->checkpoint.memory_interval > Seconds(0)) {
    consider(
        DueAfter(spec_->checkpoint.memory_interval, last_keep_, std::max(saved_, memory_[0]) + 1),
        Milestone::kKeep);
  }
  return next;
}

// At the end of the first step that ends when the interval is over. Saving may take longer than the
// interval: at least a step lies between two.
double TrainingRun::DueAfter(Seconds interval, Seconds last, double least) const {
  const Seconds due = std::max(now_, last + interval);
  return std::max(std::ceil(done_ + (due - now_) / rate_.step_time - kWhole), least);
}

void TrainingRun::Reach(const Next& next) {
  AdvanceTo(next.at);
  const double whole = std::round(done_);
  CHECK(std::abs(done_ - whole) <= kWhole * std::max(1.0, whole));
  done_ = whole;
}

double TrainingRun::share_lost() const {
  const int data = spec_->step.layout.data;
  return replicas_ > 0 && replicas_ < data ? 1 - static_cast<double>(replicas_) / data : 0;
}

const TrainingSpec& TrainingRun::step() const {
  return share_lost() > 0 ? fewer_.at(replicas_) : spec_->step;
}

Seconds TrainingRun::copy_time() const {
  return CheckpointBytes(*spec_) / static_cast<double>(step().layout.accelerators()) /
         spec_->checkpoint.copy_bandwidth;
}

Seconds TrainingRun::remaining() const {
  return rate_.step_time > Seconds(0) ? remaining(rate_.step_time)
                                      : Seconds(std::numeric_limits<double>::infinity());
}

Seconds TrainingRun::remaining(Seconds step_time) const {
  return step_time * std::max(0.0, goal() - done_);
}

void TrainingRun::Describe(LifeJob& job) const {
  job.outcome = outcome_;
  job.submit = submit_;
  job.start = start_;
  job.end = end_;
  job.steps = spec_->steps;
  job.steps_done = static_cast<std::int64_t>(std::floor(done_ + kWhole));
  job.waiting = waiting_;
  job.training = training_ + unsaved_;
  job.lost = lost_;
  job.checkpointing = checkpointing_;
  job.restarting = restarting_;
  job.stalled = stalled_;
  job.shrunk = shrunk_;
  job.memory_restarts = from_memory_;
  job.survivor_restarts = from_survivors_;
  job.interruptions = interruptions_;
  job.preemptions = preemptions_;
  job.moves = moves_;
}

}  // namespace gridlock
