// Attention: grouped queries, multi-head latent attention, windows, and attention to an encoder.

#include <algorithm>
#include <cmath>

#include "workloads/layer_shape.h"

namespace gridlock {

namespace {

using namespace adapter_target;

// HBM bytes of the score matrices when they are not kept on the chip, per element of the matrix:
// forward writes the scores, masks and normalises them (read, write), drops (read, write, mask
// byte) and reads them for PV; backward does the same for two gradients and reads the kept
// probabilities. Counted kernel by kernel for 16-bit scores; the tensors are those of Korthikanti
// et al. 2022, eq. 1.
constexpr double kScoreBytesForward = 2 + 4 + 5 + 2;
constexpr double kScoreBytesBackward = 2 + 5 + 6 + 4 + 2;

// The same in 32 bits, where PyTorch takes everything apart: scaling, mask, a softmax that looks
// for rows without a score, and copies. 32 heads on 8 of keys, 128 wide, 4,096 tokens, measured on
// one H200 (PyTorch 2.11) beside its products: 14 times 4 bytes forward, 8 to 9 times backward.
constexpr double kSingleScoreForward = 14 * 4, kSingleScoreBackward = 8.5 * 4;

// Stacks that take norms apart take scaling, mask, casts and softmax apart, too.
double ScoreBytes(const TrainingSpec& job, bool backward) {
  if (job.activation_bytes() > kHalfBytes) {
    return backward ? kSingleScoreBackward : kSingleScoreForward;
  }
  return (TakesApart(job) ? job.stack.hbm_traffic_factor : 1) *
         (backward ? kScoreBytesBackward : kScoreBytesForward);
}

// The time of a fused kernel over that of one with heads of 128 and kUsualSlice tokens, whose rate
// accelerators have. Measured on one H100 SXM (PyTorch 2.11); other parts are taken to go alike.
//  * Short kernels are less efficient: the time of a FLOP grows as 1 + lost / tokens (512 to 16,384
//    tokens, heads of 128 on 8 and 128 heads: within 5 %). Entries are of 4,096 to 8,192 tokens.
//    Context-parallel ranks run one kernel for each pair of a slice of queries and one of keys and
//    values.
//  * Heads are padded to a multiple of 64, and their softmax takes as long as `softmax` more of a
//    head's width does (64 to 256: within 6 %; backward at 64 and 128: within 4 %).
//  * A width that is no multiple of 8 falls back on kernels of 3.5 times the time (150).
//  * In 32 bits the length does not count: kernels are ten times as slow (1,024 and 2,048 tokens).
//  * Beyond 8,192 tokens nothing is gained: kernels of 2024 are flat there (FlashAttention-3 paper,
//    arXiv:2407.08608, figure 5; published steps of 16,384 to 1,048,576 tokens), those of 2026 gain
//    a tenth, which is an `attention_speed` of stacks.
constexpr double kUsualSlice = 5800, kLongestSlice = 8192, kUsualHead = 128;

struct KernelLoss {
  double lost, softmax;
};

constexpr KernelLoss kForwardLoss{335, 64}, kBackwardLoss{1150, 43};

// Tokens of a usual kernel that has as much to do for each token: half of them are seen under a
// causal mask, and all those of a window.
double UsualSlice(const TrainingSpec& job, Block block) {
  const int parts = job.layout.exchanges_heads() ? 1 : job.layout.context;
  const double whole = static_cast<double>(job.sequence_length) / parts;
  const double slice =
      job.document_length > 0 ? std::min(whole, static_cast<double>(job.document_length)) : whole;
  if (block != Block::kWindow) {
    return slice;
  }
  return std::min(slice, (job.model.chunked_window ? 1.0 : 2.0) * job.model.window);
}

double KernelSlowdown(const TrainingSpec& job, const LayerShape& s, const KernelLoss& loss,
                      double usual_slice) {
  const double wide = s.query / s.heads, value = s.attended / s.heads;
  const bool single = job.activation_bytes() > kHalfBytes;
  if (!job.fuses_attention()) {
    // Two products, whose heads begin at multiples of their width.
    return single ? 1 : AlignmentSlowdown(wide, value);
  }
  const double slice = std::min(usual_slice, kLongestSlice);
  const double length = single ? 1 : (1 + loss.lost / slice) / (1 + loss.lost / kUsualSlice);
  constexpr double kPadding = 64, kAlignment = 8, kFallback = 3.5;
  // FlashAttention-2 has kernels of 32, 64, 96, 128, 192 and 256 (Dao-AILab/flash-attention,
  // csrc/flash_attn/flash_api.cpp: head_size_rounded).
  constexpr double kPortablePadding = 32, kPortableUpTo = 128;
  const auto padded = [&](double width) {
    const bool portable = job.stack.portable_attention && width <= kPortableUpTo;
    const double multiple = portable ? kPortablePadding : kPadding;
    return std::ceil(width / multiple) * multiple;
  };
  const double head = ((padded(wide) + padded(value)) / 2 + loss.softmax) /
                      (kUsualHead + loss.softmax) * (2 * kUsualHead / (wide + value));
  const bool aligned = std::fmod(wide, kAlignment) == 0 && std::fmod(value, kAlignment) == 0;
  return length * head * (aligned ? 1 : kFallback);
}

// A fused kernel in 32 bits has the rate of FP32 whether products are in TF32 or not (1.69 ms for
// 4 x 16 heads of 2,048 tokens either way, measured on one H200, PyTorch 2.11); one that is not
// fused is two products, at the rate of any other.
Operation ScoreProducts(const TrainingSpec& job, const char* name, Kernel kernel, Flop flop,
                        Bytes stream, double calls, double slowdown) {
  Operation out{name, kernel, flop, stream, calls, /*wide=*/true};
  out.slowdown = slowdown;
  if (job.activation_bytes() > kHalfBytes) {
    out.single = job.fuses_attention();
    out.kernel = out.single ? kernel : Kernel::kGemm;
  }
  return out;
}

// Projections up from the latents, split over the tensor-parallel ranks by heads.
std::vector<Matrix> UpProjections(const TrainingSpec& job, const LayerShape& s) {
  const LatentAttentionSpec& latent = job.model.latent;
  const double plain_keys = s.heads * latent.plain_head_dim;
  std::vector<Matrix> out;
  out.reserve(2);
  if (latent.query_rank > 0) {
    out.push_back({"query_up", s.query / s.tensor, 1.0 * latent.query_rank});
    out.back().beside = Beside(job, {kQuery, 0, 0}, {out.back().n, 0, 0});
  }
  out.push_back({"key_value_up", (plain_keys + s.value) / s.tensor, 1.0 * latent.key_value_rank});
  out.back().beside = Beside(job, {kKey | kValue, 0, 0}, {out.back().n, 0, 0});
  return out;
}

// DeepSeek-V2, arXiv:2405.04434, section 2.1. The projections down are narrow and whole on every
// tensor-parallel rank (NVIDIA/Megatron-LM, multi_latent_attention).
std::vector<Matrix> LatentMatrices(const TrainingSpec& job, const LayerShape& s) {
  const LatentAttentionSpec& latent = job.model.latent;
  std::vector<Matrix> out;
  out.reserve(8);
  if (latent.query_rank > 0) {
    out.push_back({"query_down", 1.0 * latent.query_rank, s.hidden, s.sequence_split});
  } else {
    out.push_back({"query", s.query / s.tensor, s.hidden});
  }
  out.back().beside = Beside(job, {kQuery, 0, 0}, {out.back().n, 0, 0});
  out.push_back({"key_value_down", 1.0 * latent.key_value_rank + latent.rotary_head_dim, s.hidden,
                 s.sequence_split});
  out.back().beside = Beside(job, {kKey | kValue, 0, 0}, {out.back().n, 0, 0});
  for (const Matrix& up : UpProjections(job, s)) {
    out.push_back(up);
  }
  for (const Matrix& index : IndexerMatrices(job, s)) {
    out.push_back(index);
  }
  out.push_back({"attention_out", s.hidden, s.attended / s.tensor});
  out.back().beside = Beside(job, {kAttentionOut, 0, 0}, {s.hidden, 0, 0});
  return out;
}

}  // namespace

std::vector<Matrix> AttentionMatrices(const TrainingSpec& job, const LayerShape& s) {
  if (job.model.latent.key_value_rank > 0) {
    return LatentMatrices(job, s);
  }
  Matrix joined{"qkv", (s.query + s.key + s.value) / s.tensor, s.hidden};
  joined.split_in = s.sequence_split;
  joined.beside = Beside(job, {kQuery, kKey, kValue},
                         {s.query / s.tensor, s.key / s.tensor, s.value / s.tensor});
  Matrix result{"attention_out", s.hidden, s.attended / s.tensor};
  result.split_out = s.sequence_split;
  result.beside = Beside(job, {kAttentionOut, 0, 0}, {s.hidden, 0, 0});
  std::vector<Matrix> all{joined, result};
  const std::vector<Matrix> index = IndexerMatrices(job, s);
  all.insert(all.begin() + 1, index.begin(), index.end());
  return all;
}

std::vector<Matrix> RecomputedMatrices(const TrainingSpec& job, const LayerShape& s) {
  if (job.recompute != Recompute::kSelective) {
    return {};
  }
  if (job.stack.selective_every_second_product) {
    return {{"key", s.key / s.tensor, s.hidden},
            {"attention_out", s.hidden, s.attended / s.tensor}};
  }
  return job.model.latent.key_value_rank > 0 ? UpProjections(job, s) : std::vector<Matrix>{};
}

namespace {

// Share of all pairs of tokens that a window leaves, when it has `share` of the tokens: causal, the
// first tokens see fewer; else, those at both ends do.
double WindowShare(const ModelSpec& model, double share) {
  const bool causal = model.attention == Attention::kCausal;
  if (share >= 1) {
    return causal ? 0.5 : 1.0;
  }
  if (model.chunked_window) {
    return causal ? share / 2 : share;
  }
  return share * (1 - share / (causal ? 2 : 4));
}

// A window of `tokens` within the documents of a sequence, which are sequences of their own.
double ShareInDocuments(const TrainingSpec& job, double tokens) {
  const double documents = job.document_share();
  return documents *
         WindowShare(job.model, tokens / (documents * static_cast<double>(job.sequence_length)));
}

}  // namespace

double CountedShare(const TrainingSpec& job, Block block) {
  if (block == Block::kWindow) {
    return ShareInDocuments(job, job.model.window);
  }
  return std::min(PickedShare(job),
                  ShareInDocuments(job, static_cast<double>(job.sequence_length)));
}

// Fused kernels take whole tiles of keys: those that a window begins and ends in are computed in
// full (Dao-AILab/flash-attention, hopper/tile_size.h: 128 keys under a local mask). Chunks are
// sequences of their own.
double ComputedShare(const TrainingSpec& job, const LayerShape& s, Block block) {
  if (!job.fuses_attention()) {
    return 1;
  }
  if (block == Block::kAttention) {
    return ShareInDocuments(job, static_cast<double>(job.sequence_length)) *
           PickedOverMasked(job, s);
  }
  if (job.model.chunked_window) {
    return CountedShare(job, block);
  }
  constexpr double kTile = 128;
  return ShareInDocuments(job, job.model.window + kTile);
}

// Two products of 2 s^2 d per head. Narayanan et al. 2021, appendix.
double AttentionFlop(const LayerShape& s, double share) {
  return 2.0 * s.tokens * s.sequence * (s.query + s.attended) / s.tensor * share;
}

double ScoreElements(const LayerShape& s) {
  return s.tokens * s.sequence * s.heads / s.tensor;
}

namespace {

// PyTorch's ring (distributed/tensor/experimental/_attention.py). Each step but the first brings a
// partial result. Of half of them (those of ranks behind) one half of the rows is new, so that
// three quarters of the rows are added up on average. Forward (_SDPAMerger): cast to 32 bits (6
// bytes an element), difference of outputs (12), times a weight (8), taken from the sum (12), and
// for half of the steps both halves copied together (8). Backward: gradients cast (6) and added
// (12), those of keys and values of all rows, which also come around in 32 bits.
void AddMerges(const TrainingSpec& job, const LayerShape& s, bool backward, double calls,
               std::vector<Operation>& out) {
  const double steps = job.layout.context - 1;
  if (!job.stack.merges_apart || steps <= 0 || job.layout.exchanges_heads()) {
    return;
  }
  constexpr double kRows = 0.75, kForward = 38, kCopy = 8, kBackward = 18;
  const double width = backward ? kBackward * (kRows * s.query + s.key + s.value)
                                : (kForward * kRows + kCopy / 2) * s.attended;
  out.push_back(Elementwise(backward ? "merge_backward" : "merge",
                            steps * s.tokens * width / s.tensor, calls));
}

}  // namespace

void AddAttentionForward(const TrainingSpec& job, const LayerShape& s, Block block, double calls,
                         std::vector<Operation>& out) {
  if (calls <= 0) {
    return;
  }
  const double stream =
      job.activation_bytes() * s.tokens * (s.query + s.attended + s.key + s.value) / s.tensor;
  out.push_back(ScoreProducts(job, block == Block::kWindow ? "window_attention" : "attention",
                              Kernel::kAttention,
                              Flop(AttentionFlop(s, ComputedShare(job, s, block))), Bytes(stream),
                              calls, KernelSlowdown(job, s, kForwardLoss, UsualSlice(job, block))));
  AddMerges(job, s, /*backward=*/false, calls, out);
  if (!job.fuses_attention()) {
    out.push_back(
        Elementwise("softmax", ScoreBytes(job, /*backward=*/false) * ScoreElements(s), calls));
  }
  if (block == Block::kAttention) {
    AddIndexerForward(job, s, calls, out);
  }
}

void AddAttentionBackward(const TrainingSpec& job, const LayerShape& s, Block block, double calls,
                          std::vector<Operation>& out) {
  if (calls <= 0) {
    return;
  }
  // Fused kernels compute the scores again: five products instead of four (Dao et al. 2022).
  const double products = job.fuses_attention() ? 2.5 : 2.0;
  const double stream = job.activation_bytes() * s.tokens *
                        (3 * s.query + 2 * s.attended + 2 * s.key + 2 * s.value) / s.tensor;
  out.push_back(ScoreProducts(
      job, block == Block::kWindow ? "window_attention_backward" : "attention_backward",
      Kernel::kAttentionBackward, Flop(products * AttentionFlop(s, ComputedShare(job, s, block))),
      Bytes(stream), calls, KernelSlowdown(job, s, kBackwardLoss, UsualSlice(job, block))));
  AddMerges(job, s, /*backward=*/true, calls, out);
  if (!job.fuses_attention()) {
    out.push_back(Elementwise("softmax_backward",
                              ScoreBytes(job, /*backward=*/true) * ScoreElements(s), calls));
  }
  if (block == Block::kAttention) {
    AddIndexerBackward(job, s, calls, out);
  }
}

// Ring attention (Liu et al. 2023): each rank's keys and values visit all other ranks of its
// context-parallel group; in the backward pass their gradients travel with them. Those of a window
// do so, too: frameworks gather all of them (NVIDIA Transformer Engine, context_parallel.py: a
// window needs cp_comm_type all_gather or a2a).
Bytes ContextBytes(const TrainingSpec& job, const LayerShape& s, double layers, bool backward) {
  if (job.layout.exchanges_heads()) {
    return Bytes(0);
  }
  const double once = job.activation_bytes() * s.tokens * (s.key + s.value) / s.tensor;
  return Bytes((job.layout.context - 1) * once * layers * (backward ? 2.0 : 1.0));
}

// DeepSpeed-Ulysses (Jacobs et al. 2023, arXiv:2309.14509, section 3.2): all-to-alls of queries,
// keys, values and the output, here as four calls of their mean size. Heads of keys and values are
// repeated where there are fewer than ranks. The backward pass exchanges their gradients.
AllToAllTraffic HeadExchange(const TrainingSpec& job, const LayerShape& s, double layers) {
  AllToAllTraffic traffic;
  if (!job.layout.exchanges_heads() || layers <= 0) {
    return traffic;
  }
  constexpr double kCalls = 4;
  const double pairs = std::max(job.model.kv_heads, job.layout.head_ranks());
  const double grouped = 2 * pairs * job.model.head_dim;
  const bool latent = job.model.latent.key_value_rank > 0;
  const double width = s.query + (latent ? s.key + s.value : grouped) + s.attended;
  traffic.calls = kCalls * layers;
  traffic.payload = Bytes(job.activation_bytes() * s.tokens * width / s.tensor / kCalls);
  return traffic;
}

double AttentionKept(const TrainingSpec& job, const LayerShape& s) {
  const LatentAttentionSpec& latent = job.model.latent;
  const double projected = (s.query + s.key + s.value) / s.tensor;
  if (latent.key_value_rank == 0) {
    return projected + s.attended / s.tensor;
  }
  const double latents =
      (latent.query_rank + latent.key_value_rank + latent.rotary_head_dim) / s.sequence_split;
  const bool again = job.recompute == Recompute::kSelective;
  return latents + (again ? 0.0 : projected) + s.attended / s.tensor;
}

// Attention to an encoder: keys and values of its tokens, all of which a token sees (Vaswani et al.
// 2017, section 3.2.3).
CrossAttention CrossAttentionOf(const TrainingSpec& job, const LayerShape& s) {
  CrossAttention cross;
  cross.rows = static_cast<double>(job.micro_batch) * job.model.encoder.tokens / job.layout.context;
  cross.query = {{"cross_query", s.query / s.tensor, s.hidden},
                 {"cross_out", s.hidden, s.attended / s.tensor}};
  cross.key_value = {"cross_key_value", (s.key + s.value) / s.tensor, s.hidden};
  cross.flop = 2.0 * s.tokens * job.model.encoder.tokens * (s.query + s.attended) / s.tensor;
  cross.kept =
      s.tokens * (s.query + s.attended) / s.tensor + cross.rows * (s.key + s.value) / s.tensor;
  return cross;
}

void AddCrossForward(const TrainingSpec& job, const LayerShape& s, double calls,
                     std::vector<Operation>& out) {
  if (calls <= 0) {
    return;
  }
  const CrossAttention cross = CrossAttentionOf(job, s);
  for (const Matrix& matrix : cross.query) {
    AddMatrixForward(job, matrix, s.tokens, calls, out);
  }
  AddMatrixForward(job, cross.key_value, cross.rows, calls, out);
  out.push_back(ScoreProducts(job, "cross_attention", Kernel::kAttention, Flop(cross.flop),
                              Bytes(job.activation_bytes() * cross.kept), calls,
                              KernelSlowdown(job, s, kForwardLoss, job.model.encoder.tokens)));
}

void AddCrossBackward(const TrainingSpec& job, const LayerShape& s, double calls,
                      std::vector<Operation>& out) {
  if (calls <= 0) {
    return;
  }
  const CrossAttention cross = CrossAttentionOf(job, s);
  for (const Matrix& matrix : cross.query) {
    AddMatrixBackward(job, matrix, s.tokens, calls, out);
  }
  AddMatrixBackward(job, cross.key_value, cross.rows, calls, out);
  constexpr double kProducts = 2.5;  // as in AddAttentionBackward
  out.push_back(ScoreProducts(job, "cross_attention_backward", Kernel::kAttentionBackward,
                              Flop(kProducts * cross.flop),
                              Bytes(3 * job.activation_bytes() * cross.kept), calls,
                              KernelSlowdown(job, s, kBackwardLoss, job.model.encoder.tokens)));
}

}  // namespace gridlock
