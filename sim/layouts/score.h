#pragma once

// The analytic step time of many layouts of one job on one site, as `gridlock run --fidelity
// analytic` has it. What layouts share is kept: the network, and the plans of those that differ in
// their passes alone.

#include <map>
#include <string>

#include "sim/plan/plan.h"
#include "topologies/network.h"
#include "workloads/training.h"

namespace gridlock {

class Scorer {
 public:
  explicit Scorer(const SiteSpec& site) : network_(site) {}

  /// Throws UserError when the job does not fit the site.
  Seconds StepTime(const TrainingSpec& job);

 private:
  const Plan& PlanOf(const PlacedProgram& placed);

  Network network_;
  std::string key_;  ///< of `plan_`
  Plan plan_;
};

}  // namespace gridlock
