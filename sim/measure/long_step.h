#pragma once

// Steps of very many micro-batches. Between the filling and the draining of the pipeline every
// micro-batch (or every round of an interleaved schedule) goes like the one before, so that only a
// head, a few repetitions and a tail are simulated.
//
//   simulate a few hundred micro-batches, and note when each agent ends each action
//   find the shortest stretch that all agents repeat: the same actions, later by the same time
//   simulate again, longer by so much that the rest of the step is a whole number of stretches
//   the step = what was simulated, with the stretch repeated
//
// Why this is exact: the simulation is deterministic, and until the first agent drains its pipeline
// it does not depend on the number of micro-batches. Once everything that is under way repeats, it
// goes on repeating until the first agent drains. No agent, and so no cycle of agents that wait for
// each other, takes longer than the stretch. Where nothing repeats within a simulated step, twice
// as many micro-batches are simulated; a step that never settles is simulated whole, or refused
// when it is too long for that.

#include <cstdint>
#include <functional>

#include "sim/measure/summarise.h"
#include "sim/plan/plan.h"
#include "workloads/program/program.h"
#include "workloads/training.h"

namespace gridlock {

/// The most actions, of all agents together, that are simulated one by one when a long step does
/// not settle. They take some minutes.
inline constexpr std::int64_t kMostActions = 20'000'000;

/// Simulates a program on a plan.
using StepEvaluator =
    std::function<StepRun(const StepProgram& program, const StepOptions& options)>;

/// A step as it was simulated, and the program that was simulated.
struct SimulatedStep {
  StepProgram program;
  StepRun run;
};

/// Simulates the step of a plan's only job. `first` has its program of FirstMicroBatches. When that
/// is the whole step it is simulated whole, else as above. Throws UserError when the step is long
/// and does not settle.
SimulatedStep SimulateStep(const JobOfPlan& first, const TrainingSpec& job, int intervals,
                           const StepEvaluator& evaluate);

}  // namespace gridlock
