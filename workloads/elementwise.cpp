// What stands between products, and HBM bounds: norms, sums of residuals, rotary positions and
// activation functions.

#include "workloads/layer_shape.h"

namespace gridlock {

bool TakesApart(const TrainingSpec& job) {
  return job.stack.norm_traffic_factor > 0;
}

namespace {

// HBM bytes for each element of what norms and sums of residuals take, per place for both, forward
// and backward.
struct NormBytes {
  double norm_forward, norm_backward, sum_forward, sum_backward;
};

// Fused: a norm reads and writes, backward reads two and writes one; a sum reads two and writes
// one, backward too.
NormBytes FusedNorms(const TrainingSpec& job) {
  const double element = job.activation_bytes();
  return {2 * element, 3 * element, 3 * element, 3 * element};
}

// RMSNorm and sums in kernels of one step each (huggingface/transformers, LlamaRMSNorm; the same
// steps as torch.nn.RMSNorm until PyTorch 2.8), of which a layer has three more backward that add
// up the gradients of what several products take.
//  * 16 bits: an RMSNorm of 67 million elements takes 883 us forward and 1,742 us backward on one
//    H200 (tools/calibration/measured), which are 28 and 56 tensors.
//  * 32 bits, kernel by kernel: the square, its mean, two products; backward 88 bytes.
//  * 16-bit products on a 32-bit stream: as in 32 bits, and of five products a layer each casts its
//    input (4 bytes read, 2 written) and backward its gradient.
NormBytes NormsApart(const TrainingSpec& job) {
  if (job.activation_bytes() > kHalfBytes) {
    return {28, 88, 12, 12 + 18};
  }
  if (job.stack.wide_residuals) {
    return {28 + 15, 88 + 15 + 18, 10, 6 + 12};
  }
  return {56, 112, 6, 6 + 9};
}

// What TakesApart says is of models with gated blocks: their norm is RMSNorm.
bool IsApart(const TrainingSpec& job) {
  return TakesApart(job) && job.model.gated;
}

NormBytes NormsOf(const TrainingSpec& job) {
  const bool apart = IsApart(job);
  const double factor = apart ? job.stack.norm_traffic_factor : job.stack.hbm_traffic_factor;
  const NormBytes one = apart ? NormsApart(job) : FusedNorms(job);
  return {factor * one.norm_forward, factor * one.norm_backward, factor * one.sum_forward,
          factor * one.sum_backward};
}

double AllNormBytes(const NormBytes& bytes) {
  return bytes.norm_forward + bytes.norm_backward + bytes.sum_forward + bytes.sum_backward;
}

// Norms of queries and keys, of which one is as wide as a head.
double QueryKeyNorms(const TrainingSpec& job, const LayerShape& s, double bytes) {
  return job.model.query_key_norms ? bytes * (s.query + s.key) / s.tensor : 0;
}

// Of the layers of a part, on average: places for a norm and a residual sum, and attention.
struct Share {
  double places, attention;
};

Share ShareOf(const Layers& layers) {
  return {layers.places() / layers.total(), layers.with(kAnyAttention) / layers.total()};
}

// Rotary positions as one kernel, forward or backward: it reads and writes queries and keys.
double RotaryBytes(const TrainingSpec& job, const LayerShape& s, const Share& share) {
  return job.model.max_positions == 0 ? job.stack.hbm_traffic_factor * job.activation_bytes() *
                                            share.attention * 2 * (s.query + s.key) / s.tensor
                                      : 0.0;
}

// Elements that an activation function moves for each token: as one kernel, which reads its inputs
// and writes its output, and backward reads the gradient and its inputs and writes theirs; and of a
// gate apart from its product: 2 and 3, backward 3 and twice 3.
struct MovedElements {
  double fused, apart;
};

double ActivationBytes(const TrainingSpec& job, const LayerShape& s,
                       const MovedElements& elements) {
  const double moved = IsApart(job) ? job.stack.norm_traffic_factor * elements.apart
                                    : job.stack.hbm_traffic_factor * elements.fused;
  return job.activation_bytes() * s.tokens * moved / s.tensor;
}

}  // namespace

double NormTrafficFactor(const TrainingSpec& job) {
  return AllNormBytes(NormsOf(job)) / AllNormBytes(FusedNorms(job));
}

double ElementwiseForwardBytes(const TrainingSpec& job, const LayerShape& s, const Layers& layers) {
  const Share share = ShareOf(layers);
  const NormBytes norms = NormsOf(job);
  return s.tokens *
         (share.places * (norms.norm_forward + norms.sum_forward) * s.hidden / s.sequence_split +
          share.attention * QueryKeyNorms(job, s, norms.norm_forward) + RotaryBytes(job, s, share));
}

double DenseActivationForwardBytes(const TrainingSpec& job, const LayerShape& s) {
  return ActivationBytes(job, s, {s.ffn_in + s.ffn, 5 * s.ffn});
}

// Outputs that were not kept are made again from their inputs.
double ElementwiseBackwardBytes(const TrainingSpec& job, const LayerShape& s,
                                const Layers& layers) {
  const Share share = ShareOf(layers);
  const NormBytes norms = NormsOf(job);
  const double again = job.keeps_elementwise_outputs() ? 0.0 : norms.norm_forward;
  return s.tokens * (share.places * (norms.norm_backward + norms.sum_backward + again) * s.hidden /
                         s.sequence_split +
                     share.attention * QueryKeyNorms(job, s, norms.norm_backward) +
                     RotaryBytes(job, s, share));
}

double DenseActivationBackwardBytes(const TrainingSpec& job, const LayerShape& s) {
  const double again = job.keeps_elementwise_outputs() ? 0.0 : DenseActivationForwardBytes(job, s);
  return ActivationBytes(job, s, {2 * s.ffn_in + s.ffn, 9 * s.ffn}) + again;
}

}  // namespace gridlock
