#pragma once

// The claim that folding changes no result, for training steps on a site.

#include <vector>

#include "sim/record/step_record.h"
#include "topologies/machine.h"

namespace gridlock {

struct FullAndFolded {
  StepRecord full, folded;
};

/// Simulates a small step with ZeRO 1 in full and folded, for each tensor parallelism and pipelines
/// of 1 and 2 stages that divide the site's accelerators. Expects equal step times, bytes over
/// every tier and energy, to 1e-9 of each.
std::vector<FullAndFolded> ExpectFoldedIsFull(const std::vector<SiteSpec>& sites,
                                              const std::vector<int>& tensors = {1, 2});

}  // namespace gridlock
