#include "workloads/memory.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/adapters.h"
#include "workloads/frozen_copies.h"
#include "workloads/schedule.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

// Those that are trained.
ParameterCount StageParameters(const TrainingSpec& job, int stage) {
  ParameterCount sum, parameters;
  ModelPart last{Layers(kDenseLayer, -1)};
  for (int chunk = 0; chunk < job.layout.virtual_pipeline; ++chunk) {
    const ModelPart part = PartOf(job, stage, chunk);
    parameters = part == last ? parameters : TrainedPerRank(job, part);
    last = part;
    sum.common += parameters.common;
    sum.experts += parameters.experts;
  }
  return sum;
}

using BytesOfPart = ParameterBytes (*)(const TrainingSpec&, const ModelPart&);

ParameterBytes StageBytes(const TrainingSpec& job, int stage, BytesOfPart of) {
  ParameterBytes sum, bytes;
  ModelPart last{Layers(kDenseLayer, -1)};
  for (int chunk = 0; chunk < job.layout.virtual_pipeline; ++chunk) {
    const ModelPart part = PartOf(job, stage, chunk);
    bytes = part == last ? bytes : of(job, part);
    last = part;
    sum.common += bytes.common;
    sum.experts += bytes.experts;
  }
  return sum;
}

ModelPart StagePart(const TrainingSpec& job, int stage) {
  ModelPart layers;
  for (int chunk = 0; chunk < job.layout.virtual_pipeline; ++chunk) {
    const ModelPart part = PartOf(job, stage, chunk);
    layers.layers.Add(part.layers);
    layers.frozen.Add(part.frozen);
    layers.embedding = layers.embedding || part.embedding;
    layers.head = layers.head || part.head;
    layers.predictions += part.predictions;
  }
  return layers;
}

// The kind of layer of a part that has the most of something; kDenseLayer where there is none.
template <typename Measure>
LayerKind KindWithMost(const ModelPart& part, const Measure& measure) {
  LayerKind most = kDenseLayer;
  double largest = -1;
  for (const Layers::Entry& entry : part.layers.kinds()) {
    const double size = part.layers.kinds().size() > 1 ? measure(entry.kind) : 0.0;
    if (size > largest) {
      largest = size;
      most = entry.kind;
    }
  }
  return most;
}

ModelPart OneLayer(LayerKind kind) {
  return {Layers(kind, 1), false, false};
}

// The layer of a part with the most parameters.
LayerKind LargestKind(const TrainingSpec& job, const ModelPart& part) {
  return KindWithMost(part, [&](LayerKind kind) {
    return ParametersPerRank(job, OneLayer(kind)).total();
  });
}

// The layer of a part whose backward pass needs the most beside what stays.
LayerKind FullestKind(const TrainingSpec& job, const ModelPart& part) {
  return KindWithMost(part, [&](LayerKind kind) {
    return (LayerActivations(job, kind) + LayerWorkingSet(job, kind)).si();
  });
}

Bytes StageActivations(const TrainingSpec& job, int stage, const ModelPart& layers) {
  const double stays = 1 - OffloadedShare(job);
  Bytes leaving;
  if (stays < 1) {
    // The layer that leaves and the one that is computed.
    leaving = LayerActivations(job, FullestKind(job, layers)) *
              std::min(2.0, layers.trained().layers.total());
  }
  const std::int64_t in_flight = ChunksInFlight(job.layout, MicroBatches(job), stage);
  // Chunks of a stage hold the same number of layers but for the two ends, so the mean is right to
  // a layer; the passes in flight are spread over all of them.
  return leaving + KeptActivations(job, layers) *
                       (stays * static_cast<double>(in_flight) / job.layout.virtual_pipeline);
}

// Bytes of an accumulated gradient. Those of adapters in 32 bits are as wide as they are.
double GradientElement(const TrainingSpec& job) {
  return job.trains_base() || !job.adapters.wide() ? job.stack.main_gradient_bytes
                                                   : job.adapters.bytes;
}

Bytes LayerGradients(const TrainingSpec& job, const ModelPart& part) {
  const ModelPart layer = OneLayer(LargestKind(job, part));
  return Bytes(GradientElement(job) * TrainedPerRank(job, layer).total());
}

