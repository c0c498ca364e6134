#include "sim/base/check.h"
#include "sim/scenario/convert.h"
#include "sim/schema/rules.h"

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

/// The time, or none when the field was left out.
Seconds OptionalTime(const std::string& text) {
  return text.empty() ? Seconds(0) : Seconds(SiOf(text, Dimension::kTime));
}

StackSpec StackOf(const proto::Stack& stack, const proto::Overlap& overlap) {
  StackSpec spec;
  spec.name = stack.name();
  spec.launch_floor_forward = Seconds(SiOf(stack.launch_floor_forward(), Dimension::kTime));
  spec.launch_floor_backward = Seconds(SiOf(stack.launch_floor_backward(), Dimension::kTime));
  spec.step_overhead = Seconds(SiOf(stack.step_overhead(), Dimension::kTime));
  spec.hbm_traffic_factor = stack.hbm_traffic_factor();
  spec.tensor_overlap = overlap.has_tensor() ? overlap.tensor() : stack.tensor_overlap();
  spec.gradient_bucket = Bytes(SiOf(stack.gradient_bucket(), Dimension::kData));
  spec.overlap_gradients =
      overlap.has_gradients() ? overlap.gradients() : stack.overlap_gradients();
  spec.overlap_parameters =
      overlap.has_parameters() ? overlap.parameters() : stack.overlap_parameters();
  spec.main_gradient_bytes = stack.main_gradient_bytes();
  spec.fused_attention = stack.fused_attention();
  spec.saves_elementwise_outputs = stack.saves_elementwise_outputs();
  spec.narrow_parameters = stack.narrow_parameters();
  spec.attention_speed = Or(stack.attention_speed(), 1.0);
  spec.expert_wait_forward = OptionalTime(stack.expert_wait_forward());
  spec.expert_wait_backward = OptionalTime(stack.expert_wait_backward());
  spec.expert_overlap = overlap.has_experts() ? overlap.experts() : stack.expert_overlap();
  spec.expert_compute_share = Or(stack.expert_compute_share(), 1.0);
  spec.dispatch_bytes = Or(stack.dispatch_bytes(), 2.0);
  spec.dispatch_once_per_domain = stack.dispatch_once_per_domain();
  spec.kept_activation_bytes = Or(stack.kept_activation_bytes(), 2.0);
  return spec;
}

Layout LayoutOf(const proto::Layout& layout, const std::string& path) {
  Layout spec;
  spec.path = path;
  spec.tensor = layout.tensor();
  spec.pipeline = layout.pipeline();
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
  spec.schedule = layout.schedule() == proto::ZERO_BUBBLE ? Schedule::kZeroBubble
                                                          : Schedule::kOneForwardOneBackward;
  spec.rank_order = layout.rank_order() == proto::TENSOR_PIPELINE_DATA
                        ? RankOrder::kTensorPipelineData
                        : RankOrder::kTensorDataPipeline;
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
  spec.precision = MakePrecision(job.precision());
  spec.zero = job.zero();
  spec.recompute = RecomputeOf(job.recompute());
  return spec;
}

}  // namespace gridlock
