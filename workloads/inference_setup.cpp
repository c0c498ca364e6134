#include "workloads/inference_setup.h"

#include <algorithm>
#include <utility>

namespace gridlock {

InferenceModel EncoderOf(const InferenceModel& model) {
  InferenceModel encoder = model;
  encoder.layers = std::exchange(encoder.encoder_layers, 0);
  encoder.vocabulary = 1;
  encoder.windowed_share = 0;
  return encoder;
}

InferenceLayout LayoutOfEncoder(InferenceLayout layout) {
  layout.draft_tokens = 0;
  layout.adapters = {};
  return layout;
}

InferenceLayout LayoutOn(const InferenceEngine& engine, InferenceLayout layout) {
  for (double* bytes : {&layout.other_bytes, &layout.table_bytes}) {
    const bool unsaid = *bytes <= 0 && layout.weights == WeightFormat::kMxfp4;
    *bytes = unsaid ? engine.mxfp4_other_bytes : *bytes;
  }
  return layout;
}

InferenceEngine EngineOfRank(InferenceEngine engine, const InferenceLayout& layout) {
  if (engine.shared_budget) {
    engine.token_budget = std::max<std::int64_t>(1, engine.token_budget / layout.data);
  }
  return engine;
}

}  // namespace gridlock