// Gradients that a layer has made when its feed-forward block is fullest: of what that block ends
// with.
Bytes MadeGradients(const TrainingSpec& job, const ModelPart& part) {
  if (!job.trains_base()) {
    return Bytes(0);
  }
  const MixtureSpec& mixture = job.model.mixture;
  const double width = LargestKind(job, part).has(Block::kMixture)
                           ? 1.0 * mixture.expert_ffn / job.layout.expert_width() *
                                 mixture.experts / job.layout.expert
                           : 1.0 * job.model.ffn / job.layout.tensor;
  return Bytes(job.stack.main_gradient_bytes * job.model.hidden * width);
}

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

// Weights as products use them. Of those that are cast for each pass only the copies stay that are
// not made again: with full recomputation, the LM head's. A frozen base is in 16 bits or less, and
// stays as it is.
ParameterBytes UsedWeights(const TrainingSpec& job, int stage, const ModelPart& part) {
  if (!job.stack.casts_weights || job.recompute != Recompute::kFull || !job.trains_base()) {
    return StageBytes(job, stage, job.stack.narrow_parameters ? InBothOrientations : WeightBytes);
  }
  ParameterBytes bytes;
  bytes.common = part.head ? WeightBytes(job, {{}, false, true}).common : Bytes(0);
  return bytes;
}

// Layers whose parameters are whole at a time. DeepSpeed keeps up to `stage3_max_live_parameters`
// that it will want again, and gathers `stage3_prefetch_bucket_size` ahead
// (runtime/zero/partitioned_param_coordinator.py).
double LiveLayers(const TrainingSpec& job, const ModelPart& part) {
  const double each = ParametersPerRank(job, OneLayer(LargestKind(job, part))).total();
  const double ahead = job.zero_buffers.live + job.zero_buffers.prefetch;
  return std::clamp(1 + ahead / each, 2.0, std::max(2.0, part.layers.total()));
}

// Sharded parameters come whole for a while: the layer in use and the one gathered ahead, and the
// gradients of one as they are made and as they are sent. Tables stay for the whole pass.
Bytes Gathered(const TrainingSpec& job, const ModelPart& part) {
  const ModelPart layer = OneLayer(LargestKind(job, part));
  if (job.zero < 3 || job.layout.shards() <= 1) {
    // Where all is on the host, the layer in use and the next, and the gradients of one.
    return job.stack.offloads_states
               ? 2.0 * WeightBytes(job, layer).total() + LayerGradients(job, part)
               : Bytes(0);
  }
  if (job.stack.gathers_matrices) {
    // The one in use, the next, and the gradient of one.
    return Bytes(3 * job.activation_bytes() * LargestMatrix(job));
  }
  const Bytes tables = WeightBytes(job, part).total() - WeightBytes(job, part.OnlyLayers()).total();
  return tables + LiveLayers(job, part) * WeightBytes(job, layer).total() +
         Bytes(job.activation_bytes() * TrainedPerRank(job, layer).total()) +
         LayerGradients(job, part);
}

// The most of what comes and goes: in the backward pass of a layer, or in the loss.
Bytes Passing(const TrainingSpec& job, const ModelPart& part) {
  Bytes most =
      part.trained().layers.total() > 0 ? LayerWorkingSet(job, FullestKind(job, part)) : Bytes(0);
  if (job.adapters.base_bytes > 0) {
    // The matrix in use, in 16 bits.
    most += Bytes(2 * LargestOfLayer(job, LargestKind(job, part)));
  }
  if (part.head) {
    const Bytes head = job.trains_tables() ? WeightBytes(job, {{}, false, true}).total() : Bytes(0);
    most = std::max(most, LossWorkingSet(job) + CopyLogits(job) + head);
  }
  if (job.stack.placeholder_gradients && part.layers.total() > 0 && job.trains_base()) {
    most += Bytes(job.activation_bytes() * ShapesOfLayer(job, LargestKind(job, part)));
  }
  if (job.zero_buffers.reduce > 0) {
    // DeepSpeed's, as wide as weights, allocated for good (runtime/zero/stage_1_and_2.py,
    // ipg_buffer).
    return most + Bytes(job.activation_bytes() * job.zero_buffers.copies * job.zero_buffers.reduce);
  }
  // Buckets of gradients on their way (Rajbhandari et al. 2020, section 5.2).
  const bool buckets = job.zero == 2 && job.trains_base();
  return most + (buckets ? 2.0 * job.gradient_bucket() : Bytes(0));
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
  return job.model.heads % t == 0 && (job.model.kv_heads % t == 0 || t % job.model.kv_heads == 0) &&
         job.model.ffn % t == 0 && job.model.mixture.expert_ffn % job.layout.expert_width() == 0 &&
         sequence && (domain % t == 0 || t % domain == 0);
}

