#include "workloads/memory.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/schedule.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

// FP32 master weight and Adam's two moments (Rajbhandari et al. 2020, section 3.1).
constexpr double kOptimizerBytes = 12.0;
// CUDA context, NCCL channels and allocator slack. Estimate: 2 to 4 GB are usual on 80 GB parts.
constexpr Bytes kFrameworkBytes(2.5e9);
// Logits in 16 bits and their 32-bit copy for the loss.
constexpr double kKeptLogitBytes = 2.0 + 4.0;

ParameterCount StageParameters(const TrainingSpec& job, int stage) {
  ParameterCount sum;
  for (int chunk = 0; chunk < job.layout.virtual_pipeline; ++chunk) {
    const ParameterCount parameters = ParametersPerRank(job, PartOf(job, stage, chunk));
    sum.common += parameters.common;
    sum.experts += parameters.experts;
  }
  return sum;
}

// Bytes of the layers of `part`.
Bytes Activations(const TrainingSpec& job, const ModelPart& part) {
  Bytes bytes = LayerActivations(job) * part.dense();
  if (part.mixture > 0) {
    bytes += LayerActivations(job, LayerKind::kMixture) * part.mixture;
  }
  return bytes;
}

ParameterBytes StageWeights(const TrainingSpec& job, int stage) {
  ParameterBytes sum;
  for (int chunk = 0; chunk < job.layout.virtual_pipeline; ++chunk) {
    const ParameterBytes bytes = WeightBytes(job, PartOf(job, stage, chunk));
    sum.common += bytes.common;
    sum.experts += bytes.experts;
  }
  return sum;
}

Bytes StageActivations(const TrainingSpec& job, int stage) {
  const std::int64_t in_flight = ChunksInFlight(job.layout, MicroBatches(job), stage);
  ModelPart layers;
  for (int chunk = 0; chunk < job.layout.virtual_pipeline; ++chunk) {
    const ModelPart part = PartOf(job, stage, chunk);
    layers.layers += part.layers;
    layers.mixture += part.mixture;
  }
  // Chunks of a stage hold the same number of layers but for the two ends, so the mean is right to
  // a layer; the passes in flight are spread over all of them.
  Bytes bytes =
      Activations(job, layers) * (static_cast<double>(in_flight) / job.layout.virtual_pipeline);
  if (job.recompute == Recompute::kFull) {
    TrainingSpec kept = job;
    kept.recompute = Recompute::kSelective;
    // The layer that is being computed again.
    bytes += LayerActivations(kept, layers.mixture > 0 ? LayerKind::kMixture : LayerKind::kDense);
  }
  return bytes;
}

Bytes StageBuffers(const TrainingSpec& job, int stage) {
  Bytes bytes = kFrameworkBytes + 2.0 * job.stack.gradient_bucket;
  if (job.zero == 3) {
    // The layer in use and the one gathered ahead, and the gradients of one.
    const ModelPart layer{1.0, false, false, PartOf(job, stage, 0).mixture > 0 ? 1.0 : 0.0};
    bytes += 2.0 * WeightBytes(job, layer).total() +
             Bytes(job.stack.main_gradient_bytes * ParametersPerRank(job, layer).total());
  }
  if (PartOf(job, stage, job.layout.virtual_pipeline - 1).head) {
    const double tokens =
        static_cast<double>(job.micro_batch) * static_cast<double>(job.sequence_length);
    bytes += Bytes(kKeptLogitBytes * tokens * job.model.vocabulary / job.layout.tensor);
  }
  return bytes;
}

const MemoryNeed& Fullest(const std::vector<MemoryNeed>& stages) {
  return *std::max_element(stages.begin(), stages.end(),
                           [](const MemoryNeed& a, const MemoryNeed& b) {
                             return a.total() < b.total();
                           });
}

bool Fits(const TrainingSpec& job, Bytes capacity) {
  return Fullest(MemoryByStage(job)).total() <= capacity;
}

// What the loader and the step program ask of a tensor-parallel group.
bool TensorSplits(const TrainingSpec& job, int domain) {
  const int t = job.layout.tensor;
  const bool sequence = !job.layout.sequence_parallel || job.sequence_length % t == 0;
  return job.model.heads % t == 0 && job.model.kv_heads % t == 0 && job.model.ffn % t == 0 &&
         job.model.mixture.expert_ffn % job.layout.expert_width() == 0 && sequence &&
         (domain % t == 0 || t % domain == 0);
}

