#pragma once

// A pretraining job as the user states it: model, layout, batch, schedule. Typed, const, no clock.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"
#include "workloads/layers.h"
#include "workloads/program/groups.h"
#include "workloads/stack.h"

namespace gridlock {

/// Which attention scores the FLOP count and the kernel do.
enum class Attention { kCausal, kFull };

/// Feed-forward blocks that are many small ones (experts), of which a router picks a few per token.
struct MixtureSpec {
  int experts = 0;            ///< routed experts of a layer; 0: a dense model
  int experts_per_token = 0;  ///< that the router picks
  int expert_ffn = 0;         ///< inner width of one expert
  int shared_experts = 0;     ///< experts of the same width that every token goes through
  int dense_layers = 0;       ///< leading layers with a dense feed-forward block instead
  int every = 0;              ///< of each so many layers the last one has the experts; 0 or 1: all
  int domains_per_token = 0;  ///< most scale-up domains that a token's experts lie in; 0: no limit
};

/// Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434): queries, keys and values are
/// projected up from narrow latent vectors.
struct LatentAttentionSpec {
  int query_rank = 0;       ///< width of the queries' latent; 0: queries come from the input itself
  int key_value_rank = 0;   ///< width of the latent of keys and values; 0: no latent attention
  int plain_head_dim = 0;   ///< part of a query or key head without positions
  int rotary_head_dim = 0;  ///< part with them; all heads share one such key
  int value_head_dim = 0;
};

/// How the state of a recurrent block goes from token to token.
enum class Recurrence {
  kNone,
  kMamba,       ///< selective scan of each channel (Gu and Dao 2023, arXiv:2312.00752)
  kMamba2,      ///< state space duality (Dao and Gu 2024, arXiv:2405.21060)
  kGatedDelta,  ///< gated delta rule (Yang et al. 2024, arXiv:2412.06464)
  kKimiDelta,   ///< the same with a decay for each channel (Kimi Linear, arXiv:2510.26692)
  kLightning,   ///< linear attention with fixed decays (Qin et al. 2024, arXiv:2401.04658)
};

/// Recurrent blocks: see Recurrent in proto/layers.proto.
struct RecurrentSpec {
  Recurrence kind = Recurrence::kNone;
  int heads = 0;        ///< of values
  int head_dim = 0;     ///< width of a value
  int key_heads = 0;    ///< heads that have keys and queries of their own (groups of Mamba-2)
  int state = 0;        ///< width of a key: a head's state has state x head_dim elements
  int convolution = 0;  ///< tokens that the short convolution sees; 0: there is none
  int chunk = 0;        ///< tokens that kernels take at a time
  int rank = 0;         ///< inner width of the projections of steps or gates

  [[nodiscard]] double values() const { return 1.0 * heads * head_dim; }

  [[nodiscard]] double keys() const { return 1.0 * key_heads * state; }
};

/// What picks the tokens that attention sees: see Indexer in proto/layers.proto.
struct IndexerSpec {
  int heads = 0;  ///< 0: there is none, attention sees all tokens
  int head_dim = 0;
  int tokens = 0;  ///< that it picks
};

/// A convolution in front of the first layer: see Convolution in proto/layers.proto.
struct ConvolutionSpec {
  int width = 0;  ///< channels that it puts out
  int kernel = 1;
  int stride = 1;
  int groups = 1;
};

/// An encoder in front of a decoder, of the same widths; its tokens see each other.
struct EncoderSpec {
  int layers = 0;  ///< 0: there is none
  int tokens = 0;  ///< of its sequence
};

/// A transformer, or what has recurrent blocks in places of attention.
struct ModelSpec {
  std::string path;
  std::string name;
  int layers = 0;
  int hidden = 0;
  int heads = 0;
  int kv_heads = 0;    ///< equal to heads without grouped-query attention; ranks repeat them where
                       ///< there are more tensor-parallel ranks
  int head_dim = 0;    ///< hidden / heads unless stated
  int ffn = 0;         ///< inner width of the feed-forward block
  bool gated = false;  ///< SwiGLU: three matrices instead of two
  bool relu = false;   ///< the activation function is ReLU, which keeps its output alone
  int vocabulary = 0;
  int max_positions = 0;  ///< learned positions; 0 for rotary
  bool tied_embeddings = false;
  bool query_key_norms = false;  ///< queries and keys are normalised before attention
  Attention attention = Attention::kCausal;
  MixtureSpec mixture;
  LatentAttentionSpec latent;
  std::string pattern;          ///< a letter a layer, repeated; "": all alike (layer_kinds.cpp)
  int window = 0;               ///< tokens of local attention
  bool chunked_window = false;  ///< of fixed chunks, not of the tokens just before
  RecurrentSpec recurrent;
  int prediction_modules = 0;  ///< layers behind the last one that predict further tokens
  EncoderSpec encoder;
  int modulations = 0;  ///< widths of `hidden` that each layer gets from a condition (adaLN)
  IndexerSpec indexer;
  int embedding_width = 0;  ///< of the table, where it is projected to `hidden`; 0: that
  int distinct_layers = 0;  ///< those with parameters of their own; 0: all
  std::vector<ConvolutionSpec> convolutions;  ///< in front of the first layer
  int channels = 1;                           ///< that the first of them gets