bool Splits(const TrainingSpec& job, int domain) {
  const int chunks = job.layout.pipeline * job.layout.virtual_pipeline;
  const int slots = job.model.depth() + (job.layout.embedding_as_layer ? 2 : 0);
  const bool layers = slots % chunks == 0 || (slots + job.model.prediction_modules) % chunks == 0 ||
                      (job.layout.uneven_layers && slots >= chunks);
  const int sharing_ranks = job.layout.group() * job.layout.sharing_replicas();
  const bool experts = sharing_ranks % (job.layout.expert * job.layout.expert_width()) == 0;
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
  // What costs the most, where nothing else fits.
  const auto consider_last = [&] {
    TrainingSpec last = job;
    last.optimizer.in_backward = true;
    if (job.trains_base() && MicroBatches(job) == 1) {
      consider(last, "update_in_backward: true");
    }
    last = job;
    last.stack.offloads_states = true;
    consider(last, "offload_states: true");
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
  if (!job.offloads()) {
    changed = job;
    changed.offload_activations = true;
    consider(changed, "offload_activations: true");
  }
  if (!job.trains_base() && job.adapters.base_bytes <= 0) {
    changed = job;
    changed.adapters.base_bytes = FrozenFormatBytes("nf4");
    consider(changed, "adapters { base: \"nf4\" }");
  }
  if (job.micro_batch % 2 == 0) {
    changed = job;
    changed.micro_batch /= 2;
    consider(changed, fmt::format("micro_batch: {}", changed.micro_batch));
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
  if (out.empty()) {
    consider_last();
  }
  return out;
}

constexpr double kMaster = 4;  // bytes of a weight in FP32

// Of trained weights only master copies stay, of frozen ones 16 bits, all of them sharded.
Bytes MasterWeights(const TrainingSpec& job, int stage, double trained) {
  Bytes frozen;
  if (!job.trains_all()) {
    frozen = (StageBytes(job, stage, WeightBytes).total() -
              StageBytes(job, stage, TrainedBytes).total()) /
             job.layout.shards();
  }
  return Bytes(kMaster * trained) + frozen;
}

// Trained parameters of embedding and LM head.
ParameterCount TableParameters(const TrainingSpec& job, const ModelPart& part) {
  if (job.optimizer.table_moments <= 0 || !job.trains_tables()) {
    return {};
  }
  return ParametersPerRank(job, {{}, part.embedding, part.head});
}

// Paged states leave HBM where it is short.
Bytes OptimizerStates(const TrainingSpec& job, double parameters, double tables, bool master_only) {
  const StateBytes states = StatesOf(job);
  if (job.optimizer.place != StatesPlace::kHbm) {
    return Bytes(0);
  }
  const double moments =
      job.optimizer.paged ? 0
                          : states.moments * (parameters - tables) + states.table_moments * tables;
  // Where weights are master copies, four bytes of what the stack says are counted with them.
  const double master = states.master - (master_only ? kMaster : 0);
  return Bytes(std::max(0.0, master * parameters + moments));
}

// Gradients that leave for the host as they are made leave nothing behind but what is on its way,
// which counts as a bucket.
Bytes GradientsKept(const TrainingSpec& job, double shared_out, double all) {
  if (job.offloads_gradients()) {
    return Bytes(0);
  }
  return Bytes(GradientElement(job) * shared_out +
               (job.stack.keeps_narrow_gradients ? 2 * all : 0));
}

}  // namespace

MemoryNeed MemoryOfStage(const TrainingSpec& job, int stage) {
  const Layout& layout = job.layout;
  const StackSpec& stack = job.stack;
  // Parameters whose state a rank keeps from a ZeRO stage on.
  const auto kept = [&](const auto& parameters, int zero) {
    return job.zero >= zero
               ? parameters.common / layout.shards() + parameters.experts / layout.expert_shards()
               : parameters.total();
  };
  const bool master_only = job.zero == 3 && stack.master_weights_only && job.trains_base();
  const ParameterCount parameters = StageParameters(job, stage);
  const ModelPart part = StagePart(job, stage);
  MemoryNeed need;
  need.stage = stage;
  if (!stack.offloads_states) {
    need.weights = master_only ? MasterWeights(job, stage, kept(parameters, 3))
                               : kept(UsedWeights(job, stage, part), 3);
    need.optimizer =
        OptimizerStates(job, kept(parameters, 1), kept(TableParameters(job, part), 1), master_only);
    need.weights += kept(CopyBytes(job, part, /*gathered=*/false), 3);
    need.gradients = job.optimizer.in_backward
                         ? LayerGradients(job, part)
                         : GradientsKept(job, kept(parameters, 2), parameters.total());
  }
  need.activations = StageActivations(job, stage, part);
  need.context = stack.context_memory;
  Bytes passing = Gathered(job, part) + Passing(job, part);
  if (stack.frees_gradients && MicroBatches(job) == 1 && !job.optimizer.in_backward) {
    // Gradients fill what activations leave: the fuller moment counts, before the backward pass
    // or when it is in the last layer.
    const LayerKind kind = FullestKind(job, part);
    const Bytes layer = std::min(need.activations, LayerActivations(job, kind));
    const Bytes last = Gathered(job, part) + LayerWorkingSet(job, kind);
    const Bytes made =
        need.gradients -
        (job.zero < 2 ? LayerGradients(job, part) - MadeGradients(job, part) : Bytes(0));
    if (need.activations + passing > made + layer + last) {
      need.gradients = Bytes(0);
    } else {
      need.gradients = made;
      need.activations = layer;
      passing = last;
    }
  }
  need.buffers = need.context + passing;
  return need;
}

std::vector<MemoryNeed> MemoryByStage(const TrainingSpec& job) {
  std::vector<MemoryNeed> stages;
  for (int stage = 0; stage < job.layout.pipeline; ++stage) {
    stages.push_back(MemoryOfStage(job, stage));
  }
  return stages;
}

MemoryNeed FullestStage(const TrainingSpec& job) {
  // Of stages that hold equal parts the first one has the most passes in flight.
  std::vector<ModelPart> seen;
  MemoryNeed fullest;
  for (int stage = 0; stage < job.layout.pipeline; ++stage) {
    const ModelPart part = StagePart(job, stage);
    if (std::find(seen.begin(), seen.end(), part) != seen.end()) {
      continue;
    }
    seen.push_back(part);
    const MemoryNeed need = MemoryOfStage(job, stage);
    if (stage == 0 || need.total() > fullest.total()) {
      fullest = need;
    }
  }
  return fullest;
}

Bytes PeakMemory(const TrainingSpec& job, Bytes capacity, PeakKind kind) {
  const std::vector<MemoryNeed> stages = MemoryByStage(job);
  const MemoryNeed& fullest = Fullest(stages);
  const Bytes allocated = fullest.allocated();
  if (kind == PeakKind::kAllocated) {
    return allocated;
  }
  const Bytes room = std::max(allocated, capacity - fullest.context);
  const Bytes reserved = std::min(room, allocated * (1 + job.stack.allocator_slack));
  return kind == PeakKind::kReserved ? reserved : reserved + fullest.context;
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
  message += fits.empty() ? "; no single change of recompute, zero, offload, micro_batch, tensor "
                            "or pipeline would fit"
                          : fmt::format("; what would fit: {}", fmt::join(fits, ", or "));
  throw UserError(job.layout.path, message);
}

}  // namespace gridlock
