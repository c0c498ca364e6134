#pragma once

// A pretraining job as the user states it: model, layout, batch, schedule. Typed, const, no clock.

#include <cstdint>
#include <string>

#include "sim/base/units.h"
#include "topologies/machine.h"

namespace gridlock {

/// Which attention scores the FLOP count and the kernel do.
enum class Attention { kCausal, kFull };

/// A dense decoder-only transformer.
struct ModelSpec {
  std::string path;
  std::string name;
  int layers = 0;
  int hidden = 0;
  int heads = 0;
  int kv_heads = 0;    ///< equal to heads without grouped-query attention
  int head_dim = 0;    ///< hidden / heads unless stated
  int ffn = 0;         ///< inner width of the feed-forward block
  bool gated = false;  ///< SwiGLU: three matrices instead of two
  int vocabulary = 0;
  int max_positions = 0;  ///< learned positions; 0 for rotary
  bool tied_embeddings = false;
  Attention attention = Attention::kCausal;
};

/// Order of the parallel dimensions over consecutive accelerators, fastest first.
enum class RankOrder { kTensorDataPipeline, kTensorPipelineData };

/// Sizes of the parallel dimensions; their product is the number of accelerators.
struct Layout {
  std::string path;
  int tensor = 1;
  int context = 1;  ///< ranks that share each sequence; attention passes keys and values around
  int pipeline = 1;
  int virtual_pipeline = 1;  ///< model chunks per pipeline stage; > 1 is the interleaved schedule
  int data = 1;
  int shard_group = 0;  ///< consecutive replicas that share one sharded copy; 0: all of them
  bool sequence_parallel = true;
  bool embedding_as_layer =
      false;  ///< the embedding and the LM head each count as one layer when splitting
  RankOrder rank_order = RankOrder::kTensorDataPipeline;

  /// Accelerators that work on one model chunk of one replica.
  [[nodiscard]] int group() const { return tensor * context; }

  [[nodiscard]] int accelerators() const { return group() * pipeline * data; }

  /// Replicas that share one sharded copy, and ranks that do.
  [[nodiscard]] int sharing_replicas() const { return shard_group > 0 ? shard_group : data; }

  [[nodiscard]] int shards() const { return sharing_replicas() * context; }
};

enum class Recompute { kNone, kSelective, kFull };

/// What one training framework adds to the arithmetic: fitted per stack, never per row.
struct StackSpec {
  std::string name;
  Seconds launch_floor_forward;    ///< per layer and micro-batch; a layer never takes less
  Seconds launch_floor_backward;   ///< the same, backward
  Seconds step_overhead;           ///< per step, outside of all operations
  double hbm_traffic_factor = 1;   ///< elementwise HBM bytes over those of perfectly fused kernels
  double tensor_overlap = 0;       ///< share of tensor-parallel communication hidden behind GEMMs
  Bytes gradient_bucket;           ///< size of one gradient bucket, per rank
  bool overlap_gradients = true;   ///< reduce gradients while the last micro-batch goes backward
  bool overlap_parameters = true;  ///< gather parameters while the first micro-batch goes forward
  double main_gradient_bytes = 4;  ///< bytes of one accumulated gradient in memory and on the wire
  bool fused_attention = true;     ///< scores stay on the chip; else they go through HBM
  bool saves_elementwise_outputs = true;  ///< norms and activations are kept, not computed again
  bool narrow_parameters = false;  ///< parameters are kept and gathered in a GEMM's narrow format
  double attention_speed = 1;      ///< of its attention kernels over the accelerator's entry
  bool estimate = true;
};

struct TrainingSpec {
  std::string path;  ///< "job[0].pretraining"
  ModelSpec model;
  Layout layout;
  StackSpec stack;
  std::int64_t global_batch = 0;     ///< sequences per step
  std::int64_t micro_batch = 1;      ///< sequences per micro-batch and replica
  std::int64_t sequence_length = 0;  ///< tokens
  Precision precision = Precision::kBf16;
  /// What is sharded over the data-parallel ranks (Rajbhandari et al. 2020): 0 nothing, 1 the
  /// optimizer state, 2 gradients too, 3 parameters too (FSDP: gathered layer by layer).
  int zero = 1;
  Recompute recompute = Recompute::kNone;
};

}  // namespace gridlock
