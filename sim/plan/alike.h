#pragma once

#include <vector>

#include "sim/plan/plan.h"

namespace gridlock {

/// How many ranks of each tensor-parallel group are alike: the rank at place t and those at t + k,
/// t
/// + 2k, ... with k = tensor / result change places in all groups at once, and nothing else
/// changes. Then one rank of them stands for all. 1 when no two are known to be alike. It takes
///  * servers whose units are alike (Topology::unit_size) and hold whole tensor-parallel groups,
///  and
///  * groups of ranks that stay among the ranks of one place: rings over replicas, but no
///  all-to-all
///    that goes from place to place.
int AlikeTensorRanks(const std::vector<PlacedProgram>& placed, const Network& network);

}  // namespace gridlock
