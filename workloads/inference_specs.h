#pragma once

// What serving knows of models, parts, engines and layouts, and what times are made of.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"

namespace gridlock {

/// How weights are stored. The last ones are kinds of GGUF files, which pack all matrices, the
/// tables of words among them.
enum class WeightFormat {
  kBf16,
  kFp8,
  kInt8,
  kInt4,
  kNvfp4,
  kMxfp4,
  kQ80,
  kQ6K,
  kQ5KM,
  kQ4KM,
  kQ40,
  kQ3KM,
  kQ2K
};

/// The names that WeightFormatByName takes, for messages.
extern const char* const kWeightFormatNames;

/// By the name in tables, in small or capital letters: "fp16", "bf16", "fp8", "int8", "int4",
/// "nvfp4" or "fp4", "mxfp4", "q4_k_m". Returns false when there is no such format.
bool WeightFormatByName(const std::string& name, WeightFormat& format);

/// Whether it is a kind of GGUF.
bool IsGguf(WeightFormat format);

const char* WeightFormatName(WeightFormat format);

/// Bytes of a weight, scales included.
double BytesOfFormat(WeightFormat format);

/// How an engine chooses the next word from the scores of all words.
enum class Sampling {
  kGreedy,  ///< the likeliest
  kRandom,  ///< drawn at a temperature
  kTopP,    ///< drawn from the likeliest that make up a share (top-p, nucleus)
};

/// A transformer as serving sees it.
struct InferenceModel {
  std::string name;
  int layers = 0, hidden = 0, heads = 0, kv_heads = 0, head_dim = 0;
  double ffn = 0;  ///< width of dense layers; 0: all layers have experts
  int vocabulary = 0;
  int experts = 0, experts_per_token = 0, shared_experts = 0, expert_ffn = 0;
  int dense_layers = 0;       ///< leading ones of a model with experts
  bool gated = true;          ///< three matrices in a feed-forward block, not two
  bool block_scales = false;  ///< weights of 8 bits have a scale for each block, not one for all
  bool latent = false;  ///< MLA: all heads share one latent vector and one rotary key per token
  int kv_rank = 512, q_rank = 1536, rotary_dim = 64, value_dim = 128;  ///< of MLA
  int context = 0;            ///< tokens of the longest prompt; 0: not known
  int window = 0;             ///< tokens that a layer with a sliding window keeps
  double windowed_share = 0;  ///< of the layers
  bool states = false;  ///< some of those keep a state of that size, however short a sequence is
  bool tied = false;    ///< the LM head is the table of embeddings
  /// Of an encoder in front of the decoder, of the same widths: each layer of the decoder has
  /// attention to its tokens as well. 0: there is none.
  int encoder_layers = 0;
  int encoder_tokens = 0;      ///< of the inputs that it was made for
  bool encodes_alone = false;  ///< no words come out: one vector or score for each input
  int picked = 0;  ///< tokens that an indexer picks for attention; 0: attention sees all
  int indexer_heads = 0, indexer_dim = 0;
  WeightFormat checkpoint = WeightFormat::kBf16;  ///< of its published weights
  bool checkpoint_ffn_alone = false;              ///< whose attention keeps 16 bits

