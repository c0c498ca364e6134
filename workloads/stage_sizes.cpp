#include "workloads/stage_sizes.h"

#include <algorithm>

#include "workloads/schedule.h"

namespace gridlock {

namespace {

// FP8 products of Hopper take both inputs along the same dimension, and scales of MXFP8 go along
// one: weights are kept for the forward and for the backward pass (NVIDIA Transformer Engine, FP8
// primer and Float8Tensor._transpose).
ParameterBytes InBothOrientations(const TrainingSpec& job, const ModelPart& part) {
  ParameterBytes bytes = WeightBytes(job, part);
  if (PrecisionBytes(job.precision) == 1 && job.trains_base()) {
    const ParameterBytes layers = WeightBytes(job, part.OnlyLayers());
    bytes.common += layers.common;
    bytes.experts += layers.experts;
  }
  return bytes;
}

ModelPart OneLayer(LayerKind kind) {
  return {Layers(kind, 1), false, false};
}

// kDenseLayer where there are no layers.
LayerKind LargestKind(const TrainingSpec& job, const ModelPart& part) {
  LayerKind most = kDenseLayer;
  double largest = -1;
  for (const Layers::Entry& entry : part.layers.kinds()) {
    const double size = ParametersPerRank(job, OneLayer(entry.kind)).total();
    if (size > largest) {
      largest = size;
      most = entry.kind;
    }
  }
  return most;
}

LargestLayer LargestOf(const TrainingSpec& job, const ModelPart& part) {
  LargestLayer largest;
  largest.kind = LargestKind(job, part);
  const ModelPart layer = OneLayer(largest.kind);
  largest.parameters = ParametersPerRank(job, layer).total();
  largest.trained = TrainedPerRank(job, layer).total();
  largest.weights = WeightBytes(job, layer).total();
  largest.matrix = LargestOfLayer(job, largest.kind);
  largest.shapes = ShapesOfLayer(job, largest.kind);
  return largest;
}

void AddPart(const ModelPart& part, ModelPart& sum) {
  sum.layers.Add(part.layers);
  sum.frozen.Add(part.frozen);
  sum.embedding = sum.embedding || part.embedding;
  sum.head = sum.head || part.head;
  sum.predictions += part.predictions;
}

template <typename Sizes>
void AddSizes(const Sizes& sizes, Sizes& sum) {
  sum.common += sizes.common;
  sum.experts += sizes.experts;
}

// All of a stage that is counted chunk by chunk.
void AddChunks(const TrainingSpec& job, const std::vector<ModelPart>& chunks, StageSizes& sizes) {
  ParameterCount count;
  ParameterBytes weights, used, used_sum, trained, trained_sum;
  const ModelPart* last = nullptr;
  for (const ModelPart& chunk : chunks) {
    if (last == nullptr || !(chunk == *last)) {
      count = TrainedPerRank(job, chunk);
      used = WeightBytes(job, chunk);
      weights = job.stack.narrow_parameters ? InBothOrientations(job, chunk) : used;
      trained = job.trains_all() ? used : TrainedBytes(job, chunk);
      last = &chunk;
    }
    AddSizes(count, sizes.trained);
    AddSizes(weights, sizes.weights);
    AddSizes(used, used_sum);
    AddSizes(trained, trained_sum);
  }
  sizes.frozen = used_sum.total() - trained_sum.total();
}

std::vector<ModelPart> ChunksOf(const TrainingSpec& job, int stage) {
  std::vector<ModelPart> chunks;
  for (int chunk = 0; chunk < job.layout.virtual_pipeline; ++chunk) {
    chunks.push_back(PartOf(job, stage, chunk));
  }
  return chunks;
}

ModelPart Joined(const std::vector<ModelPart>& chunks) {
  ModelPart part;
  for (const ModelPart& chunk : chunks) {
    AddPart(chunk, part);
  }
  return part;
}

StageSizes SizesOf(const TrainingSpec& job, int stage, const std::vector<ModelPart>& chunks) {
  StageSizes sizes;
  sizes.stage = stage;
  sizes.part = Joined(chunks);
  AddChunks(job, chunks, sizes);
  const ModelPart& part = sizes.part;
  sizes.tables = WeightBytes(job, part).total() - WeightBytes(job, part.OnlyLayers()).total();
  const bool shared = job.model.tied_embeddings && IsVee(job.layout.schedule);
  sizes.head = part.head ? WeightBytes(job, {{}, shared, !shared}).total() : Bytes(0);
  if (job.optimizer.table_moments > 0 && job.trains_tables()) {
    sizes.table_parameters = ParametersPerRank(job, {{}, part.embedding, part.head});
  }
  sizes.largest = LargestOf(job, part);
  return sizes;
}

}  // namespace

StageSizes SizesOfStage(const TrainingSpec& job, int stage) {
  return SizesOf(job, stage, ChunksOf(job, stage));
}

std::vector<StageSizes> SizesOfDistinctStages(const TrainingSpec& job) {
  std::vector<StageSizes> distinct;
  for (int stage = 0; stage < job.layout.pipeline; ++stage) {
    const std::vector<ModelPart> chunks = ChunksOf(job, stage);
    const ModelPart part = Joined(chunks);
    const bool seen = std::any_of(distinct.begin(), distinct.end(), [&](const StageSizes& other) {
      return other.part == part;
    });
    if (!seen) {
      distinct.push_back(SizesOf(job, stage, chunks));
    }
  }
  return distinct;
}

}  // namespace gridlock
