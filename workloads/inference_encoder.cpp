// Attention to an encoder's tokens, and the encoder itself: of decoders such as T5 and Whisper.

#include <algorithm>
#include <cmath>

#include "workloads/inference.h"
#include "workloads/inference_terms.h"

namespace gridlock {

// Parameters of queries and output of attention to an encoder's tokens, of one rank and layer.
double IterationCosts::CrossWeights() const {
  return model_.encoder_layers > 0
             ? 2.0 * model_.hidden * model_.head_dim * model_.heads / layout_.tensor
             : 0;
}

// The same of keys and values, which only the encoder's tokens go through.
double IterationCosts::CrossKeyWeights() const {
  return model_.encoder_layers > 0 ? 2.0 * model_.hidden * model_.head_dim *
                                         std::ceil(1.0 * model_.kv_heads / layout_.tensor)
                                   : 0;
}

void IterationCosts::AddCross(double rows, LimitTimes& times, double& bytes) const {
  const double weights = CrossWeights(), element = AttentionBytes();
  AddProduct(TiledRows(rows, element), weights, element, Peak(element), StreamRate(element), times);
  bytes += weights * element;
  AddReduce(rows, layout_.tensor, times);
  Of(times, Limit::kKernels) += part_.kernel_time * engine_.kernels * kCrossKernels;
  // A norm, a residual, queries and what comes of them.
  AddTraffic((4.0 * model_.hidden + 4.0 * model_.heads * model_.head_dim / layout_.tensor) * rows,
             times);
}

LimitTimes IterationCosts::EncodeLimits(std::int64_t rows, double pairs) const {
  const IterationCosts& encoder = encoder_.front();
  LimitTimes times = encoder.PointAt(rows).times;
  Of(times, Limit::kCompute) += encoder.per_pair_ * pairs;
  LimitTimes keys{};
  const double element = AttentionBytes();
  const double here = std::max(1.0, static_cast<double>(rows) / layout_.data / layout_.pipeline);
  AddProduct(here, CrossKeyWeights(), element, Peak(element), StreamRate(element), keys);
  AddTraffic(here * token_bytes_ * layout_.pipeline / (2.0 * model_.layers), keys);
  Of(keys, Limit::kKernels) += part_.kernel_time;
  for (std::size_t i = 0; i < times.size(); ++i) {
    times[i] += keys[i] * model_.layers;
  }
  const double launches =
      engine_.layer_launch * model_.encoder_layers * part_.host_factor - Sum(times);
  Of(times, Limit::kHost) += std::max(0.0, launches);
  return times;
}

double IterationCosts::EncodeFlop(double rows, double pairs) const {
  return encoder_.front().FlopOf(rows, 0, 0, pairs) +
         2 * CrossKeyWeights() * layout_.tensor * model_.layers * rows;
}

double IterationCosts::EncodeBytes(double rows) const {
  const double keys = CrossKeyWeights() * layout_.tensor * model_.layers * AttentionBytes();
  return encoder_.front().BytesOf(rows, 0) + keys * layout_.data +
         rows * token_bytes_ * layout_.tensor * layout_.pipeline;
}

}  // namespace gridlock
