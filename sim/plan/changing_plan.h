#pragma once

// A plan on a network that changes while it runs: links and switches fail and come back.

#include <cstdint>
#include <vector>

#include "sim/plan/flow_plan.h"
#include "sim/plan/plan.h"

namespace gridlock {

/// The plan of a network that changes, expanded.
struct ChangingPlan {
  /// What holds from a time on. Agents, flows and lays are those of the plan, with other routes.
  struct Epoch {
    Seconds from;
    Seconds failover;  ///< until what was on a way that has failed goes on elsewhere
    std::vector<Plan::Agent> agents;
    std::vector<Plan::Flow> flows;
    std::vector<Plan::Lay> lays;
    std::vector<BytesPerSecond> capacities;  ///< by resource of the plan
    std::vector<bool> failed;                ///< by resource of the plan
  };

  Plan plan;  ///< as it is at first; its routes and resources are those of all epochs
  std::vector<Epoch> epochs;  ///< by rising time, the first at zero
  std::int32_t cut = -1;      ///< the resource of routes that lead nowhere; -1: there are none

  /// Whether a route leads nowhere.
  [[nodiscard]] bool IsCut(Span route) const {
    for (std::int32_t i = route.begin; cut >= 0 && i < route.end; ++i) {
      if (plan.routes[i].resource == cut) {
        return true;
      }
    }
    return false;
  }
};

/// Lays programs on a network in each of its epochs, the first of which begins at zero. What cannot
/// be reached for a while waits. Throws UserError as Expand does, and where something cannot be
/// reached in the first or in the last epoch.
ChangingPlan ExpandChanging(const std::vector<PlacedProgram>& placed,
                            const std::vector<NetworkEpoch>& epochs);

}  // namespace gridlock
