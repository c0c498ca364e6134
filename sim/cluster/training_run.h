#pragma once

// The life of one training run: how far it is, what is saved, and where its time went. A run has no
// clock of its own and decides nothing: the cluster tells it the time and moves it from phase to
// phase.

#include <cstdint>

#include "sim/base/units.h"
#include "sim/record/life_record.h"
#include "topologies/placement.h"
#include "workloads/job.h"

namespace gridlock {

class TrainingRun {
 public:
  enum class Phase : std::uint8_t {
    kNotSubmitted,
    kWaiting,     ///< for servers
    kRestarting,  ///< has servers; loads the program and its last checkpoint
    kTraining,
    kSaving,   ///< writes a checkpoint; the step waits for it
    kStalled,  ///< has servers, and a link that it cannot do without is out of service
    kEnded,
  };

  /// What training reaches next, always after a whole number of steps.
  enum class Milestone : std::uint8_t { kSave, kFail, kFinish };

  explicit TrainingRun(const PretrainingSpec& spec) : spec_(&spec) {}

  /// Time passes, in the present phase and at the present rate.
  void AdvanceTo(Seconds now);

  void Submit(Seconds now);
  /// Servers are there: restart, or start for the first time.
  void Start(Seconds now, Placement placement);
  /// Trains from now on, a step each `step_time`.
  void Train(Seconds now, Seconds step_time);
  void ChangeRate(Seconds now, Seconds step_time);
  void Stall(Seconds now);
  /// A checkpoint begins; it is worth something once Saved is called.
  void Save(Seconds now);
  void Saved(Seconds now);
  /// The servers are gone, and all work since the last checkpoint with them. Waits again.
  Placement Interrupt(Seconds now, bool preempted);
  Placement End(Seconds now, Outcome outcome);

  /// While training: when the next milestone is reached, and which it is.
  struct Next {
    Seconds at;
    Milestone milestone;
  };

  [[nodiscard]] Next next() const;

  /// The run has reached its next milestone: the count of steps becomes whole.
  void Reach(const Next& next);

  [[nodiscard]] Phase phase() const { return phase_; }

  [[nodiscard]] bool holds_servers() const {
    return phase_ != Phase::kNotSubmitted && phase_ != Phase::kWaiting && phase_ != Phase::kEnded;
  }

  [[nodiscard]] bool started_before() const { return start_.si() >= 0; }

  /// Training since the last checkpoint, which an interruption would lose.
  [[nodiscard]] Seconds unsaved() const { return unsaved_; }

  /// True when there is a checkpoint, which a restart has to read.
  [[nodiscard]] bool has_checkpoint() const { return saved_ > 0; }

  [[nodiscard]] const Placement& placement() const { return placement_; }

  [[nodiscard]] Seconds step_time() const { return step_time_; }

  [[nodiscard]] Seconds submit() const { return submit_; }

  /// When it took the servers that it holds.
  [[nodiscard]] Seconds placed_at() const { return placed_at_; }

  [[nodiscard]] const PretrainingSpec& spec() const { return *spec_; }

  /// Steps left at the present rate, as time; infinite before the rate is known.
  [[nodiscard]] Seconds remaining() const;
  /// Steps left at another rate.
  [[nodiscard]] Seconds remaining(Seconds step_time) const;

  /// Fills what the run knows of its record.
  void Describe(LifeJob& job) const;

 private:
  [[nodiscard]] double goal() const;
  Placement Leave(Seconds now, Phase phase);

  const PretrainingSpec* spec_;
  Phase phase_ = Phase::kNotSubmitted;
  Outcome outcome_ = Outcome::kNotSubmitted;
  Placement placement_;
  Seconds now_, step_time_;
  Seconds submit_{-1}, start_{-1}, end_{-1}, placed_at_;
  double done_ = 0;    ///< steps
  double saved_ = 0;   ///< steps of the last checkpoint
  Seconds last_save_;  ///< when the last checkpoint, or the training since placement, began
  Seconds unsaved_;    ///< training time since the last checkpoint
  Seconds waiting_, training_, lost_, checkpointing_, restarting_, stalled_;
  std::int32_t interruptions_ = 0, preemptions_ = 0;
};

}  // namespace gridlock
