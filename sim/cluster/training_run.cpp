#include "sim/cluster/training_run.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// A step is whole when it is to this share of itself: rates change while it runs, and sums round.
constexpr double kWhole = 1e-6;

}  // namespace

void TrainingRun::AdvanceTo(Seconds now) {
  const Seconds passed = now - now_;
  now_ = now;
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
      done_ += passed / step_time_;
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

void TrainingRun::Train(Seconds now, Seconds step_time) {
  AdvanceTo(now);
  CHECK(holds_servers() && step_time > Seconds(0));
  if (phase_ == Phase::kRestarting) {
    last_save_ = now;
  }
  phase_ = Phase::kTraining;
  step_time_ = step_time;
}

void TrainingRun::ChangeRate(Seconds now, Seconds step_time) {
  AdvanceTo(now);
  step_time_ = step_time;
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
}

void TrainingRun::Saved(Seconds now) {
  AdvanceTo(now);
  CHECK(phase_ == Phase::kSaving);
  saved_ = done_;
  training_ += unsaved_;
  unsaved_ = Seconds(0);
  phase_ = Phase::kTraining;
}

Placement TrainingRun::Leave(Seconds now, Phase phase) {
  AdvanceTo(now);
  CHECK(holds_servers());
  phase_ = phase;
  return std::exchange(placement_, {});
}

Placement TrainingRun::Interrupt(Seconds now, bool preempted) {
  Placement servers = Leave(now, Phase::kWaiting);
  lost_ += std::exchange(unsaved_, Seconds(0));
  done_ = saved_;
  outcome_ = Outcome::kWaiting;
  ++(preempted ? preemptions_ : interruptions_);
  return servers;
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
  const Next end{now_ + step_time_ * std::max(0.0, goal_steps - done_),
                 fails ? Milestone::kFail : Milestone::kFinish};
  if (spec_->checkpoint_interval <= Seconds(0)) {
    return end;
  }
  // Saved at the end of the first step that ends when the interval is over.
  const Seconds due = std::max(now_, last_save_ + spec_->checkpoint_interval);
  const double at_due = std::ceil(done_ + (due - now_) / step_time_ - kWhole);
  // Saving may take longer than the interval: at least a step lies between two checkpoints.
  const double steps = std::max(at_due, saved_ + 1);
  if (steps >= goal_steps) {
    return end;
  }
  return {now_ + step_time_ * std::max(0.0, steps - done_), Milestone::kSave};
}

void TrainingRun::Reach(const Next& next) {
  AdvanceTo(next.at);
  const double whole = std::round(done_);
  CHECK(std::abs(done_ - whole) <= kWhole * std::max(1.0, whole));
  done_ = whole;
}

Seconds TrainingRun::remaining() const {
  return step_time_ > Seconds(0) ? remaining(step_time_)
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
  job.interruptions = interruptions_;
  job.preemptions = preemptions_;
}

}  // namespace gridlock
