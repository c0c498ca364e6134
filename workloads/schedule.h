#pragma once

// Which model chunk each pipeline stage holds, and the order of its forward and backward passes.

#include <cstdint>
#include <vector>

#include "workloads/training.h"
#include "workloads/transformer.h"

namespace gridlock {

/// One forward or backward pass of one micro-batch through one model chunk.
struct ScheduledPass {
  bool backward = false;
  int chunk = 0;  ///< of this stage, 0 .. virtual_pipeline - 1
  std::int64_t micro_batch = 0;
  Gradients gradients = Gradients::kAll;  ///< of a backward pass
};

/// Order of passes at `stage`, of p stages with v chunks each. F and B are the times of a forward
/// and a backward pass of a stage, W the part of B that makes gradients of weights.
///
///  * 1F1B (Narayanan et al. 2019), interleaved with v > 1 (Narayanan et al. 2021, section 2.2):
///    (p-1) (F + B) / v are idle.
///  * GPipe (Huang et al. 2019, arXiv:1811.06965): all forward passes first, chunk by chunk. It is
///    as idle as 1F1B, and keeps the activations of all micro-batches.
///  * Zero bubble: ZB-H1 (Qi et al. 2023, arXiv:2401.10241): stage s makes the gradients of weights
///    s micro-batches late. (p-1) (F + B - 2 W) are idle with one chunk a stage.
///  * Zero bubble in a V: ZB-V (Qi et al. 2024, arXiv:2405.15362), two chunks a stage. Where F, W
///    and B - W take the same time, (p-1) F / 2 are idle.
///  * DualPipe in a V: DualPipeV (deepseek-ai/DualPipe, dualpipev.py; "cut in half"), the same
///    placement. A forward pass of one way goes with a backward pass of the other way. As idle as
///    ZB-V where F, W and B - W take the same time.
std::vector<ScheduledPass> ScheduleOf(const Layout& layout, std::int64_t micro_batches, int stage);

/// How a schedule is called: in a scenario, and in tables.
struct ScheduleNames {
  Schedule schedule;
  const char* field;
  const char* words;
};

const ScheduleNames& NamesOf(Schedule schedule);

/// The place of a stage's chunk among all chunks of the model, 0 first.
int PositionOf(const Layout& layout, int stage, int chunk);

/// The part of the model that a stage's chunk holds. Layers are split evenly; with
/// embedding_as_layer the embedding and the LM head count as one layer each. With uneven_layers the
/// first chunks hold one more than the last.
ModelPart PartOf(const TrainingSpec& job, int stage, int chunk);

/// The share of a part that slice `slice` of `slices` covers, in forward order.
ModelPart SliceOf(const ModelPart& part, int slice, int slices);

/// Micro-batches per replica and step.
std::int64_t MicroBatches(const TrainingSpec& job);

/// Micro-batches after which a schedule repeats, which has to divide those of a step: as many as
/// there are stages when it is interleaved, else one.
std::int64_t ScheduleRound(const Layout& layout);

/// Steps of at most this many micro-batches per replica are always simulated whole.
inline constexpr std::int64_t kWholeMicroBatches = 4096;

/// Micro-batches of the first program to simulate (sim/measure/long_step.h): those of the step, or,
/// of a long step, enough to fill the pipeline several times.
std::int64_t FirstMicroBatches(const TrainingSpec& job);

/// Chunk passes whose activations a stage holds at its fullest moment.
std::int64_t ChunksInFlight(const Layout& layout, std::int64_t micro_batches, int stage);

}  // namespace gridlock