bool Splits(const TrainingSpec& job, int domain) {
  const int chunks = job.layout.pipeline * job.layout.virtual_pipeline;
  const int slots = job.model.layers + (job.layout.embedding_as_layer ? 2 : 0);
  const bool layers = job.layout.uneven_layers || slots % chunks == 0;
  const int stage_ranks = job.layout.group() * job.layout.data;
  const bool experts = stage_ranks % (job.layout.expert * job.layout.expert_width()) == 0;
  const bool batch = job.layout.data >= 1 && MicroBatches(job) >= 1 &&
                     job.global_batch % (job.micro_batch * job.layout.data) == 0;
  const bool rounds =
      job.layout.virtual_pipeline == 1 || (batch && MicroBatches(job) % job.layout.pipeline == 0);
  return layers && experts && TensorSplits(job, domain) && batch && rounds;
}

// Single changes that a user would try, each kept when the result is valid and fits.
std::vector<std::string> WhatWouldFit(const TrainingSpec& job, Bytes capacity, int domain) {
  std::vector<std::string> out;
  const auto consider = [&](const TrainingSpec& changed, std::string text) {
    if (Splits(changed, domain) && Fits(changed, capacity)) {
      out.push_back(std::move(text));
    }
  };
  TrainingSpec changed = job;
  for (int zero = job.zero + 1; zero <= 3; ++zero) {
    changed.zero = zero;
    consider(changed, fmt::format("zero: {}", zero));
  }
  changed = job;
  if (job.recompute == Recompute::kNone) {
    changed = job;
    changed.recompute = Recompute::kSelective;
    consider(changed, "recompute: SELECTIVE");
  }
  if (job.recompute != Recompute::kFull) {
    changed = job;
    changed.recompute = Recompute::kFull;
    consider(changed, "recompute: FULL_LAYER");
  }
  for (int factor = 2; factor <= 16 && job.layout.data % factor == 0; factor *= 2) {
    changed = job;
    changed.layout.tensor *= factor;
    changed.layout.data /= factor;
    consider(changed, fmt::format("layout {{ tensor: {} data: {} }}", changed.layout.tensor,
                                  changed.layout.data));
    changed = job;
    changed.layout.pipeline *= factor;
    changed.layout.data /= factor;
    consider(changed, fmt::format("layout {{ pipeline: {} data: {} }}", changed.layout.pipeline,
                                  changed.layout.data));
  }
  return out;
}

}  // namespace

std::vector<MemoryNeed> MemoryByStage(const TrainingSpec& job) {
  std::vector<MemoryNeed> stages;
  const Layout& layout = job.layout;
  // Parameters whose state a rank keeps from a ZeRO stage on.
  const auto kept = [&](const auto& parameters, int zero) {
    return job.zero >= zero
               ? parameters.common / layout.shards() + parameters.experts / layout.expert_shards()
               : parameters.total();
  };
  for (int stage = 0; stage < job.layout.pipeline; ++stage) {
    const ParameterCount parameters = StageParameters(job, stage);
    MemoryNeed need;
    need.stage = stage;
    need.weights = kept(StageWeights(job, stage), 3);
    need.gradients = Bytes(job.stack.main_gradient_bytes * kept(parameters, 2));
    need.optimizer = Bytes(kOptimizerBytes * kept(parameters, 1));
    need.activations = StageActivations(job, stage);
    need.buffers = StageBuffers(job, stage);
    stages.push_back(need);
  }
  return stages;
}

void CheckMemory(const TrainingSpec& job, Bytes capacity, int domain) {
  const std::vector<MemoryNeed> stages = MemoryByStage(job);
  const MemoryNeed& worst = Fullest(stages);
  if (worst.total() <= capacity) {
    return;
  }
  std::string message = fmt::format(
      "HBM overflows by {} on each accelerator of pipeline stage {}: {} of weights, {} of "
      "gradients, {} of "
      "optimizer state, {} of activations and {} of buffers need {}, and there are {}",
      FormatBytes(worst.total() - capacity), worst.stage, FormatBytes(worst.weights),
      FormatBytes(worst.gradients), FormatBytes(worst.optimizer), FormatBytes(worst.activations),
      FormatBytes(worst.buffers), FormatBytes(worst.total()), FormatBytes(capacity));
  const std::vector<std::string> fits = WhatWouldFit(job, capacity, domain);
  message += fits.empty() ? "; no single change of recompute, zero, tensor or pipeline would fit"
                          : fmt::format("; what would fit: {}", fmt::join(fits, ", or "));
  throw UserError(job.layout.path, message);
}

}  // namespace gridlock
