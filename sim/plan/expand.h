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
  /// Routes that lead nowhere get a resource of their own, behind the HBM of all accelerators; else
  /// they are a UserError.
  bool holds = false;
};

/// Appends a job, its agents, flows, groups and their routes to a plan. Resources are still
/// numbered as in the network: its links, then the HBM of each accelerator.
void ExpandJob(const PlacedProgram& placed, const Network& network, const LeftOut& left_out,
               Plan& plan);

/// All jobs of a plan with their routes. Resources are still numbered as in the network.
Plan ExpandJobs(const std::vector<PlacedProgram>& placed, const Network& network,
                const LeftOut& left_out);

/// What a number of the network stands for. `alike` ranks share what does not belong to a unit.
Plan::Resource ResourceOf(const Network& network, int number, int alike);

/// Where flows take several ways, a weight counts parts of a flow. What all weights on a resource
/// share goes into its unit: a route lists a link as often as its weight.
void CountInUnits(std::int32_t parts, Plan& plan);

/// No server is held by two, and CheckPlacement.
void CheckPlacements(const std::vector<PlacedProgram>& placed, const Network& network);

}  // namespace gridlock
