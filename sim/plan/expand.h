#pragma once

#include "sim/plan/plan.h"

namespace gridlock {

/// Appends a job, its agents, flows, groups and their routes to a plan. Resources are still
/// numbered as in the network: its links, then the HBM of each accelerator.
void ExpandJob(const PlacedProgram& placed, const Network& network, Plan& plan);

}  // namespace gridlock
