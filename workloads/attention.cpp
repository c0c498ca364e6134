// Attention: grouped queries, and multi-head latent attention.

#include <algorithm>

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

// Context-parallel ranks run attention on slices: one kernel for each pair of a slice of queries
// and one of keys and values. Short kernels are less efficient: their time over that of kernels of
// kUsualSlice tokens grows as 1 + lost / tokens. Fitted to causal attention of 512 to 4,096 tokens,
// 16,384 in all, measured on one H100 SXM (PyTorch 2.11): within 4 % forward and 5 % backward.
constexpr double kUsualSlice = 4096;
constexpr double kLostForward = 335, kLostBackward = 1150;

double SliceSlowdown(const TrainingSpec& job, double lost) {
  if (!job.stack.fused_attention) {
    return 1;
  }
  const double slice = static_cast<double>(job.sequence_length) / job.layout.context;
  return std::max(1.0, (1 + lost / slice) / (1 + lost / kUsualSlice));
}

// Projections up from the latents, split over the tensor-parallel ranks by heads.
std::vector<Matrix> UpProjections(const TrainingSpec& job, const LayerShape& s) {
  const LatentAttentionSpec& latent = job.model.latent;
  const double plain_keys = s.heads * latent.plain_head_dim;
  std::vector<Matrix> out;
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
  joined.beside = Beside(job, {kQuery, kKey, kValue},
                         {s.query / s.tensor, s.key / s.tensor, s.value / s.tensor});
  Matrix result{"attention_out", s.hidden, s.attended / s.tensor};
  result.beside = Beside(job, {kAttentionOut, 0, 0}, {s.hidden, 0, 0});
  return {joined, result};
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

// Two products of 2 s^2 d per head. Narayanan et al. 2021, appendix.
double AttentionFlop(const LayerShape& s, double share) {
  return 2.0 * s.tokens * s.sequence * (s.query + s.attended) / s.tensor * share;
}

double ScoreElements(const LayerShape& s) {
  return s.tokens * s.sequence * s.heads / s.tensor;
}

void AddAttentionForward(const TrainingSpec& job, const LayerShape& s, double calls,
                         std::vector<Operation>& out) {
  const double stream =
      kActivationBytes * s.tokens * (s.query + s.attended + s.key + s.value) / s.tensor;
  out.push_back({"attention", Kernel::kAttention, Flop(AttentionFlop(s, s.score_share)),
                 Bytes(stream), calls, /*wide=*/true, /*of_weights=*/false,
                 SliceSlowdown(job, kLostForward)});
  if (!job.stack.fused_attention) {
    out.push_back(Elementwise("softmax", kScoreBytesForward * ScoreElements(s), calls));
  }
}

void AddAttentionBackward(const TrainingSpec& job, const LayerShape& s, double calls,
                          std::vector<Operation>& out) {
  // Fused kernels compute the scores again: five products instead of four (Dao et al. 2022).
  const double products = job.stack.fused_attention ? 2.5 : 2.0;
  const double stream = kActivationBytes * s.tokens *
                        (3 * s.query + 2 * s.attended + 2 * s.key + 2 * s.value) / s.tensor;
  out.push_back({"attention_backward", Kernel::kAttentionBackward,
                 Flop(products * AttentionFlop(s, s.score_share)), Bytes(stream), calls,
                 /*wide=*/true, /*of_weights=*/false, SliceSlowdown(job, kLostBackward)});
  if (!job.stack.fused_attention) {
    out.push_back(Elementwise("softmax_backward", kScoreBytesBackward * ScoreElements(s), calls));
  }
}

// Ring attention (Liu et al. 2023): each rank's keys and values visit all other ranks of its
// context-parallel group; in the backward pass their gradients travel with them.
Bytes ContextBytes(const TrainingSpec& job, const LayerShape& s, double layers, bool backward) {
  const double once = kActivationBytes * s.tokens * (s.key + s.value) / s.tensor;
  return Bytes((job.layout.context - 1) * once * layers * (backward ? 2.0 : 1.0));
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

}  // namespace gridlock
