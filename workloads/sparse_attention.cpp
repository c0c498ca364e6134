// Attention to the tokens that an indexer picks (DeepSeek-V3.2, arXiv:2512.02556, section 2.1). The
// indexer scores all tokens before with few heads that share one key; attention then sees the best
// `tokens` of them.

#include <algorithm>

#include "workloads/layer_shape.h"

namespace gridlock {

namespace {

bool Picks(const TrainingSpec& job) {
  return job.model.indexer.heads > 0;
}

// Share of all pairs that are before a token.
double BeforeShare(const TrainingSpec& job) {
  return job.model.attention == Attention::kCausal ? 0.5 : 1.0;
}

double PickedTokens(const TrainingSpec& job) {
  return std::min<double>(job.model.indexer.tokens, static_cast<double>(job.sequence_length));
}

double IndexWidth(const TrainingSpec& job) {
  return 1.0 * job.model.indexer.heads * job.model.indexer.head_dim;
}

double IndexScoreBytes(const TrainingSpec& job, const LayerShape& s) {
  constexpr double kScore = 4;
  return kScore * s.tokens * s.sequence / s.sequence_split * BeforeShare(job);
}

}  // namespace

// Queries come from the latent of the queries where there is one. Narrow, and whole on every
// tensor-parallel rank, which share the tokens (deepseek-ai/DeepSeek-V3.2-Exp, inference/model.py).
std::vector<Matrix> IndexerMatrices(const TrainingSpec& job, const LayerShape& s) {
  if (!Picks(job)) {
    return {};
  }
  const double latent = job.model.latent.query_rank;
  return {{"index_query", IndexWidth(job), latent > 0 ? latent : s.hidden, s.sequence_split},
          {"index_key", 1.0 * job.model.indexer.head_dim, s.hidden, s.sequence_split},
          {"index_weights", 1.0 * job.model.indexer.heads, s.hidden, s.sequence_split}};
}

double PickedShare(const TrainingSpec& job) {
  if (!Picks(job)) {
    return BeforeShare(job);
  }
  const double share = PickedTokens(job) / static_cast<double>(job.sequence_length);
  return job.model.attention == Attention::kCausal ? share * (1 - share / 2) : share;
}

// A kernel that reads picked tokens works on the latents themselves, which all heads share, so that
// a pair takes 2 x (2 x 512 + 64) FLOP where one with keys and values takes 2 x (192 + 128): up to
// 2.3 times as many tokens as are picked a mask over all of them is the faster way (the paper's
// "masked MHA mode" for short sequences).
double PickedOverMasked(const TrainingSpec& job, const LayerShape& s) {
  if (!Picks(job)) {
    return 1;
  }
  const LatentAttentionSpec& latent = job.model.latent;
  const double wide = (s.query + s.attended) / s.heads;
  const double narrow =
      latent.key_value_rank > 0 ? 2.0 * latent.key_value_rank + latent.rotary_head_dim : wide;
  return std::min(1.0, PickedShare(job) * narrow / (BeforeShare(job) * wide));
}

double IndexFlop(const TrainingSpec& job, const LayerShape& s) {
  return Picks(job) ? 2.0 * s.tokens * s.sequence * IndexWidth(job) * BeforeShare(job) : 0.0;
}

// Products of queries and keys at the rate of other products; scores are written in 32 bits, and
// read twice by the choice of the largest (a histogram, then the picked ones).
void AddIndexerForward(const TrainingSpec& job, const LayerShape& s, double calls,
                       std::vector<Operation>& out) {
  if (!Picks(job) || calls <= 0) {
    return;
  }
  const double read = job.activation_bytes() * s.tokens *
                      (IndexWidth(job) + job.model.indexer.head_dim) / s.sequence_split;
  Operation scores{"index_scores",
                   Kernel::kGemm,
                   Flop(IndexFlop(job, s) / s.sequence_split),
                   Bytes(read + IndexScoreBytes(job, s)),
                   calls,
                   /*wide=*/true};
  out.push_back(scores);
  out.push_back(Elementwise("index_choice", 2 * IndexScoreBytes(job, s), calls));
}

// The indexer learns from what attention looks at, over the picked tokens (section 2.1.1): these
// weights once more, one product of the sparse kernel, and two products for gradients.
void AddIndexerBackward(const TrainingSpec& job, const LayerShape& s, double calls,
                        std::vector<Operation>& out) {
  if (!Picks(job) || calls <= 0) {
    return;
  }
  const double pairs = s.tokens * s.sequence * PickedShare(job);
  const double attention = 2.0 * pairs * s.query / s.tensor;
  const double gradients = 2 * 2.0 * pairs * IndexWidth(job) / s.sequence_split;
  Operation scores{"index_gradients",
                   Kernel::kGemm,
                   Flop(attention + gradients),
                   Bytes(2 * 4 * pairs / s.sequence_split),
                   calls,
                   /*wide=*/true};
  out.push_back(scores);
}

// Inputs of its scores in 16 bits, and a number of 32 bits for each picked token.
double IndexerKeptBytes(const TrainingSpec& job, const LayerShape& s) {
  if (!Picks(job)) {
    return 0;
  }
  constexpr double kPlace = 4;
  return s.tokens / s.sequence_split *
         (job.activation_bytes() *
              (IndexWidth(job) + job.model.indexer.head_dim + job.model.indexer.heads) +
          kPlace * PickedTokens(job));
}

}  // namespace gridlock
