#pragma once

// The loader's side of workload files.

#include <vector>

#include "sim/scenario/job_checks.h"
#include "sim/scenario/life.h"

namespace gridlock {

/// Reads the workload files that the scenario names: appends their jobs, checked like those of the
/// scenario itself, fills Scenario::requests, and marks the campaigns that a file stands for.
/// Positions are file:line:column in text files and "FILE:item 17", from 1, in binary ones.
void ReadWorkloads(const ScenarioMessage& from, Scenario& scenario, std::vector<JobPlace>& places,
                   ProblemList& problems);

}  // namespace gridlock