  /// That its head gives scores to.
  [[nodiscard]] double words() const { return encodes_alone ? 0 : vocabulary; }
};

/// Of a cached token in one layer, for an indexer: a key of 8 bits and its scale.
double IndexerCacheBytes(const InferenceModel& model);

/// Grouped products of experts in one layer, with the kernels around them, as engines run them.
struct ExpertKernels {
  double time = 0;        ///< s before any work: routing, sorting, launches
  double efficiency = 0;  ///< of the peak that the format runs at; 0: not known
  double hbm_efficiency = 0;
  double traffic = 0;  ///< of tokens that are copied and added up, over 16 bits at the HBM's rate
};

/// Formats whose grouped products differ: FP8 with one scale a tensor or one a block.
enum class ExpertFormat { kBf16, kFp8, kFp8Blocks, kNvfp4, kMxfp4 };

inline constexpr int kExpertFormats = 5;

/// An accelerator in its server, with what serving kernels reach on it. The machine comes from the
/// catalogue's servers, the shares of its rates from workloads/catalog/serving_parts.csv.
struct InferencePart {
  std::string name;
  double peak_bf16 = 0, peak_fp8 = 0, peak_fp4 = 0;  ///< FLOP/s, dense; 0: not native
  double hbm_capacity = 0;                           ///< bytes that a framework sees
  double hbm_bandwidth = 0;                          ///< bytes/s
  double domain = 8;                                 ///< accelerators that links reach
  double link_bandwidth = 0;                         ///< bytes/s per direction inside the domain
  /// By number of members: of link_bandwidth, what each sends in a ring; empty: all of it.
  std::vector<double> ring_shares;
  CollectiveFit inside, across;    ///< collectives in the domain and beyond it
  double link_direct_latency = 0;  ///< s, of one kernel in which all send to all; 0: there is none
  double nic_bandwidth = 25e9;     ///< bytes/s per accelerator and direction, beyond the domain
  double host_bandwidth = 55e9;    ///< bytes/s from the host's memory, as AcceleratorSpec has it
  double gemm_efficiency = 0.65;   ///< of the BF16 peak, large products
  double fp8_efficiency = 0.6;
  double fp4_efficiency = 0.4;
  /// Products of 8-bit weights with more than fp8_few_rows rows take as long as with so many more:
  /// kernels for many rows work on tiles, the last of which is partly empty.
  double fp8_tile_rows = 0, fp8_few_rows = 0;
  double widened_efficiency = 1;   ///< of products whose 4-bit weights are widened, over plain ones
  double expert_efficiency = 0.7;  ///< grouped products over plain ones, where `experts` has none
  std::array<ExpertKernels, kExpertFormats> experts{};  ///< by ExpertFormat
  double attention_efficiency = 0.5;                    ///< prefill attention over the BF16 peak
  double hbm_efficiency = 0.85;                         ///< of streaming weights
  double fp4_hbm_efficiency = 0;                        ///< the same of 4-bit weights; 0: as others
  double latent_efficiency = 0.6;          ///< decode attention on latent caches, of the BF16 peak
  double cache_efficiency = 0.8;           ///< of reading caches, over the HBM bandwidth
  double kernel_time = 2.5e-6;             ///< s, of a small kernel in a graph
  double host_factor = 1;                  ///< time of the host over that of an H100 server's
  double idle_power = 0, power_limit = 0;  ///< W; 0: not known
  double joules_per_flop = 0, joules_per_byte = 0;  ///< of BF16 FLOP and HBM bytes
};

enum class Batching {
  kStatic,   ///< a batch is prefilled, then decoded until its last sequence ends
  kPrompts,  ///< iterations of whole prompts alone come before decoding
  kFused,    ///< whole prompts go with decoding
  kChunked,  ///< chunks of prompts go with decoding
};

/// A serving engine: a family of releases. Filled from workloads/catalog/serving_engines.csv.
struct InferenceEngine {
  std::string name;
  Batching batching = Batching::kChunked;
  std::int64_t token_budget = 8192;  ///< rows of an iteration
  std::int64_t batch_max = 256;      ///< sequences of one data-parallel rank
  /// Rows that a stage of a pipeline works on at once: a batch of fewer goes through the stages one
  /// after another. 0: stages divide each batch among them.
  std::int64_t stage_rows = 0;
  std::int64_t slot_tokens = 0;  ///< that the cache of a sequence has, used or not; 0: as it grows
  bool packs_weights = false;    ///< serves a checkpoint of 16 bits as Q4_K_M where nothing is said
  double mxfp4_other_bytes = 0;  ///< of a weight outside of experts in MXFP4, tables too; 0: 2
  std::int64_t small_token_budget = 0, small_batch_max = 0;  ///< on small parts; 0: the same
  double memory_share = 0.9;  ///< of HBM, or of what weights leave when share_of_free
  bool share_of_free = false;
  bool profile_context = false;   ///< sets memory aside for a prompt of the model's whole context
  double reserve = 2e9;           ///< bytes per accelerator: graphs, libraries
  double link_reserve = 0;        ///< more of them where a replica has several H100: link buffers
  bool outside_share = false;     ///< activations and samplers come out of what memory_share leaves
  double sampler_bytes = 4;       ///< that sampling takes for a sequence and a word
  bool whole_logits = false;      ///< each tensor-parallel rank samples from all words
  bool reserve_whole = false;     ///< room for the whole answer before a request is admitted
  bool narrow_cache = false;      ///< FP8 weights mean an FP8 cache where nothing is said
  std::int64_t page = 16;         ///< tokens of a page of the cache
  std::int64_t cache_tokens = 0;  ///< of a replica, where its user says so; 0: what HBM holds
  /// Adapters that a batch can mix, and that lie in HBM; of engines that say nothing as SGLang.
  std::int64_t adapter_slots = 8;
  double host_time = 0.5e-3;  ///< s per iteration
  bool hides_host = false;    ///< the host prepares an iteration while the one before it runs
  double host_sequence = 0;   ///< s per iteration and sequence
  double stream_time = 0;     ///< s that a server's host takes per token that it sends, beside
  double layer_launch = 0;    ///< s that the host takes to launch a layer kernel by kernel
  double kernels = 10;        ///< small kernels of a dense layer
  double expert_kernels = 8;  ///< more of them in a layer with experts; 8: as measured alone
  double expert_traffic = 1;  ///< of tokens on their way to experts, over the part's
  double expert_align = 0;    ///< s an expert of a layer, in one kernel that sorts tokens for them
  double block_product = 0;   ///< s more of a product of 8-bit weights with a scale a block
  double block_factor = 1;    ///< on the rate of large ones of them
  double gemm_factor = 1;     ///< on the efficiencies of the part
  double hbm_factor = 1;
  double cache_factor = 1;
  double narrow_cache_factor = 1;  ///< of reading caches of 8 bits, over those of 16
  double traffic = 1;              ///< of activations, over what fused kernels read and write
  double attention_factor = 1;     ///< of prefill attention
  double vector_attention =
      0;                       ///< decode attention without matrix units, of the BF16 peak; 0: with
  double latent_factor = 1;    ///< of attention with latent caches, over what the part reaches
  double top_p_bytes = 60;     ///< that top-p moves for a word of a sequence, at the HBM's rate
  bool whole_windows = false;  ///< caches of layers with a sliding window have room for all tokens
  bool computes_on_host = false;  ///< processors of the host work on weights that lie there
  bool read_by_head = false;      ///< each query head reads keys and values, not each group once
  bool direct_reduce = false;     ///< small all-reduces in one kernel, where the part's links allow
  bool slices_experts = false;    ///< beside data-parallel attention, where nothing is said
  bool shared_budget = false;     ///< token_budget is that of all data-parallel ranks together
  bool overlap = false;    ///< all-to-alls of one half of a batch beside the other half's work,
                           ///< where that is sooner
  double int8_factor = 1;  ///< on reading weights that kernels widen from 8 or 4 bits
  double int4_factor = 1;
  double link_factor = 1;       ///< on the latencies of links
  double imbalance = 1;         ///< of the busiest rank when experts are spread
  double request_overhead = 0;  ///< s to the first token: HTTP, tokeniser
};

/// Bytes/s per direction that each of so many accelerators of a domain sends in a ring of them.
double RingBandwidth(const InferencePart& part, int members);

/// The engine as it sets itself up on a part: small ones get small budgets.
InferenceEngine EngineOn(const InferencePart& part, InferenceEngine engine);

/// Bytes of a number in the KV cache where its user says nothing: 2, or 1 where weights are of 8 or
/// 4 bits in floating point and the engine narrows its cache with them.
double UsualCacheBytes(WeightFormat weights, const InferenceEngine& engine);

/// Low-rank adapters (LoRA) of 16 bits that requests ask for, as a replica holds them.
struct ServedAdapters {
  int rank = 0;            ///< 0: there are none
  int targets = 0;         ///< bits of adapter_target (workloads/training.h)
  std::int64_t slots = 0;  ///< of them in HBM; 0: as the engine has it
};

/// Adapters that requests ask for: the n-th of them in proportion to n^-skew.
struct AskedAdapters {
  int count = 0;    ///< 0: the model alone
  double skew = 0;  ///< 0: all alike
};

/// How a replica is laid out, and its formats.
struct InferenceLayout {
  int tensor = 1;  ///< of attention and dense layers
  int pipeline = 1;
  int data = 1;  ///< attention copies of a replica; experts lie on the ranks of all of them
  bool experts_spread = false;  ///< whole experts on ranks, not slices of all
  WeightFormat weights = WeightFormat::kBf16;
  bool narrow_ffn_alone = false;  ///< attention keeps 16 bits
  /// Bytes of a weight outside of experts where those alone have the format, and of one of the
  /// tables of words; 0: 2.
  double other_bytes = 0, table_bytes = 0;
  double cache_bytes = 2;  ///< of an element
  int beams = 1;           ///< of beam search, each of which decodes on its own behind one prompt
  double beams_room = 1;   ///< tokens of a prompt and of all its beams, over those of one beam
  Sampling sampling = Sampling::kGreedy;
  int draft_tokens = 0;  ///< of speculative decoding, checked in one pass
  double accepted = 0;   ///< share of a draft token that is accepted, after those before it
  ServedAdapters adapters;
  double host_share = 0;  ///< of experts, or of layers without any, that lie in the host's memory
  double host_memory = 67e9;  ///< bytes/s at which the host's processors read that
  int expert_ranks = 0;       ///< accelerators of experts alone, apart from attention; 0: not apart
  int micro_batches = 3;      ///< that attention and experts take in turns, when they are apart

