#include "sim/base/check.h"
#include "sim/config/convert.h"
#include "sim/config/estimates.h"

namespace gridlock {
namespace {

Precision PrecisionOf(proto::Precision precision) {
  switch (precision) {
    case proto::FP32:
      return Precision::kFp32;
    case proto::TF32:
      return Precision::kTf32;
    case proto::FP8:
      return Precision::kFp8;
    case proto::FP4:
      return Precision::kFp4;
    case proto::INT8:
      return Precision::kInt8;
    default:
      return Precision::kBf16;  // the default of a job
  }
}

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

ModelSpec ModelOf(const proto::Model& model, const std::string& path) {
  ModelSpec spec;
  spec.path = path;
  spec.name = model.name();
  spec.layers = model.layers();
  spec.hidden = model.hidden();
  spec.heads = model.heads();
  spec.kv_heads = Or(model.kv_heads(), model.heads());
  spec.head_dim = Or(model.head_dim(), model.hidden() / model.heads());
  spec.ffn = model.ffn();
  spec.gated = model.gated();
  spec.vocabulary = model.vocabulary();
  spec.max_positions = model.max_positions();
  spec.tied_embeddings = model.tied_embeddings();
  spec.attention = model.attention() == proto::FULL ? Attention::kFull : Attention::kCausal;
  return spec;
}

StackSpec StackOf(const Entry<proto::Stack>& entry, const proto::Overlap& overlap,
                  std::vector<std::string>& notes) {
  const proto::Stack& stack = *entry.message;
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
  const std::vector<std::string> estimates = EstimatesOf(stack, *entry.written);
  spec.estimate = !estimates.empty();
  if (spec.estimate) {
    std::string note = "stack " + stack.name() + ": estimates: ";
    for (std::size_t i = 0; i < estimates.size(); ++i) {
      note += (i == 0 ? "" : ", ") + estimates[i];
    }
    notes.push_back(note);
  }
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
  spec.sequence_parallel = layout.sequence_parallel();
  spec.embedding_as_layer = layout.embedding_as_layer();
  spec.rank_order = layout.rank_order() == proto::TENSOR_PIPELINE_DATA
                        ? RankOrder::kTensorPipelineData
                        : RankOrder::kTensorDataPipeline;
  return spec;
}

}  // namespace

ModelSpec MakeModel(const std::string& name, const std::string& path, const Catalogue& catalogue) {
  return ModelOf(*catalogue.models.at(name).message, path);
}

Precision MakePrecision(proto::Precision precision) {
  return PrecisionOf(precision);
}

TrainingSpec MakeTraining(const proto::Pretraining& job, const std::string& path,
                          const Catalogue& catalogue, std::vector<std::string>& notes) {
  TrainingSpec spec;
  spec.path = path;
  spec.model = MakeModel(job.model(), spec.path + ".model", catalogue);
  spec.layout = LayoutOf(job.layout(), spec.path + ".layout");
  spec.stack = StackOf(catalogue.stacks.at(job.stack()), job.overlap(), notes);
  spec.global_batch = job.global_batch();
  spec.micro_batch = Or<std::int64_t>(job.micro_batch(), 1);
  spec.sequence_length = job.sequence_length();
  spec.precision = PrecisionOf(job.precision());
  spec.zero = job.zero();
  spec.recompute = RecomputeOf(job.recompute());
  return spec;
}

}  // namespace gridlock
