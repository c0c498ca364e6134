#include "workloads/memory.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "workloads/adapters.h"
#include "workloads/frozen_copies.h"
#include "workloads/schedule.h"
#include "workloads/stage_sizes.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

// A layer, and what its backward pass needs.
struct BackwardLayer {
  LayerKind kind = kDenseLayer;
  Bytes kept, passing;
};

BackwardLayer BackwardOf(const TrainingSpec& job, LayerKind kind) {
  return {kind, LayerActivations(job, kind), LayerWorkingSet(job, kind)};
}

// The layer of a part whose backward pass needs the most beside what stays.
BackwardLayer FullestLayer(const TrainingSpec& job, const ModelPart& part) {
  BackwardLayer fullest;
  for (const Layers::Entry& entry : part.layers.kinds()) {
    const BackwardLayer layer = BackwardOf(job, entry.kind);
    if (&entry == part.layers.kinds().data() ||
        layer.kept + layer.passing > fullest.kept + fullest.passing) {
      fullest = layer;
    }
  }
  return part.layers.kinds().empty() ? BackwardOf(job, kDenseLayer) : fullest;
}

// What a stage holds of the messages of its pipeline. What it sent stays until its backward pass
// (DeepSpeed, runtime/pipe/engine.py; PyTorch, distributed/pipelining/stage.py, fwd_cache), and
// PyTorch has a buffer for what each micro-batch of a step sends to it, both ways (args_recv_info,
// grad_recv_info). Messages in flight are counted with the layer that got them.
Bytes PipelineBuffers(const TrainingSpec& job, int stage, std::int64_t in_flight) {
  const bool several = job.layout.virtual_pipeline > 1;
  const bool sends = several || stage + 1 < job.layout.pipeline;
  const bool receives = several || stage > 0;
  std::int64_t messages = sends && job.stack.keeps_sent_outputs ? in_flight : 0;
  if (job.stack.receives_ahead) {
    const std::int64_t passes = MicroBatches(job) * job.layout.virtual_pipeline;
    messages += (receives ? passes - in_flight : 0) + (sends ? passes : 0);
  }
  return static_cast<double>(messages) * PipelineMessage(job);
}

Bytes StageActivations(const TrainingSpec& job, int stage, const ModelPart& layers,
                       const BackwardLayer& fullest) {
  const double stays = 1 - OffloadedShare(job);
  Bytes leaving;
  if (stays < 1) {
    // The layer that leaves and the one that is computed.
    leaving = fullest.kept * std::min(2.0, layers.trained().layers.total());
  }
  const std::int64_t in_flight = ChunksInFlight(job.layout, MicroBatches(job), stage);
  // Chunks of a stage hold the same number of layers but for the two ends, so the mean is right to
  // a layer; the passes in flight are spread over all of them.
  Bytes buffers;
  if (job.layout.pipeline > 1) {
    buffers = PipelineBuffers(job, stage, in_flight);
  }
  const double passes = static_cast<double>(in_flight) / job.layout.virtual_pipeline;
  return leaving + buffers + CapturedActivations(job, layers) * passes +
         KeptActivations(job, layers) * (stays * passes);
}

// DeepSpeed's update: gradients of a rank in one piece, as they are and in 32 bits, and the bucket
// that they were reduced in, when the activations are gone (runtime/zero/stage_1_and_2.py, step:
// single_grad_partition; ipg_buffer).
Bytes FlatGradients(const TrainingSpec& job, double parameters) {
  constexpr double kMasterGradient = 4;
  const Bytes bucket =
      job.zero_buffers.reduce > 0
          ? Bytes(job.activation_bytes() * job.zero_buffers.copies * job.zero_buffers.reduce)
          : job.gradient_bucket();
  return bucket + Bytes((job.activation_bytes() + kMasterGradient) * parameters);
}

