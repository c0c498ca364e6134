#include "workloads/inference_specs.h"

#include <algorithm>

namespace gridlock {

namespace {

// Parts with less HBM, and A100s, get small budgets (vLLM, EngineArgs.get_batch_defaults).
constexpr double kSmallPart = 70.0 * 1024 * 1024 * 1024;

}  // namespace

const char* LimitName(Limit limit) {
  switch (limit) {
    case Limit::kWeights:
      return "HBM, weights";
    case Limit::kCache:
      return "HBM, caches";
    case Limit::kCompute:
      return "compute";
    case Limit::kLinks:
      return "links";
    case Limit::kKernels:
      return "small kernels";
    case Limit::kHost:
      return "host";
  }
  return "";
}

InferenceEngine EngineOn(const InferencePart& part, InferenceEngine engine) {
  if (part.hbm_capacity < kSmallPart || part.name.starts_with("a100")) {
    engine.token_budget =
        engine.small_token_budget > 0 ? engine.small_token_budget : engine.token_budget;
    engine.batch_max = engine.small_batch_max > 0 ? engine.small_batch_max : engine.batch_max;
  }
  return engine;
}

double UsualCacheBytes(WeightFormat weights, const InferenceEngine& engine) {
  const bool narrow = weights == WeightFormat::kFp8 || weights == WeightFormat::kNvfp4;
  return narrow && engine.narrow_cache ? 1 : 2;
}

void SetBeams(int beams, double prompt_tokens, double answer_tokens, InferenceLayout& layout) {
  layout.beams = beams;
  layout.beams_room = (prompt_tokens + beams * answer_tokens) / (prompt_tokens + answer_tokens);
}

double InferenceLayout::TokensPerStep() const {
  double tokens = 1, chance = 1;
  for (int i = 0; i < draft_tokens; ++i) {
    chance *= accepted;
    tokens += chance;
  }
  return tokens;
}

const CostLine& CostLines::At(double reads) const {
  const CostLine* top = &lines[0];
  for (int i = 1; i < count; ++i) {
    const CostLine& line = lines[static_cast<std::size_t>(i)];
    top = line.base + line.read * reads >= top->base + top->read * reads ? &line : top;
  }
  return *top;
}

void CostLines::Add(const LimitTimes& more) {
  for (CostLine& line : lines) {
    if (line.beside) {
      continue;
    }
    for (std::size_t i = 0; i < more.size(); ++i) {
      line.limits[i] += more[i];
      line.base += Seconds(more[i]);
    }
  }
}

double RingBandwidth(const InferencePart& part, int members) {
  if (part.ring_shares.empty()) {
    return part.link_bandwidth;
  }
  const auto last = static_cast<int>(part.ring_shares.size()) - 1;
  return part.link_bandwidth * part.ring_shares[static_cast<std::size_t>(std::min(members, last))];
}

double IndexerCacheBytes(const InferenceModel& model) {
  return model.picked > 0 ? model.indexer_dim + 4.0 : 0;
}

}  // namespace gridlock
