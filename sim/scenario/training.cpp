#include <algorithm>
#include <string>

#include "sim/base/names.h"
#include "sim/scenario/convert.h"
#include "sim/schema/read_fields.h"
#include "workloads/adapters.h"

namespace gridlock {
namespace {

Recompute RecomputeOf(proto::Recompute recompute) {
  switch (recompute) {
    case proto::SELECTIVE:
      return Recompute::kSelective;
    case proto::FULL_LAYER:
      return Recompute::kFull;
    default:
      return Recompute::kNone;
  }
}

/// `value`, or `otherwise` when the field was left out: the rules refuse a written zero.
template <typename T>
T Or(T value, T otherwise) {
  return value == 0 ? otherwise : value;
}

/// The stack of the catalogue, with the overlap that the job asks for.
StackSpec StackOf(const proto::Stack& stack, const proto::Overlap& overlap) {
  auto spec = ReadFields<StackSpec>(stack);
  if (overlap.has_tensor()) {
    spec.tensor_overlap = overlap.tensor();
  }
  if (overlap.has_gradients()) {
    spec.overlap_gradients = overlap.gradients();
  }
  if (overlap.has_parameters()) {
    spec.overlap_parameters = overlap.parameters();
  }
  if (overlap.has_experts()) {
    spec.expert_overlap = overlap.experts();
  }
  return spec;
}

Schedule ScheduleFrom(proto::Schedule schedule) {
  switch (schedule) {
    case proto::ZERO_BUBBLE:
      return Schedule::kZeroBubble;
    case proto::GPIPE:
      return Schedule::kGPipe;
    case proto::ZERO_BUBBLE_V:
      return Schedule::kZeroBubbleV;
    case proto::DUAL_PIPE_V:
      return Schedule::kDualPipeV;
    default:
      return Schedule::kOneForwardOneBackward;
  }
}

Layout LayoutOf(const proto::Layout& layout, const std::string& path) {
  Layout spec;
  spec.path = path;
  spec.tensor = Or(layout.tensor(), 1);
  spec.pipeline = Or(layout.pipeline(), 1);
  spec.context = Or(layout.context(), 1);
  spec.virtual_pipeline = Or(layout.virtual_pipeline(), 1);
  spec.data = layout.data();
  spec.shard_group = layout.shard_group();
  spec.expert = Or(layout.expert(), 1);
  spec.expert_tensor = layout.expert_tensor();
  spec.sequence_parallel = layout.sequence_parallel();
  spec.embedding_as_layer = layout.embedding_as_layer();
  spec.uneven_layers = layout.uneven_layers();
  spec.domain_ranks = layout.domain_ranks();
  spec.schedule = ScheduleFrom(layout.schedule());
  spec.context_exchange = layout.context_exchange() == proto::ALL_TO_ALL
                              ? ContextExchange::kAllToAll
                              : ContextExchange::kKeysAround;
  spec.rank_order = layout.rank_order() == proto::TENSOR_PIPELINE_DATA
                        ? RankOrder::kTensorPipelineData
                        : RankOrder::kTensorDataPipeline;
  return spec;
}

// The format as the user wrote it, in lower case.
std::string FormatOf(proto::Precision precision) {
  return LowerCase(
      proto::Precision_Name(precision == proto::PRECISION_UNSPECIFIED ? proto::BF16 : precision));
}

// CheckPretrainingNames has seen its names.
AdapterSpec AdaptersOf(const proto::Adapters& adapters, const StackSpec& stack) {
  AdapterSpec spec;
  spec.rank = adapters.rank();
  for (const std::string& target : adapters.target()) {
    spec.targets |= AdapterTargetByName(target);
  }
  if (adapters.target_size() == 0) {
    spec.targets = AdapterTargetByName("all-linear");
    spec.targets |= stack.joined_adapters ? adapter_target::kJoined : 0;
  }
  const bool said = adapters.precision() != proto::PRECISION_UNSPECIFIED;
  spec.bytes = (said ? adapters.precision() == proto::BF16 : stack.narrow_adapters) ? 2 : 4;
  spec.base_bytes = adapters.base().empty() ? 0 : FrozenFormatBytes(adapters.base());
  spec.dropout = adapters.dropout();
  return spec;
}

OptimizerSpec OptimizerOf(const proto::Pretraining& job) {
  OptimizerSpec spec = *OptimizerByName(job.optimizer().empty() ? "adamw" : job.optimizer());
  switch (job.optimizer_place()) {
    case proto::ON_HOST:
      spec.place = StatesPlace::kHost;
      break;
    case proto::ON_NVME:
      spec.place = StatesPlace::kNvme;
      break;
    default:
      break;
  }
  spec.in_backward = spec.in_backward || job.update_in_backward();
  return spec;
}

// Defaults of DeepSpeed, runtime/zero/config.py.
ZeroBufferSpec ZeroBuffersOf(const proto::Pretraining& job, bool overlap) {
  ZeroBufferSpec spec;
  if (!job.has_zero_buffers()) {
    return spec;
  }
  const proto::ZeroBuffers& buffers = job.zero_buffers();
  spec.reduce = Or(buffers.reduce_bucket_size(), 5e8);
  spec.gather = Or(buffers.allgather_bucket_size(), 5e8);
  const bool contiguous = !buffers.has_contiguous_gradients() || buffers.contiguous_gradients();
  spec.copies = !contiguous ? 0 : overlap && job.zero() < 3 ? 2 : 1;
  if (job.zero() == 3) {
    spec.prefetch = Or(buffers.stage3_prefetch_bucket_size(), 5e7);
    spec.live = Or(buffers.stage3_max_live_parameters(), 1e9);
  }
  return spec;
}

}  // namespace

TrainingSpec MakeTraining(const proto::Pretraining& job, const std::string& path,
                          const Catalogue& catalogue) {
  TrainingSpec spec;
  spec.path = path;
  spec.model = MakeModel(job.model(), spec.path + ".model", catalogue);
  spec.layout = LayoutOf(job.layout(), spec.path + ".layout");
  spec.stack = StackOf(*catalogue.stacks.at(job.stack()).message, job.overlap());
  spec.global_batch = job.global_batch();
  spec.micro_batch = Or<std::int64_t>(job.micro_batch(), 1);
  spec.sequence_length = job.sequence_length();
  spec.document_length = job.document_length();
  spec.predicted_share = Or(job.predicted_share(), 1.0);
  spec.precision = MakePrecision(job.precision());
  spec.format = FormatOf(job.precision());
  spec.scale_bytes = ScaleBytes(job.precision());
  if (spec.activation_bytes() > 2) {
    spec.stack = InSinglePrecision(spec.stack);
  }
  spec.Shard(job.zero());
  spec.recompute = RecomputeOf(job.recompute());
  spec.offload_layers = job.offload_layers();
  spec.offload_activations = job.offload_activations() || job.offload_layers() > 0;
  spec.optimizer = OptimizerOf(job);
  if (job.has_adapters()) {
    spec.adapters = AdaptersOf(job.adapters(), spec.stack);
  }
  spec.frozen = {job.frozen().layers(), job.frozen().tables()};
  for (const proto::FrozenCopy& copy : job.frozen_copy()) {
    spec.copies.push_back({copy.model().empty()
                               ? spec.model
                               : MakeModel(copy.model(), spec.path + ".frozen_copy", catalogue),
                           copy.has_bytes_per_parameter() ? copy.bytes_per_parameter() : 2,
                           Or(copy.count(), 1), copy.keeps_logits()});
  }
  spec.stack.offloads_states = spec.stack.offloads_states || job.offload_states();
  spec.expert_load = {Or(job.expert_load().imbalance(), 1.0), job.expert_load().capacity(),
                      job.expert_load().padded()};
  if (job.zero_buffers().has_overlap_comm()) {
    spec.stack.overlap_gradients = job.zero_buffers().overlap_comm();
  }
  spec.zero_buffers = ZeroBuffersOf(job, spec.stack.overlap_gradients);
  if (job.has_outer()) {
    spec.outer.steps = job.outer().steps();
    spec.outer.bytes_per_parameter =
        Or(job.outer().bytes_per_parameter(), spec.outer.bytes_per_parameter);
    spec.outer.overlap = job.outer().overlap();
  }
  return spec;
}

}  // namespace gridlock
