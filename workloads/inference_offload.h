#pragma once

// Weights that lie in the host's memory: experts where a model has some, else whole layers. For
// inference.cpp.

#include "workloads/inference_specs.h"

namespace gridlock {

/// Puts layout.host_share of what `times` and `bytes` are of, one layer's products on one
/// accelerator with so many rows, on the host: its processors work on them where the engine has
/// them do so and that is sooner, else the weights come over the host's link. `bytes` is what is
/// left in HBM. @param rows that meet each weight
void MoveToHost(const InferencePart& part, const InferenceEngine& engine,
                const InferenceLayout& layout, double rows, LimitTimes& times, double& bytes);

}  // namespace gridlock
