#pragma once

#include <string>
#include <vector>

#include "sim/base/units.h"
#include "workloads/stage_sizes.h"
#include "workloads/training.h"

namespace gridlock {

/// HBM bytes that one accelerator of a pipeline stage needs at its fullest moment, by class.
struct MemoryNeed {
  int stage = 0;
  Bytes weights;      ///< as the GEMMs use them; sharded by ZeRO-3
  Bytes gradients;    ///< accumulated; sharded by ZeRO-2 and 3
  Bytes optimizer;    ///< FP32 master weights and moments, sharded by ZeRO-1
  Bytes activations;  ///< kept for the backward passes of all micro-batches in flight
  Bytes buffers;      ///< what comes and goes in a layer or the loss, and `context`
  Bytes context;      ///< of `buffers`: what contexts and libraries hold outside of the allocator

  [[nodiscard]] Bytes total() const {
    return weights + gradients + optimizer + activations + buffers;
  }

  /// What the framework's allocator has given out.
  [[nodiscard]] Bytes allocated() const { return total() - context; }
};

/// Which peak of HBM is meant: what the allocator has given out, what it has reserved for that, or
/// what the driver shows as taken.
enum class PeakKind { kAllocated, kReserved, kDriver };

/// Need of every pipeline stage. Activations in flight: Korthikanti et al. 2022, section 4.3
/// (1F1B) and Narayanan et al. 2021 (interleaved).
std::vector<MemoryNeed> MemoryByStage(const TrainingSpec& job);

/// Need of one of them.
MemoryNeed MemoryOfStage(const TrainingSpec& job, int stage);

/// The first of the stages that need the most.
MemoryNeed FullestStage(const TrainingSpec& job);

/// Whether no stage needs more than `room`. @param stages of SizesOfDistinctStages, for this job or
/// another one that has them
bool FitsIn(const TrainingSpec& job, const std::vector<StageSizes>& stages, Bytes room);

/// HBM of an accelerator that jobs of several accelerators may fill: where the switches of a server
/// add up (NVLS), the library of collectives has buffers for that, 268 MB of eight accelerators.
Bytes RoomForJob(const ServerSpec& server);

/// Peak of the fullest stage on accelerators of `capacity`. An allocator reserves more than it has
/// given out while there is room.
Bytes PeakMemory(const TrainingSpec& job, Bytes capacity, PeakKind kind);

/// Throws UserError when a stage needs more than `capacity`, on a machine with scale-up domains of
/// `domain` accelerators. The message says which stage overflows and by how much, what fills it,
/// and which single changes would fit.
void CheckMemory(const TrainingSpec& job, Bytes capacity, int domain);

}  // namespace gridlock
