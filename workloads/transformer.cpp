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
      heads(job.model.heads),
      tensor(job.layout.tensor),
      // Norms, residuals and dropout are split over the tensor group only with sequence
      // parallelism.
      sequence_split(job.layout.sequence_parallel ? tensor : 1.0),
      // Half of the scores under a causal mask, in kernels that skip the other half.
      score_share(job.model.attention == Attention::kCausal && job.stack.fused_attention ? 0.5
                                                                                         : 1.0),
      experts(job.model.mixture.experts),
      per_token(job.model.mixture.experts_per_token),
      expert_ffn(job.model.mixture.expert_ffn),
      expert_ffn_in(job.model.gated ? 2 * expert_ffn : expert_ffn),
      shared_ffn(expert_ffn * job.model.mixture.shared_experts),
      shared_ffn_in(job.model.gated ? 2 * shared_ffn : shared_ffn),
      expert_ranks(job.layout.expert),
      expert_width(job.layout.expert_width()) {
  const LatentAttentionSpec& latent = job.model.latent;
  if (latent.key_value_rank > 0) {
    query = key = heads * (latent.plain_head_dim + latent.rotary_head_dim);
    value = attended = heads * latent.value_head_dim;
  }
}

double InputBytes(const TrainingSpec& job) {
  return std::min(kActivationBytes, PrecisionBytes(job.precision));
}

double KeptInputBytes(const TrainingSpec& job) {
  return std::min(InputBytes(job), job.stack.kept_activation_bytes);
}

std::vector<Matrix> DenseMatrices(const TrainingSpec& job, const LayerShape& s) {
  using namespace adapter_target;
  Matrix in{"ffn_in", s.ffn_in / s.tensor, s.hidden};
  in.beside = Beside(job, {kUp, kGate, 0}, {s.ffn / s.tensor, (s.ffn_in - s.ffn) / s.tensor, 0});
  Matrix back{"ffn_out", s.hidden, s.ffn / s.tensor};
  back.beside = Beside(job, {kDown, 0, 0}, {s.hidden, 0, 0});
  return {in, back};
}

bool TakesApart(const TrainingSpec& job) {
  return job.stack.norm_traffic_factor > 0;
}

double NormTrafficFactor(const TrainingSpec& job) {
  return TakesApart(job) && job.model.gated ? job.stack.norm_traffic_factor
                                            : job.stack.hbm_traffic_factor;
}

// Eight layers of BERT, OPT and GPT-2 launch in 1.35 to 1.4 ms forward and backward where layers
// like Llama's take 2.2 ms on the same host (Transformers 5.17, H200).
double LaunchShare(const TrainingSpec& job) {
  constexpr double kPlainLayers = 0.62;
  return TakesApart(job) && !job.model.gated ? kPlainLayers : 1;
}

