// What stays in HBM between the forward and the backward pass of a micro-batch, and what comes and
// goes while a layer or the loss is being computed.

#include <algorithm>

#include "workloads/layer_shape.h"

namespace gridlock {

namespace {

// Norms: their inputs, their outputs when those are kept, and copies of the stack's own. Split over
// the tensor-parallel ranks only with sequence parallelism.
double NormsKept(const TrainingSpec& job, const LayerShape& s) {
  const bool dropout = job.model.max_positions > 0;  // the GPT family trains with dropout
  double bytes = 2 * (kActivationBytes + job.stack.norm_extra_bytes) * s.hidden;
  bytes += job.keeps_elementwise_outputs() ? 2 * InputBytes(job) * s.hidden : 0.0;
  bytes += dropout ? 2 * s.hidden : 0.0;
  // Products keep their inputs as they came in: whole where they were gathered.
  const bool whole = job.stack.keeps_gathered_inputs && s.sequence_split > 1;
  const double gathered = whole ? 2 * InputBytes(job) * s.hidden * (1 - 1 / s.sequence_split) : 0.0;
  return bytes / s.sequence_split + gathered;
}

double AttentionKeptBytes(const TrainingSpec& job, const LayerShape& s) {
  const double inner = job.stack.kept_activation_bytes;
  const double input = KeptInputBytes(job);
  double bytes = inner * AttentionKept(job, s);
  if (input < inner) {
    // Attention needs its output as it is, and the GEMM behind it a narrow copy.
    bytes += input * s.attended / s.tensor;
  }
  const bool rotates = job.model.max_positions == 0;
  if (rotates && job.stack.separate_rotary) {
    bytes += kActivationBytes * (s.query + s.key) / s.tensor;
  }
  bytes += job.stack.norm_extra_bytes * (s.query + s.key) / s.tensor;
  return bytes;
}

double DenseKeptBytes(const TrainingSpec& job, const LayerShape& s) {
  const double inner = job.stack.kept_activation_bytes;
  double bytes = inner * s.ffn_in;
  bytes += job.keeps_elementwise_outputs() ? KeptInputBytes(job) * s.ffn : 0.0;
  bytes += job.model.gated && job.stack.separate_gate ? inner * s.ffn : 0.0;
  return bytes / s.tensor;
}

// Everything that the backward pass of a layer needs.
double WholeLayer(const TrainingSpec& job, const LayerShape& s, LayerKind kind) {
  double bytes = s.tokens * (NormsKept(job, s) + AttentionKeptBytes(job, s));
  bytes +=
      kind == LayerKind::kMixture ? MixtureKeptBytes(job, s) : s.tokens * DenseKeptBytes(job, s);
  if (!job.stack.fused_attention && job.recompute == Recompute::kNone) {
    bytes += 5 * ScoreElements(s);
  }
  return bytes;
}

// Every second product: of q, k, v, out, gate, up and down those are kept that stand first, third,
// fifth and seventh, and the output of attention is kept in any case (pytorch/torchtitan,
// distributed/activation_checkpoint.py). Experts are computed again.
double EverySecondProduct(const LayerShape& s, bool gated, LayerKind kind) {
  double width = s.hidden / s.sequence_split + (s.query + s.value + s.attended) / s.tensor;
  if (kind == LayerKind::kDense) {
    width += s.ffn / s.tensor + (gated ? s.hidden / s.sequence_split : 0.0);
  }
  return kActivationBytes * s.tokens * width;
}

// The inputs of both blocks, and what attention needs.
double AllButFeedForward(const TrainingSpec& job, const LayerShape& s) {
  return s.tokens * (2 * kActivationBytes * s.hidden / s.sequence_split +
                     kActivationBytes * AttentionKept(job, s));
}

}  // namespace

// Korthikanti et al. 2022, section 4 (34 s b h for a GPT layer with dropout), tensor by tensor so
// that grouped queries and gated blocks follow.
Bytes LayerActivations(const TrainingSpec& job, LayerKind kind) {
  const LayerShape s(job);
  if (job.recompute == Recompute::kFull) {
    return Bytes(kActivationBytes * s.tokens * s.hidden / s.sequence_split);
  }
  if (job.recompute == Recompute::kSelective) {
    if (job.stack.selective_every_second_product) {
      return Bytes(EverySecondProduct(s, job.model.gated, kind));
    }
    if (job.stack.selective_feed_forward) {
      return Bytes(AllButFeedForward(job, s));
    }
  }
  return Bytes(WholeLayer(job, s, kind));
}

Bytes KeptActivations(const TrainingSpec& job, const ModelPart& part) {
  Bytes bytes = LayerActivations(job) * part.dense();
  if (part.mixture > 0) {
    bytes += LayerActivations(job, LayerKind::kMixture) * part.mixture;
  }
  return bytes;
}

// Measured over PCIe 5.0 x16 of an H100 SXM, each way; the GEMMs beside such copies lost nothing.
// Other host links are taken to be as fast.
Seconds HostCopies(const TrainingSpec& job, const ModelPart& part) {
  constexpr BytesPerSecond kHostCopy(55e9);
  return job.offloads() ? KeptActivations(job, part) / kHostCopy : Seconds(0);
}

// The gradients of the feed-forward block's inner tensors and of its input, whole on every
// tensor-parallel rank where the input was gathered; what was thrown away and made again; keys and
// values that come around.
Bytes LayerWorkingSet(const TrainingSpec& job, LayerKind kind) {
  const LayerShape s(job);
  const double gathered = s.sequence_split > 1 ? 2 : 1;
  double bytes = kActivationBytes * s.tokens * gathered * s.hidden;
  bytes += kind == LayerKind::kMixture
               ? kActivationBytes * s.expert_rows() *
                     (s.hidden + (s.expert_ffn_in + s.expert_ffn) / s.expert_width)
               : kActivationBytes * s.tokens * (s.ffn_in + s.ffn) / s.tensor;
  if (job.layout.context > 1) {
    const double copies = job.stack.gathers_keys_and_values ? 2.0 * job.layout.context : 2.0;
    bytes += copies * kActivationBytes * s.tokens * (s.key + s.value) / s.tensor;
  }
  TrainingSpec whole = job;
  whole.recompute = job.stack.fused_attention || job.recompute == Recompute::kNone
                        ? Recompute::kNone
                        : Recompute::kSelective;
  const double again = WholeLayer(whole, s, kind) - LayerActivations(job, kind).si();
  return Bytes(bytes + std::max(0.0, again));
}

Bytes LossWorkingSet(const TrainingSpec& job) {
  const LayerShape s(job);
  const double logits =
      job.stack.logit_bytes * s.tokens * s.vocabulary / s.tensor / job.stack.loss_chunks;
  return Bytes(logits + 2 * kActivationBytes * s.tokens * s.hidden);
}

}  // namespace gridlock
