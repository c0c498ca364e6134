// Parameters of parts of a model, and their bytes.

#include <algorithm>

#include "workloads/layer_shape.h"
#include "workloads/transformer.h"

namespace gridlock {

double SizeOf(const std::vector<Matrix>& matrices) {
  double parameters = 0;
  for (const Matrix& w : matrices) {
    parameters += w.n * w.k;
  }
  return parameters;
}

namespace {

// Of layers, without their experts.
double CommonOf(const TrainingSpec& job, const LayerShape& s, const Layers& layers) {
  double sum = s.hidden * layers.places();  // norms
  sum += SizeOf(AttentionMatrices(job, s)) * layers.with(kAnyAttention);
  if (const double recurrent = layers.with(Block::kRecurrent); recurrent > 0) {
    sum += (SizeOf(RecurrentMatrices(job, s)) + RecurrentExtras(job)) * recurrent;
  }
  if (const double cross = layers.with(Block::kCross); cross > 0) {
    const CrossAttention attention = CrossAttentionOf(job, s);
    sum += (SizeOf(attention.query) + SizeOf({attention.key_value})) * cross;
  }
  if (job.model.modulations > 0) {
    sum += SizeOf({Modulation(job, s)}) * layers.total();
  }
  return sum + SizeOf(DenseMatrices(job, s)) * layers.with(Block::kDense);
}

// Of the parameters of a part's layers, those that it holds where layers share them: groups of
// neighbours do, and a part holds one copy of each group that it has layers of.
double HeldShare(const ModelSpec& model, double layers) {
  if (model.distinct_layers <= 0 || layers <= 0) {
    return 1;
  }
  const double distinct =
      std::max(std::min(1.0, layers), layers * model.distinct_layers / model.layers);
  return std::min(1.0, distinct / layers);
}

double TableOf(const TrainingSpec& job, const LayerShape& s) {
  const double projection = job.model.embedding_width > 0 ? s.embedding * s.hidden : 0.0;
  return s.vocabulary * s.embedding / s.tensor + projection;
}

}  // namespace

ParameterCount ParametersPerRank(const TrainingSpec& job, const ModelPart& part) {
  const LayerShape s(job);
  ParameterCount out;
  out.common = CommonOf(job, s, part.layers);
  if (const double mixture = part.layers.with(Block::kMixture); mixture > 0) {
    out.common += SizeOf(SharedMatrices(job, s)) * mixture;
    const double experts = SizeOf(ExpertMatrices(job, s)) * s.local_experts() * mixture;
    (job.layout.splits_experts() ? out.experts : out.common) += experts;
  }
  const double held = HeldShare(job.model, part.layers.total());
  out.common *= held;
  out.experts *= held;
  // Projection, the two norms before it and the one before the head.
  out.common += part.predictions * (SizeOf({Projection(s)}) + 3 * s.hidden);
  const double table = TableOf(job, s);
  if (part.embedding) {
    out.common += table + static_cast<double>(job.model.max_positions) * s.embedding +
                  FrontParameters(job.model);
  }
  // A tied head on the embedding's own stage is the same matrix; on another stage it is a copy. The
  // first stage of a V has both, in two chunks.
  const bool embedding = part.embedding || IsVee(job.layout.schedule);
  if (part.head && !(job.model.tied_embeddings && embedding)) {
    out.common += table + s.hidden;
  }
  // The embedding that prediction modules look up is a copy, too, where the stage has none.
  if (part.predictions > 0 && part.head && !embedding && !job.model.tied_embeddings) {
    out.common += table;
  }
  return out;
}

ParameterCount TrainedPerRank(const TrainingSpec& job, const ModelPart& whole) {
  const ModelPart part = whole.trained();
  if (job.trains_base()) {
    const bool tables = job.trains_tables();
    return ParametersPerRank(
        job,
        {part.layers, part.embedding && tables, part.head && tables, {}, false, part.predictions});
  }
  const LayerShape s(job);
  ParameterCount out;
  out.common = AdapterParameters(job, AttentionMatrices(job, s)) * part.layers.with(kAnyAttention) +
               AdapterParameters(job, DenseMatrices(job, s)) * part.layers.with(Block::kDense);
  if (const double mixture = part.layers.with(Block::kMixture); mixture > 0) {
    out.common += AdapterParameters(job, SharedMatrices(job, s)) * mixture;
    const double experts =
        AdapterParameters(job, ExpertMatrices(job, s)) * s.local_experts() * mixture;
    (job.layout.splits_experts() ? out.experts : out.common) += experts;
  }
  return out;
}

ParameterBytes WeightBytes(const TrainingSpec& job, const ModelPart& part) {
  const ParameterCount layers = ParametersPerRank(job, part.OnlyLayers());
  const double tables = ParametersPerRank(job, part).common - layers.common;
  const double used = job.stack.narrow_parameters ? InputBytes(job) : job.activation_bytes();
  const double bytes = job.adapters.base_bytes > 0 ? job.adapters.base_bytes : used;
  ParameterBytes out{Bytes(bytes * layers.common + job.activation_bytes() * tables),
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
  return WeightBytes(job, {trained.layers,
                           trained.embedding && tables,
                           trained.head && tables,
                           {},
                           false,
                           trained.predictions});
}

double LargestOfLayer(const TrainingSpec& job, LayerKind kind) {
  const LayerShape s(job);
  double largest = 0;
  const auto consider = [&largest](const std::vector<Matrix>& matrices, double count) {
    for (const Matrix& w : matrices) {
      largest = std::max(largest, w.n * w.k * count);
    }
  };
  if (kind.has(kAnyAttention)) {
    consider(AttentionMatrices(job, s), 1);
  }
  if (kind.has(Block::kRecurrent)) {
    consider(RecurrentMatrices(job, s), 1);
  }
  if (kind.has(Block::kMixture)) {
    consider(ExpertMatrices(job, s), s.local_experts());
  }
  if (kind.has(Block::kDense)) {
    consider(DenseMatrices(job, s), 1);
  }
  return largest;
}

double LargestMatrix(const TrainingSpec& job) {
  const LayerShape s(job);
  double largest = s.vocabulary * s.embedding / s.tensor;
  const Layers layers = job.model.LayersIn(0, job.model.depth());
  for (const Layers::Entry& entry : layers.kinds()) {
    largest = std::max(largest, LargestOfLayer(job, entry.kind));
  }
  return largest;
}

double ModelParameters(const ModelSpec& model) {
  TrainingSpec whole;
  whole.model = model;
  const bool tied = model.tied_embeddings;
  return ParametersPerRank(whole, {model.LayersIn(0, model.depth()), true, !tied}).total();
}

double ActiveParameters(const ModelSpec& model) {
  const double idle = model.mixture.experts - model.mixture.experts_per_token;
  const double expert = 1.0 * model.mixture.expert_ffn * model.hidden * (model.gated ? 3 : 2);
  const double mixture = model.LayersIn(0, model.depth()).with(Block::kMixture);
  return ModelParameters(model) - mixture * idle * expert;
}

}  // namespace gridlock