namespace {

// Norms of queries and keys, of which one is as wide as a head.
double QueryKeyNorms(const TrainingSpec& job, const LayerShape& s, double tensors) {
  return job.model.query_key_norms ? tensors * (s.query + s.key) / s.tensor : 0;
}

// Bytes that norms, residual adds and rotary positions move in the forward pass of one layer when
// each is one fused kernel: norm reads and writes its tensor (twice a layer), residual add reads
// two and writes one (twice), rotary reads and writes q and k. The activation function of a dense
// block reads its inputs and writes its output.
double ElementwiseForwardBytes(const TrainingSpec& job, const LayerShape& s) {
  const double norms_and_residuals =
      (2 * 2 + 2 * 3) * s.hidden / s.sequence_split + QueryKeyNorms(job, s, 2);
  const double rotary = job.model.max_positions == 0 ? 2 * (s.query + s.key) / s.tensor : 0.0;
  return kActivationBytes * s.tokens *
         (NormTrafficFactor(job) * norms_and_residuals + job.stack.hbm_traffic_factor * rotary);
}

double DenseActivationForwardBytes(const TrainingSpec& job, const LayerShape& s) {
  return job.stack.hbm_traffic_factor * kActivationBytes * s.tokens * (s.ffn_in + s.ffn) / s.tensor;
}

// Backward of the same: norms read two and write one, residual adds of gradients likewise, the
// activation reads the gradient and its inputs and writes the gradients of the inputs.
double ElementwiseBackwardBytes(const TrainingSpec& job, const LayerShape& s) {
  const double norms_and_residuals =
      (2 * 3 + 2 * 3) * s.hidden / s.sequence_split + QueryKeyNorms(job, s, 3);
  const double rotary = job.model.max_positions == 0 ? 2 * (s.query + s.key) / s.tensor : 0.0;
  // Outputs that were not kept are made again from their inputs.
  const double again = job.keeps_elementwise_outputs() ? 0.0 : 2 * 2 * s.hidden / s.sequence_split;
  return kActivationBytes * s.tokens *
         (NormTrafficFactor(job) * (norms_and_residuals + again) +
          job.stack.hbm_traffic_factor * rotary);
}

double DenseActivationBackwardBytes(const TrainingSpec& job, const LayerShape& s) {
  const double again = job.keeps_elementwise_outputs() ? 0.0 : DenseActivationForwardBytes(job, s);
  return job.stack.hbm_traffic_factor * kActivationBytes * s.tokens * (s.ffn + 2 * s.ffn_in) /
             s.tensor +
         again;
}

void AddLayersForward(const TrainingSpec& job, const LayerShape& s, const ModelPart& part,
                      std::vector<Operation>& out) {
  if (part.layers <= 0) {
    return;
  }
  for (const Matrix& matrix : AttentionMatrices(job, s)) {
    AddMatrixForward(job, matrix, s.tokens, part.layers, out);
  }
  AddAttentionForward(job, s, part.layers, out);
  out.push_back(Elementwise("elementwise", ElementwiseForwardBytes(job, s), part.layers));
  if (part.dense() > 0) {
    for (const Matrix& matrix : DenseMatrices(job, s)) {
      AddMatrixForward(job, matrix, s.tokens, part.dense(), out);
    }
    out.push_back(Elementwise("activation", DenseActivationForwardBytes(job, s), part.dense()));
  }
  AddMixtureForward(job, s, part.mixture, out);
}

void AddLayersBackward(const TrainingSpec& job, const LayerShape& s, const ModelPart& part,
                       std::vector<Operation>& out) {
  if (part.layers <= 0) {
    return;
  }
  for (const Matrix& matrix : AttentionMatrices(job, s)) {
    AddMatrixBackward(job, matrix, s.tokens, part.layers, out);
  }
  AddAttentionBackward(job, s, part.layers, out);
  out.push_back(Elementwise("elementwise_backward", ElementwiseBackwardBytes(job, s), part.layers));
  if (part.dense() > 0) {
    for (const Matrix& matrix : DenseMatrices(job, s)) {
      AddMatrixBackward(job, matrix, s.tokens, part.dense(), out);
    }
    out.push_back(
        Elementwise("activation_backward", DenseActivationBackwardBytes(job, s), part.dense()));
  }
  AddMixtureBackward(job, s, part.mixture, out);
}

// Cross entropy over the rank's share of the vocabulary: the logits are cast to 32 bits, scanned
// for the maximum, exponentiated and summed, then turned into the gradient.
constexpr double kLossBytesForward = (2 + 4) + 4 + (4 + 4);
constexpr double kLossBytesBackward = 4 + 2;

// The LM head stays in 16 bits when the layers are in a narrower format. Most frameworks pad the
// vocabulary; where one does not, an odd one makes all three products slow.
Operation HeadGemm(const TrainingSpec& job, const char* name, double m, double n, double k) {
  const double element = std::max(kActivationBytes, PrecisionBytes(job.precision));
  Operation operation = Gemm(name, m, n, k, element, 1);
  operation.wide = true;
  if (job.stack.unpadded_vocabulary) {
    const double vocabulary = static_cast<double>(job.model.vocabulary) / job.layout.tensor;
    operation.slowdown = AlignmentSlowdown(vocabulary, job.model.hidden);
  }
  return operation;
}

void AddHeadForward(const TrainingSpec& job, const LayerShape& s, std::vector<Operation>& out) {
  out.push_back(HeadGemm(job, "lm_head", s.tokens, s.vocabulary / s.tensor, s.hidden));
  out.push_back(Elementwise(
      "loss",
      job.stack.loss_traffic_factor * kLossBytesForward * s.tokens * s.vocabulary / s.tensor, 1));
}

void AddHeadBackward(const TrainingSpec& job, const LayerShape& s, std::vector<Operation>& out) {
  const double n = s.vocabulary / s.tensor;
  out.push_back(Elementwise("loss_backward",
                            job.stack.loss_traffic_factor * kLossBytesBackward * s.tokens * n, 1));
  out.push_back(HeadGemm(job, "lm_head_input_gradient", s.tokens, s.hidden, n));
  if (job.trains_tables()) {
    out.push_back(HeadGemm(job, "lm_head_weight_gradient", n, s.hidden, s.tokens));
    out.back().of_weights = true;
  }
}

// Tensor-parallel collectives of a part. With sequence parallelism each block gathers its input and
// scatters its output; without, each block ends in an all-reduce (Shoeybi et al. 2019; Korthikanti
// et al. 2022, section 4.2). In the backward pass the inputs of both blocks are gathered once more
// for the weight gradients, unless they were kept as they had been gathered.
TensorTraffic Traffic(const TrainingSpec& job, const LayerShape& s, const ModelPart& part,
                      bool backward) {
  TensorTraffic traffic;
  traffic.payload = Bytes(kActivationBytes * s.tokens * s.hidden);
  traffic.gathered = Bytes(InputBytes(job) * s.tokens * s.hidden);
  if (s.tensor <= 1) {
    return traffic;
  }
  const double embedding = part.embedding && (!backward || job.trains_tables()) ? 1.0 : 0.0;
  const double head = part.head ? 1.0 : 0.0;
  // The embedding scatters its output and gathers the gradient of it; the head gathers its input,
  // and once more for its weights, and scatters the gradient of it.
  const double blocks = part.layers + part.dense();  // attention and dense feed-forward
  const double summed = blocks + (backward ? head : embedding);
  if (job.layout.sequence_parallel) {
    const bool again = backward && !job.stack.keeps_gathered_inputs;
    traffic.all_gathers = (again ? 2 : 1) * blocks + head + (backward ? embedding : 0.0);
    if (again && !job.trains_base()) {
      // Inputs of products that keep none are not gathered once more.
      const double attention = KeepsInput(job, AttentionMatrices(job, s)[0]) ? 1.0 : 0.0;
      const double dense = KeepsInput(job, DenseMatrices(job, s)[0]) ? 1.0 : 0.0;
      traffic.all_gathers = blocks + attention * part.layers + dense * part.dense();
    } else if (backward && !job.trains_tables()) {
      traffic.all_gathers -= head;
    }
    traffic.reduce_scatters = summed;
  } else {
    traffic.all_reduces = summed;
  }
  AddMixtureTraffic(job, s, part.mixture, backward, traffic);
  return traffic;
}

void AddTraffic(const TensorTraffic& more, TensorTraffic& to) {
  to.all_gathers += more.all_gathers;
  to.reduce_scatters += more.reduce_scatters;
  to.all_reduces += more.all_reduces;
  to.expert_gathers += more.expert_gathers;
  to.expert_scatters += more.expert_scatters;
}

}  // namespace

