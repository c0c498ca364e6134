#pragma once

// Lives of builds: first with steps by closed forms, then the best of them as `gridlock run` has
// them.

#include <functional>
#include <string>
#include <vector>

#include "sim/builds/build_table.h"
#include "sim/cluster/life.h"

namespace gridlock {

/// A build on its way: what it is made of, its figures before it lives, and its text.
struct Draft {
  Build build;
  double quantile = 0.99;  ///< of spares
  double growth = 1;       ///< over its nameplates
  std::string text;
};

/// Tells the share of the lives that is done, 0..1.
using LivesProgress = std::function<void(double)>;

/// Lives of these drafts side by side, in children: fills their figures, or says what the problem
/// is. Drafts with a problem already are left out.
/// @param simulated  steps with contention; else by closed forms, which no simulated step beats
/// @param known  steps that are known, to which those simulated are added
void LiveDrafts(const std::vector<Draft*>& drafts, bool simulated, int parallel,
                const LivesProgress& progress, StepMemory& known);

}  // namespace gridlock
