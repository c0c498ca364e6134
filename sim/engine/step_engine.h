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

#include <functional>

#include "sim/fold/plan.h"
#include "sim/measure/summarise.h"
#include "workloads/step_program.h"

namespace gridlock {

/// Actors that one simulation can hold (each is a stack of its own: vm.max_map_count is 65,530).
inline constexpr std::size_t kMaxActors = 28000;

/// Tells how much of the work is done, 0..1; called a few times a second of real time.
using Progress = std::function<void(double)>;

/// Runs the step. At most once per process (SimGrid keeps one clock). `intervals`: resolution of
/// the utilisation series.
StepRun RunStep(const StepProgram& program, const Plan& plan, const ServerSpec& server,
                int intervals, const Progress& progress);

}  // namespace gridlock
