#pragma once

// Which ranks of a pipeline stage share the experts of a layer, and which hold the same ones.

#include <vector>

#include "workloads/training.h"

namespace gridlock {

/// A rank of a stage: its replica, and its place in the tensor x context group.
struct StageRank {
  int data = 0;
  int local = 0;
};

struct ExpertGroups {
  std::vector<std::vector<StageRank>> exchange;  ///< ranks that share the experts of a layer
  std::vector<std::vector<StageRank>> same;      ///< ranks that hold the same experts
};

/// The ranks of a stage in the order tensor, context, data are split anew: the tensor-parallel
/// ranks of an expert are neighbours, then come the ranks that share the experts, then those that
/// hold the same ones (NVIDIA/Megatron-LM, core/parallel_state.py: order tp-ep-dp of the experts).
ExpertGroups ExpertGroupsOf(const Layout& layout);

}  // namespace gridlock