// Bytes of an accumulated gradient. Those of adapters in 32 bits are as wide as they are.
double GradientElement(const TrainingSpec& job) {
  return job.trains_base() || !job.adapters.wide() ? job.stack.main_gradient_bytes
                                                   : job.adapters.bytes;
}

Bytes LayerGradients(const TrainingSpec& job, const StageSizes& sizes) {
  return Bytes(GradientElement(job) * sizes.largest.trained);
}

// Gradients that a layer has made when its feed-forward block is fullest: of what that block ends
// with.
Bytes MadeGradients(const TrainingSpec& job, const StageSizes& sizes) {
  if (!job.trains_base()) {
    return Bytes(0);
  }
  const MixtureSpec& mixture = job.model.mixture;
  const double width = sizes.largest.kind.has(Block::kMixture)
                           ? 1.0 * mixture.expert_ffn / job.layout.expert_width() *
                                 mixture.experts / job.layout.expert
                           : 1.0 * job.model.ffn / job.layout.tensor;
  return Bytes(job.stack.main_gradient_bytes * job.model.hidden * width);
}

// Weights as products use them. Of those that are cast for each pass only the copies stay that are
// not made again: with full recomputation, the LM head's. A frozen base is in 16 bits or less, and
// stays as it is.
ParameterBytes UsedWeights(const TrainingSpec& job, const StageSizes& sizes) {
  if (!job.stack.casts_weights || job.recompute != Recompute::kFull || !job.trains_base()) {
    return sizes.weights;
  }
  return {sizes.head, Bytes(0)};
}

// Layers whose parameters are whole at a time. DeepSpeed keeps up to `stage3_max_live_parameters`
// that it will want again, and gathers `stage3_prefetch_bucket_size` ahead
// (runtime/zero/partitioned_param_coordinator.py).
double LiveLayers(const TrainingSpec& job, const StageSizes& sizes) {
  const double ahead = job.zero_buffers.live + job.zero_buffers.prefetch;
  return std::clamp(1 + ahead / sizes.largest.parameters, 2.0,
                    std::max(2.0, sizes.part.layers.total()));
}

// Sharded parameters come whole for a while: the layer in use and the one gathered ahead, and the
// gradients of one as they are made and as they are sent. Tables stay for the whole pass.
Bytes Gathered(const TrainingSpec& job, const StageSizes& sizes) {
  if (job.zero < 3 || job.layout.shards() <= 1) {
    // Where all is on the host, the layer in use and the next, and the gradients of one.
    return job.stack.offloads_states ? 2.0 * sizes.largest.weights + LayerGradients(job, sizes)
                                     : Bytes(0);
  }
  if (job.stack.gathers_matrices) {
    // The one in use, the next, and the gradient of one.
    return Bytes(3 * job.activation_bytes() * LargestMatrix(job));
  }
  return sizes.tables + LiveLayers(job, sizes) * sizes.largest.weights +
         Bytes(job.activation_bytes() * sizes.largest.trained) + LayerGradients(job, sizes);
}

