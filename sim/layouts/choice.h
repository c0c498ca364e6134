#pragma once

// One layout of a job, without the job: what a search varies.

#include <compare>
#include <cstdint>
#include <string>

#include "workloads/training.h"

namespace gridlock {

/// Plain data, so that children can send it. The order is that in which layouts of equal time are
/// listed.
struct LayoutChoice {
  std::int32_t tensor = 1, context = 1, pipeline = 1, virtual_pipeline = 1, data = 1;
  std::int32_t expert = 1, expert_tensor = 0;
  std::int32_t zero = 0;
  std::int32_t recompute = 0;  ///< a Recompute
  std::int32_t offload = 0;
  std::int32_t embedding_as_layer = 0, uneven_layers = 0;
  std::int32_t rank_order = 0;       ///< a RankOrder
  std::int32_t schedule = 0;         ///< a Schedule
  std::int32_t shard_group = 0;      ///< replicas that share one sharded copy; 0: all
  std::int32_t domain_ranks = 0;     ///< accelerators of each scale-up domain that are used; 0: all
  std::int32_t exchanges_heads = 0;  ///< 1: context ranks take heads, not keys around
  std::int32_t base = 0;  ///< format of a frozen base, by its number from 1; 0: the job's own
  std::int64_t micro_batch = 1;

  auto operator<=>(const LayoutChoice&) const = default;

  [[nodiscard]] std::int64_t accelerators() const {
    return std::int64_t{tensor} * context * pipeline * data;
  }

  /// Whether both split the model and the batch over the accelerators in the same way. Layouts that
  /// differ in the rest (chunks, micro-batch, ZeRO, recomputation, rank order) are variants.
  [[nodiscard]] bool SplitsAs(const LayoutChoice& other) const {
    return tensor == other.tensor && context == other.context && pipeline == other.pipeline &&
           data == other.data && expert == other.expert && expert_tensor == other.expert_tensor;
  }
};

/// The layout that a job has. The rank order is 0 where all orders are the same.
LayoutChoice ChoiceOf(const TrainingSpec& job);

/// Gives a job another layout. Sequence parallelism goes with tensor parallelism; all else stays.
void Apply(const LayoutChoice& choice, TrainingSpec& job);

/// "TP 8 x CP 1 x PP 16 x DP 128"; with experts " x EP 8".
std::string SplitInWords(const LayoutChoice& choice);

/// "none", "selective", "full".
const char* RecomputeName(const LayoutChoice& choice);

/// All of it on one line: "TP 8 x PP 16 x DP 128, 8 chunks, micro-batch 1, ZeRO 1, ...".
std::string ChoiceInWords(const LayoutChoice& choice);

}  // namespace gridlock
