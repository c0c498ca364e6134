#pragma once

#include <string>
#include <vector>

#include "sim/base/units.h"
#include "workloads/training.h"

namespace gridlock {

/// HBM bytes that one accelerator of a pipeline stage needs, by class.
struct MemoryNeed {
  int stage = 0;
  Bytes weights;      ///< 16 bits each; sharded by ZeRO-3
  Bytes gradients;    ///< accumulated; sharded by ZeRO-2 and 3
  Bytes optimizer;    ///< FP32 master weights and two moments, sharded by ZeRO-1
  Bytes activations;  ///< kept for the backward passes of all micro-batches in flight
  Bytes buffers;      ///< logits, buckets and the framework's own memory

  [[nodiscard]] Bytes total() const {
    return weights + gradients + optimizer + activations + buffers;
  }
};

/// Need of every pipeline stage. Activations in flight: Korthikanti et al. 2022, section 4.3
/// (1F1B) and Narayanan et al. 2021 (interleaved).
std::vector<MemoryNeed> MemoryByStage(const TrainingSpec& job);

/// Throws UserError when a stage needs more than `capacity`, on a machine with scale-up domains of
/// `domain` accelerators. The message says which stage overflows and by how much, what fills it,
/// and which single changes would fit.
void CheckMemory(const TrainingSpec& job, Bytes capacity, int domain);

}  // namespace gridlock