  [[nodiscard]] bool has_experts() const { return mixture.experts > 0; }

  /// Layers in a row: those of the encoder come first.
  [[nodiscard]] int depth() const { return encoder.layers + layers; }

  /// The kind of a layer, 0 <= layer < depth().
  [[nodiscard]] LayerKind KindOf(int layer) const;

  /// Those among layers [first, end).
  [[nodiscard]] Layers LayersIn(int first, int end) const;

  /// The kind of the layer of a prediction module.
  [[nodiscard]] LayerKind PredictionKind() const;
};

/// In which order a pipeline stage takes its passes.
enum class Schedule {
  kOneForwardOneBackward,  ///< interleaved with several chunks per stage
  kZeroBubble,             ///< gradients of weights apart, in what would be bubbles (ZB-H1)
  kGPipe,                  ///< all forward passes, then all backward passes (GPipe)
  kZeroBubbleV,  ///< two chunks a stage, there and back, gradients of weights apart (ZB-V)
  kDualPipeV,    ///< the same with forward passes paired with backward passes (DualPipeV)
};

/// Chunk 0 of each stage lies on the way from the first stage to the last one, chunk 1 on the way
/// back, so that the first stage holds both ends of the model.
constexpr bool IsVee(Schedule schedule) {
  return schedule == Schedule::kZeroBubbleV || schedule == Schedule::kDualPipeV;
}

/// Gradients of weights may be made later than those of inputs.
constexpr bool SplitsBackward(Schedule schedule) {
  return schedule == Schedule::kZeroBubble || IsVee(schedule);
}

/// How context-parallel ranks attend to the whole sequence.
enum class ContextExchange {
  kKeysAround,  ///< keys and values go around (Liu et al. 2023, arXiv:2310.01889)
  kAllToAll,    ///< each rank has some heads of all tokens meanwhile (Ulysses)
};

/// Sizes of the parallel dimensions; their product is the number of accelerators.
struct Layout {
  std::string path;
  int tensor = 1;
  int context = 1;  ///< ranks that share each sequence
  ContextExchange context_exchange = ContextExchange::kKeysAround;
  int pipeline = 1;
  int virtual_pipeline = 1;  ///< model chunks per pipeline stage; > 1 is the interleaved schedule
  int data = 1;
  int shard_group = 0;    ///< consecutive replicas that share one sharded copy; 0: all of them
  int expert = 1;         ///< ranks that share the experts of a layer among them
  int expert_tensor = 0;  ///< tensor-parallel ranks of one expert: 1 or `tensor`; 0: `tensor`
  bool sequence_parallel = true;
  bool embedding_as_layer =
      false;  ///< the embedding and the LM head each count as one layer when splitting
  bool uneven_layers = false;  ///< layers that do not share evenly: the last chunks have one less
  RankOrder rank_order = RankOrder::kTensorDataPipeline;
  Schedule schedule = Schedule::kOneForwardOneBackward;
  int domain_ranks = 0;  ///< accelerators of each scale-up domain that are used; 0: all

