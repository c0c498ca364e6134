#pragma once

// A sample of the replicas of a training job, for networks on which hardly two of them are alike:
// hashed flows, random graphs, tori that no replica fits. Folding keeps nearly all of them there,
// and a step of 8,192 accelerators takes minutes.
//
//   what a replica's messages wait for is counted on all links, with all replicas sending at once
//   the replicas are sorted by that, and cut into strata; of each stratum one is kept, and the
//   slowest of all
//   messages that meet on a link belong to the same stage and direction, for replicas do the same
//   at the same time: a kept one stands there for as many of them as meet
//   of the flows of a message the slowest is kept, and of groups that the same agents wait for
//   the slowest group
//   a collective keeps the links of kept replicas, and the link that paces it on all
//
// Times are estimates. Those of a job whose replicas are all kept are exact.

#include "sim/plan/plan.h"

namespace gridlock {

/// The plan of `replicas` of the data-parallel replicas of a plan's only job, at least 2, laid out
/// by Expand or ExpandUnlike. What counts members counts those of all replicas.
Plan SamplePlan(const Plan& plan, const RankGrid& grid, int replicas);

}  // namespace gridlock
