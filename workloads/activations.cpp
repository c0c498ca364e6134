// What stays in HBM between the forward and the backward pass of a micro-batch, and what comes and
// goes while a layer or the loss is being computed.

#include <algorithm>
#include <optional>

#include "workloads/adapters.h"
#include "workloads/layer_shape.h"

namespace gridlock {

namespace {

// A norm: its input, its output when that is kept for the product behind it, and copies of the
// stack's own. Split over the tensor-parallel ranks only with sequence parallelism. A frozen norm
// keeps no normalised copy for its weights' gradient.
double NormKept(const TrainingSpec& job, const LayerShape& s, bool output) {
  const bool dropout = job.model.max_positions > 0;  // the GPT family trains with dropout
  // A LayerNorm of one kernel keeps nothing more. Under autocast its input is in 32 bits, and the
  // products behind it keep copies of what it puts out, two on average.
  constexpr double kPlainAutocast = 4;
  const double plain = job.stack.wide_residuals ? kPlainAutocast : 0;
  const double kept = TakesApart(job) && !job.model.gated
                          ? std::min(job.stack.norm_extra_bytes, plain)
                          : job.stack.norm_extra_bytes;
  const double extra = job.trains_base() ? kept : std::max(0.0, kept - job.activation_bytes());
  double bytes = (job.activation_bytes() + extra) * s.hidden;
  bytes += output && job.keeps_elementwise_outputs() ? InputBytes(job) * s.hidden : 0.0;
  bytes += dropout ? s.hidden : 0.0;
  // Products keep their inputs as they came in: whole where they were gathered.
  const bool whole = output && job.stack.keeps_gathered_inputs && s.sequence_split > 1;
  const double gathered = whole ? InputBytes(job) * s.hidden * (1 - 1 / s.sequence_split) : 0.0;
  return bytes / s.sequence_split + gathered;
}

// The norm before attention: some product behind it keeps what it puts out.
double AttentionNorm(const TrainingSpec& job, const LayerShape& s) {
  if (job.trains_base()) {
    return NormKept(job, s, true);
  }
  const std::vector<Matrix> matrices = AttentionMatrices(job, s);
  const bool output = std::any_of(matrices.begin(), matrices.end() - 1, [&](const Matrix& m) {
    return m.k == s.hidden && KeepsInput(job, m);
  });
  return NormKept(job, s, output);
}

double AttentionKeptBytes(const TrainingSpec& job, const LayerShape& s) {
  const double inner = job.stack.kept_activation_bytes;
  const double input = KeptInputBytes(job);
  double bytes = inner * AttentionKept(job, s);
  bytes += job.trains_base() ? 0 : AdaptersKept(job, AttentionMatrices(job, s));
  if (input < inner && job.trains_base()) {
    // Attention needs its output as it is, and the GEMM behind it a narrow copy.
    bytes += input * s.attended / s.tensor;
  }
  const bool rotates = job.model.max_positions == 0;
  if (rotates && job.stack.separate_rotary) {
    bytes += job.activation_bytes() * (s.query + s.key) / s.tensor;
  }
  if (job.model.query_key_norms) {
    // What their norms keep; what comes out of them is counted above.
    bytes += (job.activation_bytes() + job.stack.norm_extra_bytes) * (s.query + s.key) / s.tensor;
  }
  return bytes;
}

// What the activation function makes stays for the product behind it.
bool KeepsProduct(const TrainingSpec& job, const LayerShape& s) {
  return job.keeps_elementwise_outputs() &&
         (job.trains_base() || KeepsInput(job, DenseMatrices(job, s)[1]));
}

double DenseKeptBytes(const TrainingSpec& job, const LayerShape& s) {
  const double inner = job.stack.kept_activation_bytes;
  double bytes = job.model.relu && KeepsProduct(job, s) ? 0.0 : inner * s.ffn_in;
  bytes += job.model.gated ? 0.0 : job.stack.activation_kept_bytes * s.ffn;
  bytes += KeepsProduct(job, s) ? KeptInputBytes(job) * s.ffn : 0.0;
  bytes += job.model.gated && job.stack.separate_gate ? inner * s.ffn : 0.0;
  return bytes / s.tensor + (job.trains_base() ? 0 : AdaptersKept(job, DenseMatrices(job, s)));
}

// Of a score: its share of the softmax, and with dropout a mask and what is left of it. In 16 bits
// all three are counted (Korthikanti et al. 2022, eq. 1).
double ScoreKept(const TrainingSpec& job) {
  constexpr double kMask = 1;
  const double element = job.activation_bytes();
  const bool dropout = element == kHalfBytes || job.model.max_positions > 0;
  return dropout ? 2 * element + kMask : element;
}

// What the backward pass of the blocks that mix tokens needs, their norms with them.
double MixerBlocks(const TrainingSpec& job, const LayerShape& s, LayerKind kind) {
  double bytes = 0;
  if (kind.has(kAnyAttention)) {
    bytes += s.tokens * (AttentionNorm(job, s) + AttentionKeptBytes(job, s));
    bytes += kind.has(Block::kAttention) ? IndexerKeptBytes(job, s) : 0.0;
    if (!job.fuses_attention() && job.recompute == Recompute::kNone) {
      bytes += ScoreKept(job) * ScoreElements(s);
    }
  }
  if (kind.has(Block::kRecurrent)) {
    const double norm = kind.has(kAnyAttention) ? 0.0 : NormKept(job, s, job.trains_base());
    bytes += s.tokens * (norm + job.activation_bytes() * RecurrentKept(job));
  }
  if (kind.has(Block::kCross)) {
    bytes += s.tokens * NormKept(job, s, job.trains_base()) +
             job.stack.kept_activation_bytes * CrossAttentionOf(job, s).kept;
  }
  return bytes;
}

// The same of the feed-forward block.
double FeedForwardBlock(const TrainingSpec& job, const LayerShape& s, LayerKind kind) {
  if (!kind.has(kFeeds)) {
    return 0;
  }
  const bool mixture = kind.has(Block::kMixture);
  // The router and its scores want what the norm of a mixture puts out in any case.
  const bool output = mixture || job.trains_base() || KeepsInput(job, DenseMatrices(job, s)[0]);
  return s.tokens * NormKept(job, s, output) +
         (mixture ? MixtureKeptBytes(job, s) : s.tokens * DenseKeptBytes(job, s));
}

// Everything that the backward pass of a layer needs.
double WholeLayer(const TrainingSpec& job, const LayerShape& s, LayerKind kind) {
  return MixerBlocks(job, s, kind) + FeedForwardBlock(job, s, kind);
}

// Every second product: of q, k, v, out, gate, up and down those are kept that stand first, third,
// fifth and seventh, and the output of attention is kept in any case (pytorch/torchtitan,
// distributed/activation_checkpoint.py). No gradient asks for what the seventh puts out: a compiler
// leaves it out, and the cache of eager PyTorch keeps it. Latent attention has q, the way down to
// the latent, the way up from it, and out; routers and the three products of shared experts go on
// from there. Routed experts are computed again.
double EverySecondProduct(const TrainingSpec& job, const LayerShape& s, LayerKind kind) {
  const LatentAttentionSpec& latent = job.model.latent;
  const bool is_latent = latent.key_value_rank > 0;
  const double up = is_latent ? s.heads * latent.plain_head_dim + s.value : s.value;
  double width = s.hidden / s.sequence_split;
  width += kind.has(kAnyAttention) ? (s.query + up + s.attended) / s.tensor : 0.0;
  // Of a recurrent block the first product and what comes out stay.
  width += kind.has(Block::kRecurrent) ? RecurrentMatrices(job, s)[0].n + s.hidden / s.tensor : 0.0;
  if (kind.has(Block::kDense)) {
    const bool keeps_seventh = job.model.gated && job.stack.separate_gate;
    width += s.ffn / s.tensor + (keeps_seventh ? s.hidden / s.sequence_split : 0.0);
  } else if (kind.has(Block::kMixture)) {
    width += s.experts + s.shared_ffn / s.tensor;
  }
  const double cross = kind.has(Block::kCross) ? CrossAttentionOf(job, s).kept : 0.0;
  return job.activation_bytes() * (s.tokens * width + cross);
}

// What comes and goes in the backward pass of a feed-forward block: the gradients of its inner
// tensors. The block's product goes as the gradient of what went into it comes.
double FeedForwardPassing(const TrainingSpec& job, const LayerShape& s, LayerKind kind) {
  if (!kind.has(kFeeds)) {
    return 0;
  }
  if (kind.has(Block::kMixture)) {
    return job.activation_bytes() * s.expert_rows() *
           (s.hidden + (s.expert_ffn_in + s.expert_ffn) / s.expert_width);
  }
  const double product = KeepsProduct(job, s) ? KeptInputBytes(job) * s.ffn : 0.0;
  return s.tokens * (job.activation_bytes() * (s.ffn_in + s.ffn) - product) / s.tensor /
         job.stack.feed_forward_chunks;
}

// The same of attention: gradients of queries, keys, values and the output. Context-parallel ranks
// hold keys and values that come around, or all of them, with their gradients, and add up partial
// outputs and gradients of queries in 32 bits (PyTorch, attention/_context_parallel:
// convert_to_f32).
double MixerPassing(const TrainingSpec& job, const LayerShape& s, LayerKind kind) {
  const double recurrent =
      kind.has(Block::kRecurrent) ? job.activation_bytes() * s.tokens * RecurrentPassing(job) : 0.0;
  if (!kind.has(kAnyAttention)) {
    return recurrent;
  }
  double width = job.activation_bytes() * (s.query + s.attended + s.key + s.value);
  if (job.layout.exchanges_heads()) {
    width *= 2;  // once as tokens, once as heads
  } else if (job.layout.context > 1) {
    const double copies = job.stack.gathers_keys_and_values ? 2.0 * job.layout.context : 2.0;
    width += copies * job.activation_bytes() * (s.key + s.value) + 4.0 * (s.query + s.attended);
  }
  // Gradients of probabilities, of what is left of them where rows without a score are masked, and
  // of scores, where PyTorch has no fused kernel in 32 bits.
  const bool scores = job.stack.fused_attention && !job.fuses_attention();
  return std::max(recurrent, s.tokens * width / s.tensor +
                                 (scores ? 3 * job.activation_bytes() * ScoreElements(s) : 0));
}

// The inputs of all blocks, and what those that mix tokens need.
double AllButFeedForward(const TrainingSpec& job, const LayerShape& s, LayerKind kind) {
  const double attention = kind.has(kAnyAttention) ? AttentionKept(job, s) : 0.0;
  const double recurrent = kind.has(Block::kRecurrent) ? RecurrentKept(job) : 0.0;
  const double cross = kind.has(Block::kCross) ? CrossAttentionOf(job, s).kept : 0.0;
  return s.tokens * (PlacesOf(kind) * job.activation_bytes() * s.hidden / s.sequence_split +
                     job.activation_bytes() * (attention + recurrent)) +
         job.activation_bytes() * cross;
}

}  // namespace

// Korthikanti et al. 2022, section 4 (34 s b h for a GPT layer with dropout), tensor by tensor so
// that grouped queries and gated blocks follow.
Bytes LayerActivations(const TrainingSpec& job, LayerKind kind) {
  if (kind.has(Block::kEncoder)) {
    return LayerActivations(EncoderJob(job), kDenseLayer);
  }
  const LayerShape s(job);
  if (job.recompute == Recompute::kFull) {
    const double residual = job.stack.wide_residuals ? 4 : job.activation_bytes();
    return Bytes(residual * s.tokens * s.hidden / s.sequence_split);
  }
  if (job.recompute == Recompute::kSelective) {
    if (job.stack.selective_every_second_product) {
      return Bytes(EverySecondProduct(job, s, kind));
    }
    if (job.stack.selective_feed_forward) {
      return Bytes(AllButFeedForward(job, s, kind));
    }
  }
  return Bytes(WholeLayer(job, s, kind));
}

Bytes KeptActivations(const TrainingSpec& job, const ModelPart& part) {
  const ModelPart kept = part.trained();
  Bytes bytes;
  for (const Layers::Entry& entry : kept.layers.kinds()) {
    bytes += LayerActivations(job, entry.kind) * entry.count;
  }
  if (kept.embedding && !job.model.convolutions.empty()) {
    const TrainingSpec of = job.model.encoder.layers > 0 ? EncoderJob(job) : job;
    bytes += Bytes(FrontKeptBytes(of, LayerShape(of)));
  }
  if (kept.predictions > 0) {
    // Two norms keep what they get, the projection what it gets.
    const LayerShape s(job);
    bytes += Bytes(job.activation_bytes() * 4 * s.tokens * s.hidden / s.sequence_split) *
             static_cast<double>(kept.predictions);
  }
  return bytes;
}

Bytes CapturedActivations(const TrainingSpec& job, const ModelPart& part) {
  Bytes bytes;
  if (!job.stack.captures_feed_forward || job.recompute == Recompute::kFull) {
    return bytes;
  }
  const LayerShape s(job);
  for (const Layers::Entry& entry : part.trained().layers.kinds()) {
    if (entry.kind.has(Block::kDense)) {
      bytes += Bytes(FeedForwardBlock(job, s, entry.kind)) * entry.count;
    }
  }
  return bytes;
}

double OffloadedShare(const TrainingSpec& job) {
  if (!job.offloads()) {
    return 0;
  }
  const double layers = 1.0 * job.model.layers / job.layout.pipeline;
  return job.offload_layers > 0 ? std::min(1.0, job.offload_layers / layers) : 1;
}

Seconds HostCopies(const TrainingSpec& job, const ModelPart& part, BytesPerSecond host) {
  return KeptActivations(job, part) * OffloadedShare(job) / host;
}

// PyTorch's FSDP2 with CPUOffloadPolicy on one H200, 2.0 billion parameters in 32 bits: the forward
// pass takes 143 ms longer and the backward pass 158 ms, where 8 GB at 55 GB/s are 146 ms. So the
// copies hide behind nothing, but gradients leave while parameters come.
Seconds StateCopies(const TrainingSpec& job, const ModelPart& part, bool backward,
                    BytesPerSecond host) {
  if (!job.stack.offloads_states) {
    return Seconds(0);
  }
  constexpr double kMaster = 4;
  const double shards = job.zero == 3 ? job.layout.shards() : 1;
  // A frozen base has no master copies, and comes in its own format.
  const Bytes parameters = KeepsMasterWeightsOnly(job)
                               ? Bytes(kMaster * ParametersPerRank(job, part).total())
                               : WeightBytes(job, part).total();
  const Bytes gradients(job.stack.main_gradient_bytes * TrainedPerRank(job, part).total());
  return (backward ? std::max(parameters, gradients) : parameters) / shards / host;
}

// Each micro-batch's gradients, of the rank's share, which are added up on the host.
Seconds GradientCopies(const TrainingSpec& job, const ModelPart& part, BytesPerSecond host) {
  if (!job.offloads_gradients() || job.stack.offloads_states) {
    return Seconds(0);
  }
  const ParameterCount count = TrainedPerRank(job, part);
  return Bytes(job.activation_bytes() *
               (count.common / job.layout.shards() + count.experts / job.layout.expert_shards())) /
         host;
}

// The fuller of two moments: in the feed-forward block, beside all that the layer keeps, and in
// attention, when what the feed-forward block kept is gone. Beside both: the gradient of what the
// layer got and passed on, whole on every tensor-parallel rank where it was gathered, and what was
// thrown away and made again.
Bytes LayerWorkingSet(const TrainingSpec& job, LayerKind kind) {
  if (kind.has(Block::kEncoder)) {
    return LayerWorkingSet(EncoderJob(job), kDenseLayer);
  }
  const LayerShape s(job);
  const Recompute made = job.fuses_attention() || job.recompute == Recompute::kNone
                             ? Recompute::kNone
                             : Recompute::kSelective;
  std::optional<TrainingSpec> other;
  if (made != job.recompute) {
    other = job;
    other->recompute = made;
  }
  const TrainingSpec& whole = other ? *other : job;
  const double gathered = s.sequence_split > 1 ? 2 : 1;
  const double stream = job.activation_bytes() * s.tokens * gathered * s.hidden;
  const double kept = LayerActivations(job, kind).si();
  const double again = std::max(0.0, WholeLayer(whole, s, kind) - kept);
  const double first = again + FeedForwardPassing(job, s, kind);
  const double second = MixerBlocks(whole, s, kind) - kept + MixerPassing(job, s, kind);
  return Bytes(stream + std::max(first, second));
}

Bytes LossWorkingSet(const TrainingSpec& job) {
  const LayerShape s(job);
  const double logits = job.stack.logit_bytes * job.predicted_share * s.tokens * s.vocabulary /
                        s.tensor / job.stack.loss_chunks;
  return Bytes(logits + 2 * job.activation_bytes() * s.tokens * s.hidden);
}

}  // namespace gridlock
