#pragma once

// The same step program in closed form: every transfer takes as long as its own bottleneck needs,
// whatever else is under way. No SimGrid. Equal to the simulation where nothing is shared, a lower
// bound elsewhere; used as an oracle and for searches.

#include "sim/measure/summarise.h"
#include "sim/plan/plan.h"
#include "workloads/program/program.h"

namespace gridlock {

/// Runs the step. The plan is best a folded one: its weights hold the sharing among the members of
/// a class, which is all the sharing that a closed form sees.
StepRun RunAnalyticStep(const StepProgram& program, const Plan& plan, const ServerSpec& server,
                        const StepOptions& options);

}  // namespace gridlock
