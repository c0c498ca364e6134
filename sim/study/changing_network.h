#pragma once

// The networks of a scenario whose links fail and come back within a step, a collective or a list
// of messages.

#include <vector>

#include "sim/plan/flow_plan.h"
#include "sim/scenario/scenario.h"
#include "sim/study/evaluate.h"
#include "topologies/network.h"

namespace gridlock {

/// The network of each epoch; all of them number their links alike.
class ChangingNetwork {
 public:
  /// @param all every site and link between them; else the site of the only job
  ChangingNetwork(const Scenario& scenario, bool all);

  /// By rising time; one that begins at zero where nothing changes.
  [[nodiscard]] const std::vector<NetworkEpoch>& epochs() const { return epochs_; }

 private:
  std::vector<Network> networks_;
  std::vector<NetworkEpoch> epochs_;
};

/// Whether the network of a scenario without a horizon changes while its step runs.
bool ChangesWithin(const Scenario& scenario);

/// The fidelity at which it is simulated: in full where links are named that are to be recorded,
/// since those that fail stand apart from others. Throws UserError where closed forms or a sample
/// are asked for.
Fidelity FidelityOf(const Scenario& scenario, Fidelity asked);

}  // namespace gridlock