  [[nodiscard]] int accelerators() const { return tensor * pipeline * data + expert_ranks; }

  [[nodiscard]] bool apart() const { return expert_ranks > 0; }

  /// Tokens that a sequence gains in an iteration, 1 without drafts.
  [[nodiscard]] double TokensPerStep() const;
};

/// Beam search: so many beams share one prompt. Each decodes a row of every iteration, reads the
/// whole cache of the prompt and its own, and keeps what it says. Tokens are those of one beam.
void SetBeams(int beams, double prompt_tokens, double answer_tokens, InferenceLayout& layout);

/// What an iteration spends its time on.
enum class Limit { kWeights, kCache, kCompute, kLinks, kKernels, kHost };

inline constexpr int kLimits = 6;

const char* LimitName(Limit limit);

using LimitTimes = std::array<double, kLimits>;  ///< s, by Limit

/// Iterations with given rows take base, which is the sum of limits, and read for each cached token
/// that decoding reads.
struct CostLine {
  LimitTimes limits{};
  Seconds base, read;
  bool beside = false;  ///< of a host that works while accelerators do
};

/// The longest of so many lines.
struct CostLines {
  std::array<CostLine, 3> lines{};
  int count = 1;

  /// The longest with so many cached tokens.
  [[nodiscard]] const CostLine& At(double reads) const;