PassWork ForwardWork(const TrainingSpec& job, const ModelPart& part) {
  const LayerShape s(job);
  PassWork work;
  if (part.embedding) {
    work.operations.push_back(
        Elementwise("embedding", 2 * kActivationBytes * s.tokens * s.hidden, 1));
  }
  AddLayersForward(job, s, part, work.operations);
  work.experts = MixtureExchange(job, s, part.mixture);
  if (part.head) {
    AddHeadForward(job, s, work.operations);
  }
  work.tensor = Traffic(job, s, part, /*backward=*/false);
  work.context = ContextBytes(job, s, part.layers, /*backward=*/false);
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
         (!job.stack.fused_attention || (job.stack.repeats_attention && !job.model.has_experts()));
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
void AddRepeated(const TrainingSpec& job, const LayerShape& s, const ModelPart& part,
                 std::vector<Operation>& out) {
  out.push_back(Elementwise("elementwise", ElementwiseForwardBytes(job, s), part.layers));
  if (part.dense() > 0) {
    for (const Matrix& matrix : RepeatedDense(job, s)) {
      if (matrix.n > 0) {
        AddMatrixForward(job, matrix, s.tokens, part.dense(), out);
      }
    }
    out.push_back(Elementwise("activation", DenseActivationForwardBytes(job, s), part.dense()));
  }
  AddMixtureForward(job, s, part.mixture, out);
}

// The forward pass of layers as full recomputation does it.
void AddLayersAgain(const TrainingSpec& job, const LayerShape& s, const ModelPart& part,
                    std::vector<Operation>& out) {
  std::vector<Operation> again;
  AddLayersForward(job, s, part, again);
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
  const LayerShape s(job);
  PassWork work;
  work.tensor = Traffic(job, s, part, /*backward=*/true);
  work.context = ContextBytes(job, s, part.layers, /*backward=*/true);
  work.experts = MixtureExchange(job, s, part.mixture);
  if (part.head) {
    AddHeadBackward(job, s, work.operations);
  }
  if (job.recompute == Recompute::kFull) {
    AddLayersAgain(job, s, part, work.operations);
    AddTraffic(Traffic(job, s, {part.layers, false, false, part.mixture}, /*backward=*/false),
               work.tensor);
    work.experts.calls *= 2;
    work.context += ContextBytes(job, s, part.layers, /*backward=*/false);
  } else if (RepeatsProducts(job)) {
    AddRepeated(job, s, part, work.operations);
  } else if (RepeatsAttention(job) && part.layers > 0) {
    AddAttentionForward(job, s, part.layers, work.operations);
  }
  for (const Matrix& matrix : RecomputedMatrices(job, s)) {
    AddMatrixForward(job, matrix, s.tokens, part.layers, work.operations);
  }
  AddLayersBackward(job, s, part, work.operations);
  if (part.embedding && job.trains_tables()) {
    work.operations.push_back(
        Elementwise("embedding_backward", 2 * kActivationBytes * s.tokens * s.hidden, 1));
  }
  if (gradients == Gradients::kInputs) {
    std::erase_if(work.operations, [](const Operation& operation) {
      return operation.of_weights;
    });
  }
  return work;
}

ParameterCount ParametersPerRank(const TrainingSpec& job, const ModelPart& part) {
  const LayerShape s(job);
  const auto sum = [](const std::vector<Matrix>& matrices) {
    double parameters = 0;
    for (const Matrix& w : matrices) {
      parameters += w.n * w.k;
    }
    return parameters;
  };
  ParameterCount out;
  // Two norms a layer.
  out.common = (2 * s.hidden + sum(AttentionMatrices(job, s))) * part.layers +
               sum(DenseMatrices(job, s)) * part.dense();
  if (part.mixture > 0) {
    out.common += sum(SharedMatrices(job, s)) * part.mixture;
    const double experts = sum(ExpertMatrices(job, s)) * s.local_experts() * part.mixture;
    (job.layout.splits_experts() ? out.experts : out.common) += experts;
  }
  const double table = s.vocabulary * s.hidden / s.tensor;
  if (part.embedding) {
    out.common += table + static_cast<double>(job.model.max_positions) * s.hidden;
  }
  // A tied head on the embedding's own stage is the same matrix; on another stage it is a copy.
  if (part.head && !(job.model.tied_embeddings && part.embedding)) {
    out.common += table + s.hidden;
  }
  return out;
}

ParameterCount TrainedPerRank(const TrainingSpec& job, const ModelPart& whole) {
  const ModelPart part = whole.trained();
  if (job.trains_base()) {
    const bool tables = job.trains_tables();
    return ParametersPerRank(
        job, {part.layers, part.embedding && tables, part.head && tables, part.mixture});
  }
  const LayerShape s(job);
  ParameterCount out;
  out.common = AdapterParameters(job, AttentionMatrices(job, s)) * part.layers +
               AdapterParameters(job, DenseMatrices(job, s)) * part.dense();
  if (part.mixture > 0) {
    out.common += AdapterParameters(job, SharedMatrices(job, s)) * part.mixture;
    const double experts =
        AdapterParameters(job, ExpertMatrices(job, s)) * s.local_experts() * part.mixture;
    (job.layout.splits_experts() ? out.experts : out.common) += experts;
  }
  return out;
}

ParameterBytes WeightBytes(const TrainingSpec& job, const ModelPart& part) {
  const ParameterCount layers = ParametersPerRank(job, {part.layers, false, false, part.mixture});
  const double tables = ParametersPerRank(job, part).common - layers.common;
  const double used = job.stack.narrow_parameters ? InputBytes(job) : kActivationBytes;
  const double bytes = job.adapters.base_bytes > 0 ? job.adapters.base_bytes : used;
  ParameterBytes out{Bytes(bytes * layers.common + kActivationBytes * tables),
                     Bytes(bytes * layers.experts)};
  if (!job.trains_base()) {
    const ParameterCount adapters = TrainedPerRank(job, part);
    out.common += Bytes(job.adapters.bytes * adapters.common);
    out.experts += Bytes(job.adapters.bytes * adapters.experts);
  }
  return out;
}

ParameterBytes TrainedBytes(const TrainingSpec& job, const ModelPart& part) {
  if (job.trains_all()) {
    return WeightBytes(job, part);
  }
  if (!job.trains_base()) {
    const ParameterCount adapters = TrainedPerRank(job, part);
    return {Bytes(job.adapters.bytes * adapters.common),
            Bytes(job.adapters.bytes * adapters.experts)};
  }
  const ModelPart trained = part.trained();
  const bool tables = job.trains_tables();
  return WeightBytes(
      job, {trained.layers, trained.embedding && tables, trained.head && tables, trained.mixture});
}

double LargestOfLayer(const TrainingSpec& job, LayerKind kind) {
  const LayerShape s(job);
  double largest = 0;
  const auto consider = [&largest](const std::vector<Matrix>& matrices, double count) {
    for (const Matrix& w : matrices) {
      largest = std::max(largest, w.n * w.k * count);
    }
  };
  consider(AttentionMatrices(job, s), 1);
  if (kind == LayerKind::kMixture) {
    consider(ExpertMatrices(job, s), s.local_experts());
  } else {
    consider(DenseMatrices(job, s), 1);
  }
  return largest;
}

double LargestMatrix(const TrainingSpec& job) {
  const LayerShape s(job);
  const double table = s.vocabulary * s.hidden / s.tensor;
  const double dense = LargestOfLayer(job, LayerKind::kDense);
  const double mixture = job.model.has_experts() ? LargestOfLayer(job, LayerKind::kMixture) : 0;
  return std::max({table, dense, mixture});
}

double ModelParameters(const ModelSpec& model) {
  TrainingSpec whole;
  whole.model = model;
  const bool tied = model.tied_embeddings;
  return ParametersPerRank(whole, {static_cast<double>(model.layers), true, !tied,
                                   static_cast<double>(model.MixtureLayers(0, model.layers))})
      .total();
}

double ActiveParameters(const ModelSpec& model) {
  ModelSpec active = model;
  active.mixture.experts = 0;
  // A router is as wide as the experts that it chooses from.
  const double routers = 1.0 * model.hidden * model.mixture.experts;
  const double experts = 1.0 * model.mixture.expert_ffn * model.hidden * (model.gated ? 3 : 2) *
                         (model.mixture.experts_per_token + model.mixture.shared_experts);
  const double dense = 1.0 * model.ffn * model.hidden * (model.gated ? 3 : 2);
  const double mixture = model.MixtureLayers(0, model.layers);
  return ModelParameters(active) + mixture * (routers + experts - dense);
}

Bytes PipelineMessage(const TrainingSpec& job) {
  const LayerShape s(job);
  return Bytes(kActivationBytes * s.tokens * s.hidden /
               (job.stack.splits_messages ? s.tensor : s.sequence_split));
}

}  // namespace gridlock
