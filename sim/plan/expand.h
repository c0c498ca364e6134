#pragma once

#include "sim/plan/plan.h"

namespace gridlock {

/// What of a job is left out, because it does the same as something else.
struct LeftOut {
  /// Of so many ranks of each tensor-parallel group that are alike (alike.h) only the first is laid
  /// out: its flows and groups stand for those of the others, and its routes alone are in the plan.
  int alike = 1;
  /// Ranks that communicate in the same groups, and do nothing else, are one agent.
  bool joins_idle = false;
};

/// Appends a job, its agents, flows, groups and their routes to a plan. Resources are still
/// numbered as in the network: its links, then the HBM of each accelerator.
void ExpandJob(const PlacedProgram& placed, const Network& network, const LeftOut& left_out,
               Plan& plan);

}  // namespace gridlock
