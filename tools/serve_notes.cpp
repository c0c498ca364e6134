#include "tools/serve_notes.h"

#include <fmt/format.h>

#include "sim/base/names.h"
#include "workloads/training.h"

namespace gridlock {

namespace {

// A narrow format that the part multiplies only after widening it.
bool IsWidened(WeightFormat format, const InferencePart& part) {
  switch (format) {
    case WeightFormat::kFp8:
      return part.peak_fp8 <= 0;
    case WeightFormat::kNvfp4:
    case WeightFormat::kMxfp4:
      return part.peak_fp4 <= 0;
    default:
      return false;
  }
}

// Of what the model does apart from one token after another, and how words are chosen.
void AddModelNotes(const ServeOptions& options, const Deployment& deployment,
                   std::vector<std::string>& notes) {
  const InferenceModel& model = deployment.model;
  if (deployment.layout.sampling == Sampling::kTopP) {
    notes.push_back(
        fmt::format("top-p moves {:g} bytes of HBM for a word of a sequence in engine {}",
                    deployment.engine.top_p_bytes, deployment.engine.name));
  }
  if (deployment.layout.host_share > 0) {
    notes.push_back(
        fmt::format("{:.0f} % of the {} lie in the host's memory; {}",
                    100 * deployment.layout.host_share, model.experts > 0 ? "experts" : "layers",
                    deployment.engine.computes_on_host
                        ? "its processors work on them, or the accelerator reads them over its link"
                        : "the accelerator reads them over its link in every iteration"));
  }
  if (model.encodes_alone) {
    notes.push_back(
        fmt::format("{} is an encoder: each input is read once and answered with one "
                    "vector or score, without --output-tokens; \"tokens of answers\" "
                    "are those",
                    model.name));
  }
  if (model.picked > 0) {
    notes.push_back(
        fmt::format("an indexer scores all tokens, and attention reads the best {}; "
                    "shorter requests are taken to read as many",
                    model.picked));
  }
  if (model.encoder_layers > 0) {
    notes.push_back(fmt::format(
        "an encoder of {} layers reads the whole input, --input, before the decoder begins with "
        "one token; kernels of attention to it: half of a layer's (estimate)",
        model.encoder_layers));
    if (options.input != model.encoder_tokens) {
      notes.push_back(fmt::format("{} was made for inputs of {} tokens: --input {} asks for them",
                                  model.name, model.encoder_tokens, model.encoder_tokens));
    }
  }
}

}  // namespace

std::string EstimatesOf(const Deployment& deployment, const ServingCatalogue& catalogue) {
  int part = 0, engine = 0;
  for (const auto& [field, source] : catalogue.estimates) {
    part += field.starts_with(deployment.part.name + ".") ? 1 : 0;
    engine += field.starts_with(deployment.engine.name + ".") ? 1 : 0;
  }
  const auto numbers = [](int count, const std::string& name) {
    return fmt::format("{} of {}", count == 1 ? "one number" : fmt::format("{} numbers", count),
                       name);
  };
  if (part + engine == 0) {
    return "";
  }
  return fmt::format("estimates: {}{}{} (workloads/catalog/serving_*.csv says which)",
                     part > 0 ? numbers(part, deployment.part.name) : "",
                     part > 0 && engine > 0 ? " and " : "",
                     engine > 0 ? numbers(engine, "engine " + deployment.engine.name) : "");
}

std::vector<std::string> NotesOf(const ServeOptions& options, const Deployment& deployment) {
  const InferenceModel& model = deployment.model;
  const InferencePart& part = deployment.part;
  const InferenceLayout& layout = deployment.layout;
  const std::string format = WeightFormatName(layout.weights);
  std::vector<std::string> notes;
  if (options.model != model.name) {
    notes.push_back(fmt::format("model {} is {}", Quoted(options.model), model.name));
  }
  if (options.part != part.name && options.part.find('+') == std::string::npos) {
    notes.push_back(fmt::format("part {} is {}", Quoted(options.part), part.name));
  }
  if (options.engine != deployment.engine.name) {
    notes.push_back(fmt::format("engine {} is {}", Quoted(options.engine), deployment.engine.name));
  }
  if (options.weights == "auto" && layout.weights != WeightFormat::kBf16) {
    notes.push_back(layout.weights != model.checkpoint
                        ? fmt::format("weights in {}, as {} takes them where nothing is said",
                                      format, deployment.engine.name)
                        : fmt::format("weights in {}, as the checkpoint is published{}", format,
                                      layout.narrow_ffn_alone ? "; attention in 16 bits" : ""));
  }
  if (IsWidened(layout.weights, part)) {
    notes.push_back(
        fmt::format("{} has no units for {}: weights are stored so and widened for "
                    "products",
                    part.name, format));
  }
  if (!model.latent && layout.tensor > model.kv_heads) {
    notes.push_back(fmt::format("tensor {} of {} key-value heads: each is kept {} times",
                                layout.tensor, model.kv_heads,
                                (layout.tensor + model.kv_heads - 1) / model.kv_heads));
  }
  const bool experts = (layout.adapters.targets & adapter_target::kExperts) != 0;
  if (layout.adapters.rank > 0 && model.experts > 0 && !experts) {
    notes.push_back("adapters sit beside attention and dense blocks: experts have none");
  }
  if (experts && model.experts == 0) {
    notes.push_back(fmt::format("{} has no experts for adapters to sit beside", model.name));
  }
  if (layout.adapters.rank > 0 && options.adapters.slots == 0) {
    notes.push_back(fmt::format("{} adapter slots, as engine {} has them where nothing is said",
                                deployment.engine.adapter_slots, deployment.engine.name));
  }
  if (layout.tensor > part.domain) {
    notes.push_back(fmt::format("tensor {} spans servers of {}: all-reduces cross the network",
                                layout.tensor, part.domain));
  }
  AddModelNotes(options, deployment, notes);
  const double longest = options.input + (model.encodes_alone ? 0 : options.output);
  if (model.context > 0 && longest > model.context) {
    notes.push_back(
        fmt::format("requests of {:g} tokens are longer than the context of {}, {}: an "
                    "engine would refuse them",
                    longest, model.name, model.context));
  }
  return notes;
}

}  // namespace gridlock