  /// Accelerators that are used of a scale-up domain of `domain`.
  [[nodiscard]] int used_of(int domain) const { return domain_ranks > 0 ? domain_ranks : domain; }

  [[nodiscard]] bool exchanges_heads() const {
    return context > 1 && context_exchange == ContextExchange::kAllToAll;
  }

  /// Ranks among which attention splits the heads.
  [[nodiscard]] int head_ranks() const { return exchanges_heads() ? tensor * context : tensor; }

  /// Accelerators that work on one model chunk of one replica.
  [[nodiscard]] int group() const { return tensor * context; }

  [[nodiscard]] int accelerators() const { return group() * pipeline * data; }

  /// Replicas that share one sharded copy, and ranks that do.
  [[nodiscard]] int sharing_replicas() const { return shard_group > 0 ? shard_group : data; }

  [[nodiscard]] int shards() const { return sharing_replicas() * context; }

  [[nodiscard]] int expert_width() const { return expert_tensor > 0 ? expert_tensor : tensor; }

  /// Experts are laid out in a way of their own, else like all other weights.
  [[nodiscard]] bool splits_experts() const { return expert > 1 || expert_width() != tensor; }

  /// Ranks that share one sharded copy of the same experts (NVIDIA/Megatron-LM, MoE parallel
  /// folding): what is left of a stage's ranks, or of those of a shard group.
  [[nodiscard]] int expert_shards() const {
    return group() * sharing_replicas() / (expert * expert_width());
  }

  /// Shard groups: copies of everything that is sharded.
  [[nodiscard]] int copies() const { return data / sharing_replicas(); }
};

enum class Recompute { kNone, kSelective, kFull };

/// Matrices of a layer that an adapter can sit beside, as bits.
namespace adapter_target {
inline constexpr int kQuery = 1, kKey = 2, kValue = 4, kAttentionOut = 8;
inline constexpr int kGate = 16, kUp = 32, kDown = 64;
inline constexpr int kAttention = kQuery | kKey | kValue | kAttentionOut;
inline constexpr int kFeedForward = kGate | kUp | kDown;
/// One adapter beside what a framework keeps as one matrix: queries, keys and values, or both ways
/// into the feed-forward block.
inline constexpr int kJoined = 128;
/// All products of each expert; of served adapters alone.
inline constexpr int kExperts = 256;
}  // namespace adapter_target

/// Low-rank adapters: see Adapters in proto/training.proto.
struct AdapterSpec {
  int rank = 0;           ///< 0: there are none, and all weights are trained
  int targets = 0;        ///< bits of adapter_target
  double bytes = 4;       ///< of one of their weights, and of what they compute with
  double base_bytes = 0;  ///< of a frozen weight that is cast for each use; 0: as products use it
  double dropout = 0;     ///< share of an adapter's input that is dropped

  [[nodiscard]] bool on(int target) const { return rank > 0 && (targets & target) != 0; }

  /// Host time of a layer over that of one without adapters, where each kernel is launched by
  /// itself. A layer of Transformers launches about 48 kernels forward; an adapter of PEFT takes as
  /// long as nine, its two products, scale, sum and casts with the module around them (two short
  /// steps on one H200, tools/calibration/measured).
  [[nodiscard]] double launches() const {
    constexpr double kOfLayer = 48, kOfAdapter = 9;
    const auto bits = static_cast<unsigned>(targets & ~adapter_target::kJoined);
    return rank > 0 ? 1 + std::popcount(bits) * kOfAdapter / kOfLayer : 1;
  }

