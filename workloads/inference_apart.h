#pragma once

// Attention and experts on accelerators of their own. In each layer the tokens of a micro-batch go
// from attention to experts and back; while they are away, attention works on other micro-batches.
// With m micro-batches, L layers, A and E for one of them in one layer and C one way between, an
// iteration takes (MegaScale-Infer, Zhu et al. 2025, arXiv:2504.02263, section 4.1)
//
//   A + E + 2 C + max(A, E) (m L - 1)
//
// where m is large enough to hide C, and else L (A + E + 2 C) + (m - 1) E: each micro-batch then
// waits for itself. A grows with the cached tokens, so that this is the longest of three lines.

#include "sim/base/units.h"
#include "workloads/inference_specs.h"
#include "workloads/replica_weights.h"

namespace gridlock {

/// Of iterations that take `all` with attention and dense blocks alone, and `read` for a cached
/// token; `point` says what layers take of their rows.
CostLines LinesApart(const LimitTimes& all, const LayerTimes& point, const ReplicaWeights& weights,
                     Seconds read);

}  // namespace gridlock
