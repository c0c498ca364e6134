#pragma once

// Steps of collectives inside one domain: of rings on a torus, and where a domain spans hosts.

#include "workloads/program/algorithm.h"

namespace gridlock {

/// Steps of one round of a ring of neighbours in a domain: one less than members, and over the axes
/// of a torus far fewer (RingSteps).
int StepsInside(const ServerSpec& server, int members);

/// Accelerators of one host at most: those of a DGX-2. A wider domain spans hosts.
inline constexpr int kHostRanksMost = 16;

/// Whether a group lies in one switched domain that spans hosts, whose switch does not add up.
/// Between hosts libraries take as many steps as the logarithm of the ranks where that is faster,
/// whatever joins them (HCCL's NHR and recursive halving-doubling, environment variable HCCL_ALGO,
/// hiascend.com; NCCL counts hosts of an NVL72 as nodes).
bool JoinsHosts(const GroupShape& group, const ServerSpec& server);

/// An all-gather or reduce-scatter by aggregated trees inside one domain: the bytes of a ring in
/// log2 steps.
CollectiveCost AggregatedTreesLoad(const CollectiveCall& call);

}  // namespace gridlock
