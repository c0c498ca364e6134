#pragma once

// `gridlock run --seeds N`: one life under N seeds, and the spread of its key figures.

#include "sim/scenario/scenario.h"

#include "tools/command.h"

namespace gridlock {

/// Lives the scenario under its seed and the ones that follow, some at a time, each in a process of
/// its own. Steps that one life has simulated are remembered by those that begin later.
int RunSeeds(const ScenarioOptions& options, const Scenario& scenario, int seeds);

}  // namespace gridlock
