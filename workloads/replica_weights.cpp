#include "workloads/replica_weights.h"

#include <cmath>

namespace gridlock {

double ReplicaWeights::attention() const {
  const double h = model_.hidden, t = layout_.tensor;
  if (model_.latent) {
    const double key = model_.head_dim, q = model_.q_rank, kv = model_.kv_rank;
    const double index = q * model_.indexer_heads * model_.indexer_dim +
                         h * (model_.indexer_heads + model_.indexer_dim);
    const double shared = h * (q + kv + model_.rotary_dim) + index;
    const double split =
        model_.heads * (q * key + kv * (key - model_.rotary_dim) + (kv + h) * model_.value_dim);
    return shared + split / t;
  }
  const double kv_heads = std::ceil(model_.kv_heads / t);
  return h * model_.head_dim * (2.0 * model_.heads / t + 2 * kv_heads);
}

double ReplicaWeights::cross() const {
  return model_.encoder_layers > 0
             ? 2.0 * model_.hidden * model_.head_dim * model_.heads / layout_.tensor
             : 0;
}

double ReplicaWeights::cross_keys() const {
  return model_.encoder_layers > 0 ? 2.0 * model_.hidden * model_.head_dim *
                                         std::ceil(1.0 * model_.kv_heads / layout_.tensor)
                                   : 0;
}

double ReplicaWeights::expert_layers() const {
  return model_.experts > 0 ? model_.layers - model_.dense_layers : 0;
}

// Kernels of MXFP4 pad matrices with zeros: a hidden size to
// multiples of 256 and a rank's share of an expert to 64, or 128 with Marlin (vLLM,
// Mxfp4MoEMethod.create_weights, which loads gpt-oss-120b with 64.4 to 66.0 GiB). Their time is
// measured as if there were none.
double ReplicaWeights::expert_bytes() const {
  double hidden = model_.hidden, width = model_.expert_ffn;
  if (layout_.weights == WeightFormat::kMxfp4) {
    const bool whole = layout_.apart() || layout_.experts_spread;
    const double slices = whole ? 1 : layout_.tensor;
    hidden = 256 * std::ceil(hidden / 256);
    width = 64 * slices * std::ceil(width / slices / 64);
  }
  return (model_.gated ? 3.0 : 2.0) * hidden * width * model_.experts * expert_layers() *
         BytesOfFormat(layout_.weights);
}

// Checkpoints of models with experts in MXFP4 (gpt-oss), and of DeepSeek in NVFP4, have nothing
// else in 4 bits; those of dense models have all their matrices in them.
double ReplicaWeights::dense_element() const {
  const bool experts_alone =
      model_.experts > 0 && (layout_.weights == WeightFormat::kMxfp4 ||
                             (layout_.weights == WeightFormat::kNvfp4 && model_.latent));
  return !experts_alone            ? BytesOfFormat(layout_.weights)
         : layout_.other_bytes > 0 ? layout_.other_bytes
                                   : 2;
}

double ReplicaWeights::attention_element() const {
  return layout_.narrow_ffn_alone ? 2 : dense_element();
}

double ReplicaWeights::table_element() const {
  return IsGguf(layout_.weights)   ? BytesOfFormat(layout_.weights)
         : layout_.table_bytes > 0 ? layout_.table_bytes
                                   : 2;
}

double ReplicaWeights::movable() const {
  if (model_.experts > 0) {
    return layout_.apart() ? 0
                           : expert_bytes() / (layout_.tensor * layout_.data) / layout_.pipeline;
  }
  return layers() / layout_.pipeline;
}

// Of all layers on one rank but their experts, and of an encoder.
double ReplicaWeights::layers() const {
  const double experts_layers = layout_.apart() ? 0 : expert_layers();
  const double dense_layers = model_.layers - expert_layers();
  const double matrices = model_.gated ? 3.0 : 2.0;
  const double mixing = (attention() + cross() + cross_keys()) * model_.layers;
  const double encoder = model_.encoder_layers *
                         (attention() * attention_element() +
                          matrices * model_.hidden * model_.ffn / layout_.tensor * dense_element());
  const double dense = matrices * model_.hidden * model_.ffn / layout_.tensor * dense_layers +
                       matrices * model_.hidden * model_.expert_ffn * model_.shared_experts /
                           layout_.tensor * experts_layers;
  return mixing * attention_element() + dense * dense_element() + encoder;
}

double ReplicaWeights::on_rank() const {
  // The embedding is on the first stage and the LM head on the last; tied ones share one table
  // there where both are on one.
  const double tables = layout_.pipeline > 1 || model_.tied ? 1 : 2;
  const double table = 1.0 * model_.hidden * model_.vocabulary / layout_.tensor;
  const double experts = layout_.apart() ? 0 : expert_bytes() / (layout_.tensor * layout_.data);
  return (layers() + experts) / layout_.pipeline - movable() * layout_.host_share +
         tables * table * table_element();
}

}  // namespace gridlock