  /// In 32 bits, as PEFT makes them beside a base of 16 bits.
  [[nodiscard]] bool wide() const { return bytes > 2; }
};

/// Parts that are not trained: see Frozen in proto/training.proto.
struct FrozenSpec {
  int layers = 0;       ///< leading ones
  bool tables = false;  ///< embedding and LM head
};

/// Where states of the optimizer are: see StatesPlace in proto/training.proto.
enum class StatesPlace { kHbm, kHost, kNvme };

/// A frozen model beside the one that is trained: see FrozenCopy in proto/training.proto.
struct FrozenCopySpec {
  ModelSpec model;
  double bytes_per_parameter = 2;  ///< 0: it is the frozen base beneath adapters
  int count = 1;
  bool keeps_logits = false;
};

/// An optimizer: a row of the table in optimizers.cpp.
struct OptimizerSpec {
  std::string name = "adamw";
  double moments = 2;       ///< of the size of a weight
  double moment_bytes = 0;  ///< of one; 0: as the stack keeps them
  bool paged = false;       ///< the driver moves states to the host where HBM is short
  bool orthogonal = false;  ///< updates of matrices are orthogonalised (Muon); tables have AdamW
  StatesPlace place = StatesPlace::kHbm;
  bool in_backward = false;  ///< updates a layer as soon as it has gradients, and drops them
  double table_moments = 0;  ///< of embedding and LM head, where they have others; 0: as matrices
};

/// Buffers of DeepSpeed's ZeRO: see ZeroBuffers in proto/training.proto. Elements.
struct ZeroBufferSpec {
  double reduce = 0;  ///< 0: there are none, and the stack says the bucket
  double gather = 0;
  double prefetch = 0;
  double live = 0;
  int copies = 0;  ///< buffers of `reduce` elements that stay allocated
};

/// How unevenly tokens go to experts: see ExpertLoad in proto/training.proto.
struct ExpertLoadSpec {
  double imbalance = 1;  ///< tokens of the fullest rank's experts over the mean, >= 1
  double capacity = 0;   ///< most tokens of an expert over the mean; 0: no limit
  bool padded = false;   ///< experts work on as many rows as they may have

  /// Rows that the fullest rank works on, over the mean: all others wait for it.
  [[nodiscard]] double rows() const {
    return capacity <= 0 ? imbalance : padded ? capacity : std::min(imbalance, capacity);
  }
};

/// Sums over shard groups, or sites, that are rare; see OuterSteps in proto/training.proto.
struct OuterSpec {
  int steps = 0;  ///< from one to the next; 0: gradients are summed in every step
  double bytes_per_parameter = 4;
  bool overlap = false;  ///< a step's part of the exchange goes on beside the step
};

struct TrainingSpec {
  std::string path;  ///< "job[0].pretraining"
  ModelSpec model;
  Layout layout;
  StackSpec stack;
  std::int64_t global_batch = 0;     ///< sequences per step
  std::int64_t micro_batch = 1;      ///< sequences per micro-batch and replica
  std::int64_t sequence_length = 0;  ///< tokens
  /// Tokens of the documents that are packed into a sequence: attention stays within them. 0: a
  /// sequence is one document.
  std::int64_t document_length = 0;
  double predicted_share = 1;  ///< of the tokens: their logits are computed
  Precision precision = Precision::kBf16;
  std::string format = "bf16";  ///< of products as the user wrote it: "fp16", "mxfp8"
  double scale_bytes = 0;       ///< of the scales of blocks, for each element of a product's inputs
  /// What is sharded over the data-parallel ranks (Rajbhandari et al. 2020): 0 nothing, 1 the
  /// optimizer state, 2 gradients too, 3 parameters too (FSDP: gathered layer by layer).
  int zero = 1;
  Recompute recompute = Recompute::kNone;
  bool offload_activations = false;  ///< what layers keep goes to the host meanwhile
  int offload_layers = 0;            ///< of each stage's layers, so many do; 0: all
  AdapterSpec adapters;
  FrozenSpec frozen;
  std::vector<FrozenCopySpec> copies;
  OptimizerSpec optimizer;
  ZeroBufferSpec zero_buffers;
  ExpertLoadSpec expert_load;
  OuterSpec outer;

  /// Shards what ZeRO `stage` does. With keeps_whole_stages a stage of a pipeline has its
  /// parameters whole through a step, and reduces gradients in the last micro-batch: ZeRO 1 in time
  /// and bytes.
  void Shard(int stage) {
    zero = stage == 3 && stack.keeps_whole_stages && layout.pipeline > 1 ? 1 : stage;
  }

