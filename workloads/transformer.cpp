#include "workloads/transformer.h"

#include <algorithm>
#include <string_view>

#include "workloads/layer_shape.h"

namespace gridlock {

LayerShape::LayerShape(const TrainingSpec& job)
    : tokens(static_cast<double>(job.micro_batch) * static_cast<double>(job.sequence_length) /
             job.layout.context),
      sequence(static_cast<double>(job.sequence_length)),
      hidden(job.model.hidden),
      query(static_cast<double>(job.model.heads) * job.model.head_dim),
      key(static_cast<double>(std::max(job.model.kv_heads, job.layout.tensor)) *
          job.model.head_dim),
      value(key),
      attended(query),
      ffn(job.model.ffn),
      ffn_in(job.model.gated ? 2.0 * job.model.ffn : 1.0 * job.model.ffn),
      vocabulary(job.model.vocabulary),
      embedding(job.model.embedding_width > 0 ? job.model.embedding_width : job.model.hidden),
      heads(job.model.heads),
      tensor(job.layout.tensor),
      // Norms, residuals and dropout are split over the tensor group only with sequence
      // parallelism.
      sequence_split(job.layout.sequence_parallel ? tensor : 1.0),
      experts(job.model.mixture.experts),
      per_token(job.model.mixture.experts_per_token),
      expert_ffn(job.model.mixture.expert_ffn),
      expert_ffn_in(job.model.gated ? 2 * expert_ffn : expert_ffn),
      shared_ffn(expert_ffn * job.model.mixture.shared_experts),
      shared_ffn_in(job.model.gated ? 2 * shared_ffn : shared_ffn),
      expert_ranks(job.layout.expert),
      expert_width(job.layout.expert_width()),
      load(job.expert_load.rows()) {
  const LatentAttentionSpec& latent = job.model.latent;
  if (latent.key_value_rank > 0) {
    query = key = heads * (latent.plain_head_dim + latent.rotary_head_dim);
    value = attended = heads * latent.value_head_dim;
  }
}

std::vector<Matrix> DenseMatrices(const TrainingSpec& job, const LayerShape& s) {
  using namespace adapter_target;
  Matrix in{"ffn_in", s.ffn_in / s.tensor, s.hidden};
  in.split_in = s.sequence_split;
  in.beside = Beside(job, {kUp, kGate, 0}, {s.ffn / s.tensor, (s.ffn_in - s.ffn) / s.tensor, 0});
  Matrix back{"ffn_out", s.hidden, s.ffn / s.tensor};
  back.split_out = s.sequence_split;
  back.beside = Beside(job, {kDown, 0, 0}, {s.hidden, 0, 0});
  return {in, back};
}

double LaunchShare(const TrainingSpec& job) {
  // Eight layers of BERT, OPT and GPT-2 launch in 1.4 ms, of Llama in 2.2 (Transformers 5.17,
  // H200).
  constexpr double kPlainLayers = 0.62;
  return TakesApart(job) && !job.model.gated ? kPlainLayers : 1;
}

namespace {

void AddMatricesForward(const TrainingSpec& job, const LayerShape& s,
                        const std::vector<Matrix>& matrices, double calls,
                        std::vector<Operation>& out) {
  for (const Matrix& matrix : matrices) {
    AddMatrixForward(job, matrix, s.tokens, calls, out);
  }
}

void AddMatricesBackward(const TrainingSpec& job, const LayerShape& s,
                         const std::vector<Matrix>& matrices, double calls,
                         std::vector<Operation>& out) {
  for (const Matrix& matrix : matrices) {
    AddMatrixBackward(job, matrix, s.tokens, calls, out);
  }
}

void AddLayersForward(const TrainingSpec& job, const LayerShape& s, const Layers& layers,
                      std::vector<Operation>& out) {
  if (layers.total() <= 0) {
    return;
  }
  if (const double attention = layers.with(kAnyAttention); attention > 0) {
    AddMatricesForward(job, s, AttentionMatrices(job, s), attention, out);
    AddAttentionForward(job, s, Block::kAttention, layers.with(Block::kAttention), out);
    AddAttentionForward(job, s, Block::kWindow, layers.with(Block::kWindow), out);
  }
  if (const double recurrent = layers.with(Block::kRecurrent); recurrent > 0) {
    AddMatricesForward(job, s, RecurrentMatrices(job, s), recurrent, out);
    AddRecurrenceForward(job, s, recurrent, out);
  }
  AddCrossForward(job, s, layers.with(Block::kCross), out);
  if (job.model.modulations > 0) {
    AddMatrixForward(job, Modulation(job, s), static_cast<double>(job.micro_batch), layers.total(),
                     out);
  }
  out.push_back(
      Elementwise("elementwise", ElementwiseForwardBytes(job, s, layers), layers.total()));
  if (const double dense = layers.with(Block::kDense); dense > 0) {
    AddMatricesForward(job, s, DenseMatrices(job, s), dense, out);
    out.push_back(Elementwise("activation", DenseActivationForwardBytes(job, s), dense));
  }
  AddMixtureForward(job, s, layers.with(Block::kMixture), out);
}

void AddLayersBackward(const TrainingSpec& job, const LayerShape& s, const Layers& layers,
                       std::vector<Operation>& out) {
  if (layers.total() <= 0) {
    return;
  }
  if (const double attention = layers.with(kAnyAttention); attention > 0) {
    AddMatricesBackward(job, s, AttentionMatrices(job, s), attention, out);
    AddAttentionBackward(job, s, Block::kAttention, layers.with(Block::kAttention), out);
    AddAttentionBackward(job, s, Block::kWindow, layers.with(Block::kWindow), out);
  }
  if (const double recurrent = layers.with(Block::kRecurrent); recurrent > 0) {
    AddMatricesBackward(job, s, RecurrentMatrices(job, s), recurrent, out);
    AddRecurrenceBackward(job, s, recurrent, out);
  }
  AddCrossBackward(job, s, layers.with(Block::kCross), out);
  if (job.model.modulations > 0) {
    AddMatrixBackward(job, Modulation(job, s), static_cast<double>(job.micro_batch), layers.total(),
                      out);
  }
  out.push_back(Elementwise("elementwise_backward", ElementwiseBackwardBytes(job, s, layers),
                            layers.total()));
  if (const double dense = layers.with(Block::kDense); dense > 0) {
    AddMatricesBackward(job, s, DenseMatrices(job, s), dense, out);
    out.push_back(Elementwise("activation_backward", DenseActivationBackwardBytes(job, s), dense));
  }
  AddMixtureBackward(job, s, layers.with(Block::kMixture), out);
}

// Cross entropy over the rank's share of the vocabulary: the logits are cast to 32 bits, scanned
// for the maximum, exponentiated and summed, then turned into the gradient.
double LossBytes(const TrainingSpec& job, bool backward) {
  const double logit = job.activation_bytes();
  const double cast = logit < 4 ? logit + 4 : 0;
  return backward ? 4 + logit : cast + 4 + (4 + 4);
}

// The LM head stays in 16 bits when the layers are in a narrower format. Most frameworks pad the
// vocabulary; where one does not, an odd one makes all three products slow.
Operation HeadGemm(const TrainingSpec& job, const char* name, double m, double n, double k) {
  const double element = std::max(job.activation_bytes(), PrecisionBytes(job.precision));
  Operation operation = Gemm(name, m, n, k, element, 1);
  operation.wide = true;
  if (job.stack.unpadded_vocabulary) {
    const double vocabulary = static_cast<double>(job.model.vocabulary) / job.layout.tensor;
    operation.slowdown = AlignmentSlowdown(vocabulary, job.model.hidden);
  }
  return operation;
}

// Heads of a part: that of the model, and once more of each prediction module.
double Heads(const ModelPart& part) {
  return part.head ? 1.0 + part.predictions : 0.0;
}

double PredictedTokens(const TrainingSpec& job, const LayerShape& s) {
  return job.predicted_share * s.tokens;
}

void AddHeadForward(const TrainingSpec& job, const LayerShape& s, double calls,
                    std::vector<Operation>& out) {
  out.push_back(
      HeadGemm(job, "lm_head", PredictedTokens(job, s), s.vocabulary / s.tensor, s.embedding));
  out.back().calls = calls;
  if (s.embedding != s.hidden) {
    out.push_back(
        HeadGemm(job, "lm_head_narrowed", PredictedTokens(job, s), s.embedding, s.hidden));
  }
  out.push_back(Elementwise("loss",
                            job.stack.loss_traffic_factor * LossBytes(job, /*backward=*/false) *
                                PredictedTokens(job, s) * s.vocabulary / s.tensor,
                            calls));
}

void AddHeadBackward(const TrainingSpec& job, const LayerShape& s, double calls,
                     std::vector<Operation>& out) {
  const double n = s.vocabulary / s.tensor;
  out.push_back(Elementwise("loss_backward",
                            job.stack.loss_traffic_factor * LossBytes(job, /*backward=*/true) *
                                PredictedTokens(job, s) * n,
                            calls));
  out.push_back(HeadGemm(job, "lm_head_input_gradient", PredictedTokens(job, s), s.embedding, n));
  out.back().calls = calls;
  if (s.embedding != s.hidden) {
    out.push_back(
        HeadGemm(job, "lm_head_widened_gradient", PredictedTokens(job, s), s.hidden, s.embedding));
  }
  if (job.trains_tables()) {
    out.push_back(
        HeadGemm(job, "lm_head_weight_gradient", n, s.embedding, PredictedTokens(job, s)));
    out.back().of_weights = true;
    out.back().calls = calls;
  }
}

// Tensor-parallel collectives of a part. With sequence parallelism each block gathers its input and
// scatters its output; without, each block ends in an all-reduce (Shoeybi et al. 2019; Korthikanti
// et al. 2022, section 4.2). In the backward pass the inputs of both blocks are gathered once more
// for the weight gradients, unless they were kept as they had been gathered.
TensorTraffic Traffic(const TrainingSpec& job, const LayerShape& s, const ModelPart& part,
                      bool backward) {
  TensorTraffic traffic;
  traffic.payload = Bytes(job.activation_bytes() * s.tokens * s.hidden);
  traffic.gathered = Bytes(InputBytes(job) * s.tokens * s.hidden);
  if (s.tensor <= 1) {
    return traffic;
  }
  const double embedding = part.embedding && (!backward || job.trains_tables()) ? 1.0 : 0.0;
  const double head = Heads(part);
  // The embedding scatters its output and gathers the gradient of it; the head gathers its input,
  // and once more for its weights, and scatters the gradient of it.
  const double dense = part.layers.with(Block::kDense);
  const double mixers = part.layers.with(kMixers) + part.layers.with(Block::kCross);
  const double blocks = mixers + dense + part.predictions;  // a projection stands like a mixer
  const double summed = blocks + (backward ? head : embedding);
  if (job.layout.sequence_parallel) {
    const bool again = backward && !job.stack.keeps_gathered_inputs;
    traffic.all_gathers = (again ? 2 : 1) * blocks + head + (backward ? embedding : 0.0);
    if (again && !job.trains_base()) {
      // Inputs of products that keep none are not gathered once more.
      const double mixer_again = KeepsInput(job, AttentionMatrices(job, s)[0]) ? mixers : 0.0;
      const double dense_again = KeepsInput(job, DenseMatrices(job, s)[0]) ? dense : 0.0;
      traffic.all_gathers = blocks + mixer_again + dense_again;
    } else if (backward && !job.trains_tables()) {
      traffic.all_gathers -= head;
    }
    traffic.reduce_scatters = summed;
  } else {
    traffic.all_reduces = summed;
  }
  AddMixtureTraffic(job, s, part.layers.with(Block::kMixture), backward, traffic);
  return traffic;
}

void AddTraffic(const TensorTraffic& more, TensorTraffic& to) {
  to.all_gathers += more.all_gathers;
  to.reduce_scatters += more.reduce_scatters;
  to.all_reduces += more.all_reduces;
  to.expert_gathers += more.expert_gathers;
  to.expert_scatters += more.expert_scatters;
}

// What layers exchange with their context-parallel group.
Bytes ContextOf(const TrainingSpec& job, const LayerShape& s, const Layers& layers, bool backward) {
  const double attention = layers.with(kAnyAttention) + layers.with(Block::kCross);
  return ContextBytes(job, s, attention, backward) +
         RecurrentContextBytes(job, s, layers.with(Block::kRecurrent), backward);
}

// The all-to-alls of layers that exchange heads.
AllToAllTraffic HeadsOf(const TrainingSpec& job, const LayerShape& s, const Layers& layers) {
  return HeadExchange(job, s, layers.with(kAnyAttention) + layers.with(Block::kCross));
}

// Calls of another size, as so many of the size of `to`.
double AsCalls(double calls, Bytes payload, Bytes to) {
  return to.si() > 0 ? calls * (payload / to) : 0.0;
}

// An encoder's work beside that of the decoder. Its collectives have a size of their own.
void AddWork(const PassWork& more, PassWork& to) {
  to.operations.insert(to.operations.end(), more.operations.begin(), more.operations.end());
  const TensorTraffic& from = more.tensor;
  to.tensor.all_gathers += AsCalls(from.all_gathers, from.gathered, to.tensor.gathered);
  to.tensor.reduce_scatters += AsCalls(from.reduce_scatters, from.payload, to.tensor.payload);
  to.tensor.all_reduces += AsCalls(from.all_reduces, from.payload, to.tensor.payload);
  to.context += more.context;
  to.heads.calls += AsCalls(more.heads.calls, more.heads.payload, to.heads.payload);
}

// The layers of a part that are the encoder's: they begin with its own embedding.
ModelPart EncoderPart(const ModelPart& part) {
  return {part.layers.OfEncoder(true), part.embedding, false, part.frozen.OfEncoder(true),
          part.frozen_start};
}

ModelPart DecoderPart(const ModelPart& part) {
  ModelPart rest = part;
  rest.layers = part.layers.OfEncoder(false);
  rest.frozen = part.frozen.OfEncoder(false);
  return rest;
}

}  // namespace

TrainingSpec EncoderJob(const TrainingSpec& job) {
  TrainingSpec encoder = job;
  encoder.sequence_length = job.model.encoder.tokens;
  encoder.document_length = 0;
  encoder.model.attention = Attention::kFull;
  encoder.model.encoder = {};
  return encoder;
}

PassWork ForwardWork(const TrainingSpec& job, const ModelPart& part) {
  if (job.model.encoder.layers > 0) {
    TrainingSpec decoder = job;
    decoder.model.encoder.layers = 0;
    decoder.model.convolutions.clear();  // the encoder's
    PassWork work = ForwardWork(decoder, DecoderPart(part));
    if (part.layers.with(Block::kEncoder) > 0) {
      AddWork(ForwardWork(EncoderJob(job), EncoderPart(part)), work);
    }
    return work;
  }
  const LayerShape s(job);
  PassWork work;
  if (part.embedding) {
    work.operations.push_back(
        Elementwise("embedding", 2 * job.activation_bytes() * s.tokens * s.hidden, 1));
    AddFrontForward(job, s, work.operations);
  }
  AddLayersForward(job, s, part.layers, work.operations);
  work.experts = MixtureExchange(job, s, part.layers.with(Block::kMixture));
  AddPredictionsForward(job, s, part.predictions, work.operations);
  if (part.head) {
    AddHeadForward(job, s, Heads(part), work.operations);
  }
  work.tensor = Traffic(job, s, part, /*backward=*/false);
  work.context = ContextOf(job, s, part.layers, /*backward=*/false);
  work.heads = HeadsOf(job, s, part.layers);
  AddSequenceCopies(job, work);
  return work;
}

bool RepeatsProducts(const TrainingSpec& job) {
  return job.recompute == Recompute::kSelective &&
         (job.stack.selective_every_second_product || job.stack.selective_feed_forward);
}

namespace {

// Selective recomputation is about attention. Fused kernels compute their scores again in any case
// (AddAttentionBackward), and a stack may run them once more for their output.
bool RepeatsAttention(const TrainingSpec& job) {
  return job.recompute == Recompute::kSelective &&
         (!job.fuses_attention() || (job.stack.repeats_attention && !job.model.has_experts()));
}

}  // namespace

// Of which every second product leaves the half that is not the gate.
std::vector<Matrix> RepeatedDense(const TrainingSpec& job, const LayerShape& s) {
  if (!job.stack.selective_every_second_product) {
    return {{"ffn_in", s.ffn_in / s.tensor, s.hidden}};
  }
  return {{"ffn_in", (s.ffn_in - s.ffn) / s.tensor, s.hidden}};
}

namespace {

// What it does again: products, and what stands between them. Experts are done again as a whole.
void AddRepeated(const TrainingSpec& job, const LayerShape& s, const Layers& layers,
                 std::vector<Operation>& out) {
  if (layers.total() <= 0) {
    return;
  }
  out.push_back(
      Elementwise("elementwise", ElementwiseForwardBytes(job, s, layers), layers.total()));
  if (const double dense = layers.with(Block::kDense); dense > 0) {
    for (const Matrix& matrix : RepeatedDense(job, s)) {
      if (matrix.n > 0) {
        AddMatrixForward(job, matrix, s.tokens, dense, out);
      }
    }
    out.push_back(Elementwise("activation", DenseActivationForwardBytes(job, s), dense));
  }
  AddMixtureForward(job, s, layers.with(Block::kMixture), out);
  if (job.stack.selective_every_second_product) {
    AddRecurrenceForward(job, s, layers.with(Block::kRecurrent), out);
  }
}

// The forward pass of layers as full recomputation does it.
void AddLayersAgain(const TrainingSpec& job, const LayerShape& s, const Layers& layers,
                    std::vector<Operation>& out) {
  std::vector<Operation> again;
  AddLayersForward(job, s, layers, again);
  if (job.stack.recomputation_stops_early) {
    std::erase_if(again, [](const Operation& operation) {
      return operation.name == std::string_view("ffn_out");
    });
  }
  out.insert(out.end(), again.begin(), again.end());
}

}  // namespace

PassWork BackwardWork(const TrainingSpec& job, const ModelPart& whole, Gradients gradients) {
  const ModelPart part = whole.trained();
  if (gradients == Gradients::kWeights) {
    PassWork products;
    products.operations = BackwardWork(job, part).operations;
    std::erase_if(products.operations, [](const Operation& operation) {
      return !operation.of_weights;
    });
    return products;
  }
  if (job.model.encoder.layers > 0) {
    TrainingSpec decoder = job;
    decoder.model.encoder.layers = 0;
    decoder.model.convolutions.clear();
    PassWork both = BackwardWork(decoder, DecoderPart(part), gradients);
    if (part.layers.with(Block::kEncoder) > 0) {
      AddWork(BackwardWork(EncoderJob(job), EncoderPart(part), gradients), both);
    }
    return both;
  }
  const LayerShape s(job);
  PassWork work;
  work.tensor = Traffic(job, s, part, /*backward=*/true);
  work.context = ContextOf(job, s, part.layers, /*backward=*/true);
  work.heads = HeadsOf(job, s, part.layers);
  work.experts = MixtureExchange(job, s, part.layers.with(Block::kMixture));
  if (part.head) {
    AddHeadBackward(job, s, Heads(part), work.operations);
  }
  AddPredictionsBackward(job, s, part.predictions, work.operations);
  const double attention = part.layers.with(kAnyAttention);
  if (job.recompute == Recompute::kFull) {
    AddLayersAgain(job, s, part.layers, work.operations);
    AddTraffic(Traffic(job, s, part.OnlyLayers(), /*backward=*/false), work.tensor);
    work.experts.calls *= 2;
    work.heads.calls *= 2;
    work.context += ContextOf(job, s, part.layers, /*backward=*/false);
  } else if (RepeatsProducts(job)) {
    AddRepeated(job, s, part.layers, work.operations);
  } else if (RepeatsAttention(job)) {
    AddAttentionForward(job, s, Block::kAttention, part.layers.with(Block::kAttention),
                        work.operations);
    AddAttentionForward(job, s, Block::kWindow, part.layers.with(Block::kWindow), work.operations);
  }
  if (attention > 0) {
    for (const Matrix& matrix : RecomputedMatrices(job, s)) {
      AddMatrixForward(job, matrix, s.tokens, attention, work.operations);
    }
  }
  AddLayersBackward(job, s, part.layers, work.operations);
  AddSequenceCopies(job, work);
  if (part.embedding && job.trains_tables()) {
    work.operations.push_back(
        Elementwise("embedding_backward", 2 * job.activation_bytes() * s.tokens * s.hidden, 1));
    AddFrontBackward(job, s, work.operations);
  }
  if (gradients == Gradients::kInputs) {
    std::erase_if(work.operations, [](const Operation& operation) {
      return operation.of_weights;
    });
  }
  return work;
}

Bytes PipelineMessage(const TrainingSpec& job) {
  const LayerShape s(job);
  return Bytes(job.activation_bytes() * s.tokens * s.hidden /
               (job.stack.splits_messages ? s.tensor : s.sequence_split));
}

Seconds StepOverhead(const TrainingSpec& job) {
  const StackSpec& stack = job.stack;
  const double doublings = std::log2(static_cast<double>(job.layout.accelerators()));
  const double share = stack.overhead_parameters > 0
                           ? std::min(1.0, ModelParameters(job.model) / stack.overhead_parameters)
                           : 1.0;
  return share * (stack.step_overhead + doublings * stack.overhead_per_doubling);
}

}  // namespace gridlock
