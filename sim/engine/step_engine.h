#pragma once

// Runs one step of a plan on SimGrid: its clock, its max-min sharing. The only room, with
// sim/platform, that knows SimGrid.
//
//   for each agent (an actor):                       for each communicator (an actor):
//     for each action of its role:                     for each collective, in order:
//       pass     compute, memory, collectives            wait until every member has come
//       send     start the flows, go on                  pay the latency, run the transfers
//       receive  wait until all flows are in             wake those who wait for it
//       start    tell the communicators, go on
//       wait     until the communicators are done
//
// Every activity is a transfer over resources: compute is a transfer over HBM whose rate is bounded
// by the matrix units, so that communication and compute slow each other where they share HBM.

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sim/measure/summarise.h"
#include "sim/plan/changing_plan.h"
#include "sim/plan/plan.h"
#include "workloads/program/program.h"

namespace gridlock {

/// Actors that one simulation can hold (each is a stack of its own: vm.max_map_count is 65,530).
inline constexpr std::size_t kMaxActors = 28000;

/// Actors that simulate a plan: one per agent and one per communicator.
std::size_t ActorsOf(const Plan& plan);

/// Tells how much of the work is done, 0..1; called a few times a second of real time.
using Progress = std::function<void(double)>;

/// A job of a joint simulation, in the order of the plan's jobs.
struct JointJob {
  const StepProgram* program = nullptr;
  const ServerSpec* server = nullptr;
};

/// How often the steps of several jobs are repeated. The simulation ends when every job has done
/// `least` whole steps and has settled, or when every job has done `most`. A job has settled when
/// the mean step time over the later half of its steps agrees with that over the last three
/// quarters within `tolerance`. `least` is at least 4.
struct Repetition {
  std::int64_t least = 12;
  std::int64_t most = 64;
  double tolerance = 1e-3;
};

/// What one job did over its whole steps, all of them beside the other jobs' steps.
struct JointRun {
  std::int64_t steps = 0;
  Seconds step_time;  ///< mean over their last three quarters: the first ones began together
  std::vector<double> bytes;  ///< of one step, by tier of the plan
};

/// Runs the steps of all jobs of a plan side by side. All begin their first step at once; a job
/// begins its next one when all of its agents are through. A job alone takes one step, because all
/// others would be copies of it. At most once per process, as RunStep.
std::vector<JointRun> RunJoint(const std::vector<JointJob>& jobs, const Plan& plan,
                               const Repetition& repetition);

/// Runs steps of a plan's only job, one after another; each begins at its own time zero with idle
/// links. At most one per process (SimGrid keeps one clock).
class StepSimulator {
 public:
  explicit StepSimulator(const Plan& plan);
  /// Of a network that changes while the step runs: for one run.
  explicit StepSimulator(const ChangingPlan& plan);
  ~StepSimulator();
  StepSimulator(const StepSimulator&) = delete;
  StepSimulator& operator=(const StepSimulator&) = delete;

  /// The program must be one that the plan was made for, or differ from it only in the number of
  /// micro-batches.
  StepRun Run(const StepProgram& program, const ServerSpec& server, const StepOptions& options,
              const Progress& progress);

 private:
  struct State;
  std::unique_ptr<State> state_;
  bool ran_ = false;
};

/// Runs the step. At most once per process (SimGrid keeps one clock). `intervals`: resolution of
/// the utilisation series.
StepRun RunStep(const StepProgram& program, const Plan& plan, const ServerSpec& server,
                int intervals, const Progress& progress);

}  // namespace gridlock
