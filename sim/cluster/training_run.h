#pragma once

// The life of one training run: how far it is, what is saved, and where its time went. A run has no
// clock of its own and decides nothing: the cluster tells it the time and moves it from phase to
// phase.

#include <array>
#include <cstdint>
#include <map>

#include "sim/base/units.h"
#include "sim/oracle/situation.h"
#include "sim/record/life_record.h"
#include "topologies/placement.h"
#include "workloads/job.h"

namespace gridlock {

/// A checkpoint of a run: what training goes on from.
Bytes CheckpointBytes(const PretrainingSpec& spec);

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
  enum class Milestone : std::uint8_t { kSave, kKeep, kFail, kFinish };

  /// Why a run stops.
  enum class Stop : std::uint8_t {
    kInterrupted,  ///< by a failure or an outage
    kPreempted,    ///< by another job or a power cap
    kGrows,        ///< to take back replicas that it had lost
    kMoves,        ///< to make room for another job
  };

  /// What a run goes on from when it has stopped.
  enum class Recovery : std::uint8_t {
    kStorage,    ///< its last checkpoint, or the beginning
    kMemory,     ///< the last copy in the memory of its hosts
    kSurvivors,  ///< the replicas that have lost no server
  };

  explicit TrainingRun(const PretrainingSpec& spec);

  /// Time passes, in the present phase and at the present rate.
  void AdvanceTo(Seconds now);

  void Submit(Seconds now);
  /// Servers are there: restart, or start for the first time.
  void Start(Seconds now, Placement placement);
  /// It trains with so many replicas, or will when it starts. Each keeps its share of the
  /// sequences.
  void TrainWith(int replicas);
  /// Steps go at this rate from now on, in the present situation.
  void ChangeRate(Seconds now, const StepRate& rate);
  /// Trains from now on, at its rate, which must be known.
  void Train(Seconds now);
  void Stall(Seconds now);

  /// The run is to be saved at the end of the present step.
  void AskToSave() { asked_to_save_ = true; }

  /// A checkpoint begins; it is worth something once Saved is called.
  void Save(Seconds now);
  void Saved(Seconds now);
  /// An asynchronous one has been copied: training goes on. It counts once Written is called.
  void Copied(Seconds now);
  void Written(Seconds now);
  /// A copy in memory begins. Training goes on with Kept; from `whole` on it may be gone back to.
  void Keep(Seconds now);
  void Kept(Seconds now, Seconds whole);
  /// The servers are gone, and all work since what it goes on from with them. Waits again.
  Placement Interrupt(Seconds now, Stop why, Recovery recovery);
  /// What replicas held in HBM is gone, because they did not go on at once.
  void FallBack();
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

  [[nodiscard]] bool can_be_saved() const { return spec_->checkpoint_interval > Seconds(0); }

  [[nodiscard]] bool started_before() const { return start_.si() >= 0; }

  /// Time in steps that were lost until now.
  [[nodiscard]] Seconds lost() const { return lost_; }

  /// What it goes on from now, after an interruption.
  [[nodiscard]] Recovery recovery() const { return recovery_; }

  /// When it last stopped.
  [[nodiscard]] Seconds stopped_at() const { return stopped_at_; }

  /// Whether an asynchronous checkpoint is on its way to the storage.
  [[nodiscard]] bool writing() const { return writing_; }

  /// True when there is a checkpoint, which a restart has to read.
  [[nodiscard]] bool has_checkpoint() const { return saved_ > 0; }

  [[nodiscard]] const Placement& placement() const { return placement_; }

  [[nodiscard]] const StepRate& rate() const { return rate_; }

  /// That it trains with, or will.
  [[nodiscard]] int replicas() const { return replicas_; }

  /// Share of its replicas that it does without, 0..1.
  [[nodiscard]] double share_lost() const;

  /// Its step by the replicas that it has.
  [[nodiscard]] const TrainingSpec& step() const;

  /// Model FLOP of one step by all of its replicas; 0 for a run of a job log, whose model is not
  /// known.
  [[nodiscard]] Flop step_flop() const { return step_flop_; }

  /// How long training waits while each accelerator copies its part of a checkpoint to its host.
  [[nodiscard]] Seconds copy_time() const;

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
  /// Steps done when the next save is due that comes every `interval`, `least` at the least.
  [[nodiscard]] double DueAfter(Seconds interval, Seconds last, double least) const;

  const PretrainingSpec* spec_;
  Flop step_flop_;
  StepRate rate_;                      ///< step_time 0: not known yet
  int replicas_ = 0;                   ///< 0: it has never been told
  std::map<int, TrainingSpec> fewer_;  ///< its step by fewer replicas
  Phase phase_ = Phase::kNotSubmitted;
  Outcome outcome_ = Outcome::kNotSubmitted;
  Placement placement_;
  Seconds now_;
  Seconds submit_{-1}, start_{-1}, end_{-1}, placed_at_;
  double done_ = 0;          ///< steps
  double saved_ = 0;         ///< steps of the last checkpoint
  Seconds last_save_;        ///< when the last checkpoint, or the training since placement, began
  Seconds unsaved_;          ///< training time since the last checkpoint
  bool writing_ = false;     ///< an asynchronous checkpoint
  double written_ = 0;       ///< steps of it
  Seconds written_unsaved_;  ///< of unsaved_, what it holds
  /// Steps of the last copy in memory and of the one before, and what they hold of unsaved_.
  std::array<double, 2> memory_ = {0, 0};
  std::array<Seconds, 2> memory_unsaved_;
  Seconds memory_whole_;  ///< when the last one may be gone back to
  Seconds last_keep_;     ///< when it, or the training since placement, began
  Recovery recovery_ = Recovery::kStorage;
  Seconds stopped_at_;
  Seconds shrunk_;  ///< held servers with fewer replicas
  std::int32_t from_memory_ = 0, from_survivors_ = 0;
  Seconds waiting_, training_, lost_, checkpointing_, restarting_, stalled_;
  std::int32_t interruptions_ = 0, preemptions_ = 0, moves_ = 0;
  bool asked_to_save_ = false;
};

}  // namespace gridlock