// The most of what comes and goes: in the backward pass of a layer, or in the loss.
Bytes Passing(const TrainingSpec& job, const StageSizes& sizes, const BackwardLayer& fullest) {
  const ModelPart& part = sizes.part;
  Bytes most = part.trained().layers.total() > 0 ? fullest.passing : Bytes(0);
  if (job.adapters.base_bytes > 0) {
    // The matrix in use, in 16 bits.
    most += Bytes(2 * sizes.largest.matrix);
  }
  if (part.head) {
    most = std::max(most, LossWorkingSet(job) + CopyLogits(job) +
                              (job.trains_tables() ? sizes.head : Bytes(0)));
  }
  if (job.stack.placeholder_gradients && part.layers.total() > 0 && job.trains_base()) {
    most += Bytes(job.activation_bytes() * sizes.largest.shapes);
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
  const bool rounds = batch && MicroBatches(job) % ScheduleRound(job.layout) == 0;
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
    // Wider groups than a domain leave it for every layer: nobody would.
    if (changed.layout.tensor <= std::max(domain, job.layout.tensor)) {
      consider(changed, fmt::format("layout {{ tensor: {} data: {} }}", changed.layout.tensor,
                                    changed.layout.data));
    }
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
Bytes MasterWeights(const TrainingSpec& job, const StageSizes& sizes, double trained) {
  return Bytes(kMaster * trained) + sizes.frozen / job.layout.shards();
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

// Of parameters, or of their bytes: what a rank keeps from a ZeRO stage on.
template <typename Parameters>
auto KeptByRank(const TrainingSpec& job, const Parameters& parameters, int zero) {
  const Layout& layout = job.layout;
  return job.zero >= zero
             ? parameters.common / layout.shards() + parameters.experts / layout.expert_shards()
             : parameters.total();
}

// Weights, gradients and states of a stage.
MemoryNeed StatesNeed(const TrainingSpec& job, const StageSizes& sizes) {
  const StackSpec& stack = job.stack;
  const auto kept = [&job](const auto& of, int zero) {
    return KeptByRank(job, of, zero);
  };
  const bool master_only = job.zero == 3 && KeepsMasterWeightsOnly(job);
  const ParameterCount& parameters = sizes.trained;
  MemoryNeed need;
  need.stage = sizes.stage;
  if (!stack.offloads_states) {
    need.weights = master_only ? MasterWeights(job, sizes, kept(parameters, 3))
                               : kept(UsedWeights(job, sizes), 3);
    need.optimizer =
        OptimizerStates(job, kept(parameters, 1), kept(sizes.table_parameters, 1), master_only);
    need.weights += kept(CopyBytes(job, sizes.part, /*gathered=*/false), 3);
    need.gradients = job.optimizer.in_backward
                         ? LayerGradients(job, sizes)
                         : GradientsKept(job, kept(parameters, 2), parameters.total());
  }
  return need;
}

MemoryNeed NeedOf(const TrainingSpec& job, const StageSizes& sizes) {
  const StackSpec& stack = job.stack;
  const ModelPart& part = sizes.part;
  const BackwardLayer fullest = FullestLayer(job, part);
  MemoryNeed need = StatesNeed(job, sizes);
  need.activations = StageActivations(job, sizes.stage, part, fullest);
  need.context = stack.context_memory;
  Bytes passing = Gathered(job, sizes) + Passing(job, sizes, fullest);
  if (stack.frees_gradients && MicroBatches(job) == 1 && !job.optimizer.in_backward) {
    // Gradients fill what activations leave: the fuller moment counts, before the backward pass
    // or when it is in the last layer.
    const Bytes layer = std::min(need.activations, fullest.kept);
    const Bytes last = Gathered(job, sizes) + fullest.passing;
    const Bytes made =
        need.gradients -
        (job.zero < 2 ? LayerGradients(job, sizes) - MadeGradients(job, sizes) : Bytes(0));
    if (need.activations + passing > made + layer + last) {
      need.gradients = Bytes(0);
    } else {
      need.gradients = made;
      need.activations = layer;
      passing = last;
    }
  }
  if (stack.flattens_gradients && job.optimizer.place == StatesPlace::kHbm) {
    const Bytes update = FlatGradients(job, KeptByRank(job, sizes.trained, 1));
    if (update > need.activations + passing) {
      need.activations = Bytes(0);
      passing = update;
    }
  }
  need.buffers = need.context + passing;
  return need;
}

}  // namespace

// NCCL, transport/nvls.cc: two buffers of eight chunks of 128 KiB for each of 16 channels
// (Hopper's) and each rank of the domain. Racks would hold ten times as much; their recipes do
// without (NCCL_NVLS_ENABLE=0).
Bytes RoomForJob(const ServerSpec& server) {
  constexpr int kMostRanks = 8;
  constexpr double kOfRank = 2 * 16 * 8 * 128.0 * 1024;
  const bool adds_up = server.scale_up.in_switch_efficiency > 0 && !server.direct &&
                       server.accelerators > 1 && server.accelerators <= kMostRanks;
  const Bytes capacity = server.accelerator.hbm_capacity;
  return adds_up ? capacity - Bytes(kOfRank * server.accelerators) : capacity;
}

MemoryNeed MemoryOfStage(const TrainingSpec& job, int stage) {
  return NeedOf(job, SizesOfStage(job, stage));
}

std::vector<MemoryNeed> MemoryByStage(const TrainingSpec& job) {
  std::vector<MemoryNeed> stages;
  for (int stage = 0; stage < job.layout.pipeline; ++stage) {
    stages.push_back(MemoryOfStage(job, stage));
  }
  return stages;
}

bool FitsIn(const TrainingSpec& job, const std::vector<StageSizes>& stages, Bytes room) {
  return std::all_of(stages.begin(), stages.end(), [&](const StageSizes& sizes) {
    // What is known at once first: many layouts overflow with it alone.
    const MemoryNeed states = StatesNeed(job, sizes);
    return states.weights + states.optimizer <= room && NeedOf(job, sizes).total() <= room;
  });
}

MemoryNeed FullestStage(const TrainingSpec& job) {
  MemoryNeed fullest;
  for (const StageSizes& sizes : SizesOfDistinctStages(job)) {
    const MemoryNeed need = NeedOf(job, sizes);
    if (sizes.stage == 0 || need.total() > fullest.total()) {
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

namespace {

// " (84.1 GB in the loss)" behind the buffers of a stage, where these are more than a tenth of what
// it needs: the part that is the most of them.
std::string LargestBuffer(const TrainingSpec& job, const MemoryNeed& need) {
  const StageSizes sizes = SizesOfStage(job, need.stage);

  struct Buffer {
    Bytes bytes;
    const char* where;
  };

  const Buffer all[] = {{need.context, "of contexts and libraries"},
                        {Gathered(job, sizes), "of sharded parameters while they are whole"},
                        {FullestLayer(job, sizes.part).passing, "in the backward pass of a layer"},
                        {sizes.part.head ? LossWorkingSet(job) : Bytes(0), "in the loss"}};
  const Buffer* most = nullptr;
  for (const Buffer& buffer : all) {
    if (buffer.bytes <= need.buffers && (most == nullptr || buffer.bytes > most->bytes)) {
      most = &buffer;
    }
  }
  constexpr double kWorthSaying = 0.1;
  return most == nullptr || need.buffers < kWorthSaying * need.total()
             ? ""
             : fmt::format(" ({} {})", FormatBytes(most->bytes), most->where);
}

}  // namespace

void CheckMemory(const TrainingSpec& job, Bytes capacity, int domain) {
  const std::vector<MemoryNeed> stages = MemoryByStage(job);
  const MemoryNeed& worst = Fullest(stages);
  if (worst.total() <= capacity) {
    return;
  }
  std::string message = fmt::format(
      "HBM overflows by {} on each accelerator of pipeline stage {}: {} of weights, {} of "
      "gradients, {} of "
      "optimizer state, {} of activations and {} of buffers{} need {}, and there are {}",
      FormatBytes(worst.total() - capacity), worst.stage, FormatBytes(worst.weights),
      FormatBytes(worst.gradients), FormatBytes(worst.optimizer), FormatBytes(worst.activations),
      FormatBytes(worst.buffers), LargestBuffer(job, worst), FormatBytes(worst.total()),
      FormatBytes(capacity));
  const std::vector<std::string> fits = WhatWouldFit(job, capacity, domain);
  message += fits.empty() ? "; no single change of recompute, zero, offload, micro_batch, tensor "
                            "or pipeline would fit"
                          : fmt::format("; what would fit: {}", fmt::join(fits, ", or "));
  throw UserError(job.layout.path, message);
}

}  // namespace gridlock