  /// Share of a sequence that one document is.
  [[nodiscard]] double document_share() const {
    return document_length > 0 && document_length < sequence_length
               ? static_cast<double>(document_length) / static_cast<double>(sequence_length)
               : 1;
  }

  /// The weights of the model are trained, all but `frozen` of them.
  [[nodiscard]] bool trains_base() const { return adapters.rank == 0; }

  /// Embedding and LM head are trained.
  [[nodiscard]] bool trains_tables() const { return trains_base() && !frozen.tables; }

  /// Nothing is frozen.
  [[nodiscard]] bool trains_all() const {
    return trains_base() && frozen.layers == 0 && !frozen.tables;
  }

  /// Bytes of an element between products: 16 bits whatever their format is, but 32 where all is in
  /// FP32, products in TF32 included. Under autocast a stack's constants say what is in 32 bits.
  [[nodiscard]] double activation_bytes() const {
    return PrecisionBytes(precision) > 2 && !stack.casts_weights ? 4 : 2;
  }

  /// Bytes of an element of a product's inputs, with its share of a block's scale.
  [[nodiscard]] double operand_bytes() const { return PrecisionBytes(precision) + scale_bytes; }

  /// Gradients go to the host as they are made, where the optimizer is: ZeRO-Offload with sharded
  /// gradients (DeepSpeed, stages 2 and 3).
  [[nodiscard]] bool offloads_gradients() const {
    return zero >= 2 && optimizer.place != StatesPlace::kHbm;
  }

  /// Scores stay on the chip. PyTorch has a fused kernel in 32 bits, but none for grouped queries
  /// (2.11: 60 GB allocated for 2.0 billion parameters and 4,096 tokens, scores of every layer in
  /// it; tools/calibration/measured).
  [[nodiscard]] bool fuses_attention() const {
    const bool grouped = model.heads > std::max(model.kv_heads, layout.tensor);
    return stack.fused_attention && !(activation_bytes() > 2 && grouped);
  }

  /// The same where the stack does so for all of its jobs.
  [[nodiscard]] bool offloads() const { return offload_activations || stack.offloads_activations; }

  /// The least time of a layer and micro-batch: kernel launches. More of them where tensor-parallel
  /// ranks wait for each other's hosts, in a pipeline or across the sockets of a server, shared out
  /// like the floors themselves.
  [[nodiscard]] Seconds launch_floor(bool backward) const {
    const double more = adapters.launches();
    const Seconds both = (stack.launch_floor_forward + stack.launch_floor_backward) * more;
    const Seconds floor =
        (backward ? stack.launch_floor_backward : stack.launch_floor_forward) * more;
    if (layout.tensor == 1 || both.si() <= 0) {
      return floor;
    }
    constexpr int kRanksOfSocket = 4;
    Seconds waiting = layout.tensor > kRanksOfSocket ? stack.wide_launch : Seconds(0);
    if (layout.pipeline > 1) {
      waiting += stack.pipelined_launch * (layout.tensor - 1);
    }
    return floor + waiting * (floor / both);
  }

  /// Bytes of gradients that are reduced at a time, per rank.
  [[nodiscard]] Bytes gradient_bucket() const {
    if (zero_buffers.reduce > 0) {
      return Bytes(stack.main_gradient_bytes * zero_buffers.reduce);
    }
    const double replicas = static_cast<double>(layout.data) * layout.context;
    return std::max(stack.gradient_bucket, stack.gradient_bucket_per_replica * replicas);
  }

  /// Outputs of norms and activation functions are kept for the backward pass. With experts,
  /// selective recomputation is about these (NVIDIA/Megatron-LM: modules layernorm and moe_act).
  [[nodiscard]] bool keeps_elementwise_outputs() const {
    return stack.saves_elementwise_outputs &&
           !(model.has_experts() && recompute == Recompute::kSelective);
  }
};

/// What a stack keeps and moves where all is in FP32: weights are their own master copies.
StackSpec InSinglePrecision(StackSpec stack);

}  // namespace gridlock
