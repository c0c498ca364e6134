#include "sim/interop/training_text.h"

#include <fmt/format.h>

#include "sim/interop/model_text.h"

namespace gridlock {

namespace {

class Lines {
 public:
  Lines(std::string& out, int indent) : out_(out), indent_(static_cast<std::size_t>(indent), ' ') {}

  template <typename T>
  void Add(const char* field, const T& value) {
    out_ += fmt::format("{}{}: {}\n", indent_, field, value);
  }

  template <typename T>
  void AddIf(bool holds, const char* field, const T& value) {
    if (holds) {
      Add(field, value);
    }
  }

 private:
  std::string& out_;
  std::string indent_;
};

std::string LayoutText(const ImportedTraining& training) {
  std::string out = "    layout {\n";
  Lines layout(out, 6);
  layout.Add("tensor", training.tensor);
  layout.AddIf(training.context > 1, "context", training.context);
  layout.Add("pipeline", training.pipeline);
  layout.AddIf(training.virtual_pipeline > 1, "virtual_pipeline", training.virtual_pipeline);
  layout.Add("data", training.data);
  layout.AddIf(training.shard_group > 0, "shard_group", training.shard_group);
  layout.AddIf(training.expert > 1, "expert", training.expert);
  layout.AddIf(training.expert_tensor > 0, "expert_tensor", training.expert_tensor);
  layout.AddIf(training.sequence_parallel, "sequence_parallel", true);
  layout.AddIf(training.embedding_as_layer, "embedding_as_layer", true);
  layout.AddIf(training.uneven_layers, "uneven_layers", true);
  layout.AddIf(training.context > 1 && training.exchanges_heads, "context_exchange", "ALL_TO_ALL");
  layout.AddIf(!training.schedule.empty(), "schedule", training.schedule);
  layout.Add("rank_order",
             training.pipeline_before_data ? "TENSOR_PIPELINE_DATA" : "TENSOR_DATA_PIPELINE");
  return out + "    }\n";
}

std::string OverlapText(const ImportedTraining& training) {
  if (!training.overlap_gradients && !training.overlap_parameters) {
    return "";
  }
  std::string out = "    overlap {\n";
  Lines overlap(out, 6);
  if (training.overlap_gradients) {
    overlap.Add("gradients", *training.overlap_gradients);
  }
  if (training.overlap_parameters) {
    overlap.Add("parameters", *training.overlap_parameters);
  }
  return out + "    }\n";
}

}  // namespace

std::string TrainingScenario(const ImportedTraining& training, const ImportedMachine& machine,
                             const std::string& name, const std::string& source) {
  std::string out = "# From " + source + "\n";
  for (const std::string& note : training.notes) {
    out += "# " + note + "\n";
  }
  out += fmt::format("schema_version: 1\nname: {}\ndescription: {}\n\n", TextValue(name),
                     TextValue("From " + source));
  if (!machine.catalog.empty() || !training.entries.empty()) {
    out += "catalog {\n" + machine.catalog + training.entries + "}\n\n";
  }
  out += machine.site + "\njob {\n  name: \"training\"\n  pretraining {\n";
  Lines job(out, 4);
  job.Add("model", TextValue(training.model));
  job.Add("stack", TextValue(training.stack));
  out += LayoutText(training);
  job.Add("global_batch", training.global_batch);
  job.Add("micro_batch", training.micro_batch);
  job.Add("sequence_length", training.sequence_length);
  job.Add("precision", training.precision);
  job.Add("zero", training.zero);
  job.Add("recompute", training.recompute);
  job.AddIf(!training.optimizer.empty(), "optimizer", TextValue(training.optimizer));
  job.AddIf(training.offload_layers > 0, "offload_layers", training.offload_layers);
  job.AddIf(training.optimizer_on_host, "optimizer_place", "ON_HOST");
  if (!training.expert_capacity.empty()) {
    job.Add("expert_load", fmt::format("{{ capacity: {}{} }}", training.expert_capacity,
                                       training.expert_padding ? " padded: true" : ""));
  }
  return out + OverlapText(training) + "  }\n}\n";
}

void SetReplicas(std::int64_t accelerators, const std::string& file, ImportedTraining& training,
                 ProblemList& problems) {
  const std::int64_t group = std::int64_t{training.tensor} * training.context * training.pipeline;
  if (accelerators < group || accelerators % group != 0) {
    problems.Add(
        {file, 0, 0}, "",
        Refusal(
            fmt::format("tensor {} x context {} x pipeline {} = {} ranks do not divide "
                        "{} accelerators",
                        training.tensor, training.context, training.pipeline, group, accelerators),
            fmt::format("a multiple of {}", group)));
    return;
  }
  training.data = static_cast<int>(accelerators / group);
}

void ShareLayers(int layers, const Position& where, ImportedTraining& training,
                 ProblemList& problems) {
  const int chunks = training.pipeline * training.virtual_pipeline;
  if (layers % chunks == 0) {
    return;
  }
  if (layers < chunks) {
    problems.Add(
        where, "",
        Refusal(fmt::format("{} layers leave some of {} pipeline chunks empty", layers, chunks),
                fmt::format("at least {} layers", chunks)));
    return;
  }
  training.uneven_layers = true;
  const int more = layers % chunks;
  training.notes.push_back(fmt::format(
      "{} layers do not share out over {} chunks: {} of {} and {} of {} here (uneven_layers); a "
      "framework that rounds down would build {} and drop {}",
      layers, chunks, more, layers / chunks + 1, chunks - more, layers / chunks,
      layers / chunks * chunks, more));
}

}  // namespace gridlock
