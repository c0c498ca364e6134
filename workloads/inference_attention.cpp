#include "workloads/inference_attention.h"

#include <algorithm>
#include <cmath>

#include "workloads/inference_terms.h"

namespace gridlock {

namespace {

// Choosing words on an H200 (PyTorch 2.11, tools/calibration/measured): drawing one moves so many
// bytes a score at the HBM's rate, and takes 0.1 ms in any case; sorting for top-p takes 0.3 ms.
constexpr double kDrawnBytes = 58, kDrawnTime = 0.1e-3, kTopPTime = 0.3e-3;

// Of one score; each rank has all heads of the indexer.
double ScoreTime(const InferenceModel& model, const InferencePart& part) {
  const double peak = part.peak_fp8 > 0 ? part.peak_fp8 : part.peak_bf16;
  return IndexerFlop(model) / (peak * part.latent_efficiency);
}

}  // namespace

double IndexerFlop(const InferenceModel& model) {
  return 2.0 * model.indexer_heads * model.indexer_dim;
}

double TokenReadTime(const InferenceModel& model, const InferencePart& part,
                     const InferenceEngine& engine, const InferenceLayout& layout) {
  double bytes = 0, flop = 0;
  if (model.latent) {
    bytes = (model.kv_rank + model.rotary_dim) * layout.cache_bytes;
    flop = 2.0 * model.heads / layout.tensor * (2 * model.kv_rank + model.rotary_dim);
  } else {
    const int readers = engine.read_by_head ? model.heads : model.kv_heads;
    bytes = 2 * std::ceil(1.0 * readers / layout.tensor) * model.head_dim * layout.cache_bytes;
    flop = 4.0 * model.heads / layout.tensor * model.head_dim;
  }
  const double narrow = layout.cache_bytes < 2 ? engine.narrow_cache_factor : 1.0;
  const double memory =
      bytes / (part.hbm_bandwidth * part.cache_efficiency * engine.cache_factor * narrow);
  const double share = model.latent                  ? part.latent_efficiency * engine.latent_factor
                       : engine.vector_attention > 0 ? engine.vector_attention
                                                     : part.attention_efficiency;
  const double compute = flop / (part.peak_bf16 * share);
  return std::pow(std::pow(memory, kCorner) + std::pow(compute, kCorner), 1 / kCorner);
}

double ReadSlope(const InferenceModel& model, const InferencePart& part,
                 const InferenceEngine& engine, const InferenceLayout& layout) {
  const double layers = model.layers * (1 - model.windowed_share) / layout.data;
  if (model.picked <= 0) {
    return layers * TokenReadTime(model, part, engine, layout);
  }
  // A key, and a score of 32 bits that is written and read.
  const double bytes = IndexerCacheBytes(model) + 8;
  return layers *
         std::max(ScoreTime(model, part), bytes / (part.hbm_bandwidth * part.cache_efficiency));
}

double PairSlope(const InferenceModel& model, const InferencePart& part,
                 const InferenceEngine& engine, const InferenceLayout& layout, double stages) {
  const double layers = model.layers * (1 - model.windowed_share) / layout.data / stages;
  if (model.picked > 0) {
    return layers * ScoreTime(model, part);
  }
  const double width = model.latent ? model.head_dim + model.value_dim : 2.0 * model.head_dim;
  const double flop = 2.0 * model.heads / layout.tensor * width;
  // An encoder's tokens see all others, not those before alone.
  const double seen = model.encodes_alone ? 2.0 : 1.0;
  const double factor = engine.attention_factor * (model.latent ? engine.latent_factor : 1.0);
  return seen * layers * flop / (part.peak_bf16 * part.attention_efficiency * factor);
}

double SamplingTime(const InferencePart& part, const InferenceEngine& engine, Sampling sampling,
                    double scores) {
  const double each = scores / part.hbm_bandwidth;
  switch (sampling) {
    case Sampling::kGreedy:
      return each * 4 * 4;  // 32 bits, passed over a few times
    case Sampling::kRandom:
      return each * kDrawnBytes + kDrawnTime;
    case Sampling::kTopP:
      return each * engine.top_p_bytes + kTopPTime;
  }
  return 0;
}

}  // namespace gridlock
