#pragma once

// A fleet of equal replicas that prefill and decode, with a router in front. Requests reach it at
// their arrival; replicas act in the order of their clocks, so that a router sees what is true at
// that moment: who has how much to do, and which beginnings of prompts lie where.

#include <vector>

#include "sim/serving/router.h"
#include "sim/serving/serve_run.h"

namespace gridlock {

struct FleetResult {
  ServeResult served;               ///< of all replicas together
  std::vector<BatchWork> replicas;  ///< what each did
};

/// Runs the load on `replicas` replicas; `load.value` and `load.requests` are of all together.
FleetResult RunFleet(const IterationCosts& costs, int replicas, Router router,
                     const ServeLoad& load);

}  // namespace gridlock
