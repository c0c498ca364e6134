#pragma once

// Which estimates of the catalogue bear on the results of a run.

#include <vector>

#include "sim/scenario/scenario.h"

namespace gridlock {

/// The estimates, and the numbers that the user gave without a source, that a run of the scenario
/// reads, each once. Without a horizon the run is one step of the first job.
std::vector<Estimate> EstimatesReadBy(const Scenario& scenario);

}  // namespace gridlock