  /// What each iteration takes of accelerators beside, whichever of their lines it is.
  void Add(const LimitTimes& more);
};

/// What adapters of a replica take: HBM, and in each iteration time. Beside every product that has
/// an adapter two narrow ones run, one kernel each, over tokens of all adapters together (Punica,
/// Chen et al. 2023, arXiv:2310.18547): they read the weights of each adapter that some token asks
/// for, read the product's input and add to its output. Half of an adapter is the same on each
/// tensor-parallel rank (vLLM and SGLang where nothing is said). Each expert has one of its own
/// where that is asked for: it is read when some token of the adapter goes to the expert.
class AdapterCosts {
 public:
  AdapterCosts() = default;

  AdapterCosts(const InferenceModel& model, const InferencePart& part,
               const InferenceEngine& engine, const InferenceLayout& layout);

  /// Of `rows` tokens, each of which asks for one of `distinct` adapters, in one iteration.
  [[nodiscard]] LimitTimes Limits(double rows, double distinct) const;

  /// Of one adapter, on one accelerator.
  [[nodiscard]] Bytes bytes() const { return Bytes(bytes_); }

  /// Adapters that HBM holds.
  [[nodiscard]] std::int64_t slots() const { return slots_; }

  /// To copy one from the host's memory; the ranks do so side by side.
  [[nodiscard]] Seconds LoadTime() const { return Seconds(load_time_); }

  /// FLOP of one token on all accelerators, and HBM bytes of reading one adapter there.
  [[nodiscard]] double flop() const { return flop_; }

  [[nodiscard]] double read_bytes() const { return bytes_ * accelerators_; }

 private:
  double bytes_ = 0, load_time_ = 0, flop_ = 0, accelerators_ = 1;
  std::int64_t slots_ = 0;
  double copies_ = 1, stages_ = 1;    ///< of attention, and of the pipeline
  double kernels_ = 0;                ///< s in all layers
  double read_ = 0;                   ///< s for the weights of an adapter, in all layers
  double compute_ = 0, traffic_ = 0;  ///< s for a token, in all layers

  void AddExperts(const InferenceModel& model, const InferencePart& part,
                  const InferenceEngine& engine, const InferenceLayout& layout);

  /// Of adapters of experts, on one rank.
  struct {
    double here = 0, chosen = 0;      ///< experts, and the share of all that a token goes to
    double read = 0;                  ///< s for the adapter of one expert, in all layers
    double compute = 0, traffic = 0;  ///< s for a token at one expert, in all layers
  } experts_;
};

/// What all layers of a replica take with so many rows.
struct LayerTimes {
  double rows = 0;
  LimitTimes times{};  ///< of all layers
  double bytes = 0;    ///< of weights, on one accelerator
  // Where experts are apart, `times` are those of attention and dense blocks.
  LimitTimes common{};   ///< of attention in one layer and micro-batch
  LimitTimes experts{};  ///< of experts in one layer and micro-batch
  double exchange = 0;   ///< s of tokens one way, in one layer and micro-batch
};

}  // namespace gridlock
