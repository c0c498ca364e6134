#include "tools/serve_options.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/base/check.h"
#include "sim/catalogue/serving_names.h"
#include "sim/interop/hf_config.h"
#include "workloads/decode.h"
#include "workloads/training.h"

#include "tools/command.h"
#include "tools/import.h"

namespace gridlock {

namespace {

[[noreturn]] void RefuseNamed(const std::string& option, const std::string& name,
                              const std::vector<std::string>& names, const std::string& more) {
  std::string all;
  for (const std::string& each : names) {
    all += (all.empty() ? "" : ", ") + each;
  }
  throw UserError("", fmt::format("{}: nothing is called {}{}; expected one of {}{}", option,
                                  Quoted(name), DidYouMean(name, names), all, more));
}

InferenceModel ModelOf(const ServeOptions& options, const ServingCatalogue& catalogue) {
  const std::string& name = options.model;
  if (name.ends_with(".json")) {
    constexpr std::size_t kLargestConfig = 16 << 20;
    ProblemList problems;
    const HfModel made = ReadHfConfig(name, ImportedText(name, kLargestConfig), "", problems);
    problems.ThrowIfAny();
    for (std::size_t i = 0; i < made.notes.size() && !options.quiet; ++i) {
      fmt::print(stderr, "note: {}\n", made.notes[i]);
    }
    CheckThatItServes(made.model, "", true);
    InferenceModel model = InferenceModelOf(made.model);
    model.checkpoint = made.checkpoint.weights;
    model.checkpoint_ffn_alone = made.checkpoint.ffn_alone;
    model.block_scales = made.checkpoint.block_scales;
    return model;
  }
  const std::optional<InferenceModel> model = ModelByName(name, catalogue);
  if (!model) {
    RefuseNamed("--model", name, catalogue.ModelNames(),
                ", a model of gridlock catalog, or a config.json of Hugging Face");
  }
  return *model;
}

// One part, or several joined by +, which act as the slowest of them.
InferencePart PartOf(const std::string& names, const ServingCatalogue& catalogue) {
  std::optional<InferencePart> part;
  for (std::size_t begin = 0; begin <= names.size();) {
    const std::size_t end = std::min(names.find('+', begin), names.size());
    const std::string name = names.substr(begin, end - begin);
    const std::optional<InferencePart> next = PartByName(name, catalogue);
    if (!next) {
      RefuseNamed("--part", name, catalogue.PartNames(), ", or a server of gridlock catalog");
    }
    part = part ? SlowerOf(*part, *next) : *next;
    begin = end + 1;
  }
  return *part;
}

Surge SurgeOf(const std::string& text) {
  if (text.empty()) {
    return {};
  }
  double at = 0, span = 0, times = 0;
  char rest = 0;
  const int read = std::sscanf(text.c_str(), "%lf:%lf:%lf%c", &at, &span, &times, &rest);
  if (read != 3 || !(at >= 0) || !(span > 0) || !(times > 0)) {
    throw UserError("", fmt::format("--surge: {}; expected AT:SPAN:TIMES in seconds, such as "
                                    "600:300:5",
                                    Quoted(text)));
  }
  return {Seconds(at), Seconds(span), times};
}

bool Fits(const Deployment& deployment) {
  try {
    const IterationCosts costs(deployment.model, deployment.part, deployment.engine,
                               deployment.layout, "");
    return true;
  } catch (const UserError&) {
    return false;
  }
}

// "--tensor 4", "--weights fp8": one change each after which the weights fit; "" where none does.
std::string WhatFits(const Deployment& deployment) {
  std::vector<std::string> fits;
  Deployment other = deployment;
  for (int tensor = deployment.layout.tensor + 1; tensor <= 64 && fits.empty(); ++tensor) {
    other.layout.tensor = tensor;
    if (deployment.model.heads % tensor == 0 && Fits(other)) {
      fits.push_back(fmt::format("--tensor {}", tensor));
    }
  }
  for (const WeightFormat format :
       {WeightFormat::kFp8, WeightFormat::kInt4, WeightFormat::kNvfp4}) {
    other = deployment;
    other.layout.weights = format;
    if (BytesOfFormat(format) < BytesOfFormat(deployment.layout.weights) && Fits(other)) {
      fits.push_back(fmt::format("--weights {}", WeightFormatName(format)));
      break;
    }
  }
  return fits.empty() ? "" : fmt::format("; what would fit: {}", fmt::join(fits, ", or "));
}

}  // namespace

void AddServeLoadOptions(CLI::App& command, ServeOptions& options) {
  command
      .add_option(
          "--model", options.model,
          "A model of workloads/catalog/serving_models.csv or of gridlock catalog, its name at "
          "Hugging Face, or its config.json")
      ->capture_default_str()
      ->type_name("NAME");
  command
      .add_option(
          "--part,--accelerator", options.part,
          "An accelerator of serving_parts.csv, or a server of gridlock catalog; several joined "
          "by + share a replica")
      ->capture_default_str()
      ->type_name("NAME");
  command
      .add_option("--with", options.own,
                  "Also the models, accelerators and servers of this file: a scenario, or entries "
                  "alone; repeatable")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command.add_option("--engine", options.engine, "A serving engine of serving_engines.csv")
      ->capture_default_str()
      ->type_name("NAME");
  command.add_option("--input,--input-tokens", options.input, "Mean tokens of a prompt")
      ->check(CLI::Range(1.0, 1e7))
      ->capture_default_str();
  command.add_option("--output-tokens", options.output, "Mean tokens of an answer")
      ->check(CLI::Range(1.0, 1e7))
      ->capture_default_str();
  command
      .add_option("--spread", options.spread,
                  "Lengths are log-normal with this sigma; 0: all are equal")
      ->check(CLI::Range(0.0, 3.0))
      ->capture_default_str();
  command.add_option("--rate", options.rate, "Requests per second of all replicas, Poisson")
      ->check(CLI::Range(1e-6, 1e9));
  command.add_option("--ttft-ms", options.ttft_ms, "Objective for the time to first token")
      ->check(CLI::Range(0.0, 1e9));
  command.add_option("--tpot-ms", options.tpot_ms, "Objective for the time per output token")
      ->check(CLI::Range(0.0, 1e9));
  command.add_option("--usd-per-hour", options.usd_per_hour, "Price of one accelerator")
      ->check(CLI::Range(0.0, 1e6));
  command.add_option("--seed", options.seed, "Of the requests that are drawn")
      ->capture_default_str();
  command.add_option("--format", options.format, "What is printed")
      ->check(CLI::IsMember({"text", "json", "csv"}))
      ->capture_default_str();
  command
      .add_option("-o,--output", options.out,
                  "File to write instead of the screen: JSON or CSV where its name says so, else "
                  "as --format")
      ->type_name("FILE");
  command.add_flag("-q,--quiet", options.quiet, "No progress and no notes on stderr");
}

// How tokens are chosen, and guessed ahead.
static void AddDecodingOptions(CLI::App& command, ServeOptions& options) {
  command.add_option("--beams", options.beams, "Beams of each request: beam search")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command.add_option("--drafts", options.drafts, "Speculated tokens that a pass checks")
      ->check(CLI::Range(0, 64));
  command.add_option("--accepted", options.accepted, "Share of a draft token that is accepted")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command
      .add_option(
          "--offload-gb", options.offload_gb,
          "GB of the weights of an accelerator that lie in the host's memory, experts where "
          "there are some: --cpu-offload-gb of vLLM, --n-cpu-moe and -ngl of llama.cpp, "
          "whose host works on them")
      ->check(CLI::Range(0.0, 1e5))
      ->capture_default_str();
  command
      .add_option("--host-memory-gbs", options.host_memory_gbs,
                  "GB/s at which the host works on them; 67 are three quarters of two channels of "
                  "DDR5-5600 (estimate)")
      ->check(CLI::Range(1.0, 1e4))
      ->capture_default_str();
  command
      .add_option("--sampling", options.sampling,
                  "How words are chosen: the likeliest, at random, or among the likeliest that "
                  "make up a share (what generation_config.json of most models asks for)")
      ->check(CLI::IsMember({"greedy", "random", "top-p"}))
      ->capture_default_str();
}

void AddDeploymentOptions(CLI::App& command, ServeOptions& options) {
  command
      .add_option("--weights", options.weights,
                  std::string(kWeightFormatNames) +
                      "; auto: as the checkpoint is published, or as the engine takes it")
      ->capture_default_str()
      ->type_name("FORMAT");
  command.add_option("--kv", options.cache, "Format of the KV cache")
      ->check(CLI::IsMember({"auto", "bf16", "fp8"}))
      ->capture_default_str();
  const auto count = [&](const char* name, int& value, const char* words) {
    command.add_option(name, value, words)->check(CLI::Range(1, 4096))->capture_default_str();
  };
  count("--tensor", options.tensor, "Tensor-parallel ranks of a replica");
  count("--pipeline", options.pipeline, "Pipeline stages of a replica");
  count("--data", options.data, "Data-parallel copies of attention; experts lie on all of them");
  command
      .add_option("--experts", options.experts,
                  "Whole experts on each rank, or a slice of every expert; auto: as the engine has "
                  "it where nothing is said")
      ->check(CLI::IsMember({"auto", "spread", "sliced"}))
      ->capture_default_str();
  command
      .add_option("--expert-ranks", options.expert_ranks,
                  "Accelerators that hold the experts alone, apart from --tensor x --data of "
                  "attention (default: they share accelerators)")
      ->check(CLI::Range(1, 65536));
  command
      .add_option("--micro-batches", options.micro_batches,
                  "Parts of a batch that attention and experts take in turns, when apart")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  count("--replicas", options.replicas, "Replicas that share the load evenly");
  command.add_option("--batch-max", options.batch_max, "Sequences of a batch (default: engine's)")
      ->check(CLI::Range(1, 1 << 20));
  command
      .add_option("--memory-share", options.memory_share,
                  "Of HBM that the engine takes: gpu_memory_utilization, mem_fraction_static or "
                  "free_gpu_memory_fraction (default: engine's)")
      ->check(CLI::Range(0.05, 1.0));
  command
      .add_option(
          "--kv-tokens", options.kv_tokens,
          "Tokens that the KV cache of a replica holds, as the engine prints them (default: "
          "what weights and the engine's reserve leave of HBM)")
      ->check(CLI::Range(16, 2'000'000'000));
  command
      .add_option("--max-model-len", options.max_model_len,
                  "Tokens of the longest request that the engine is set to: engines that profile "
                  "memory with a whole context set less aside (default: the model's context)")
      ->check(CLI::Range(16, 100'000'000));
  command.add_option("--concurrency", options.concurrency, "Requests in flight, instead of a rate")
      ->check(CLI::Range(1.0, 1e7));
  command
      .add_option("--requests", options.requests,
                  "Requests of one replica; of all in pools or behind a router")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  AddDecodingOptions(command, options);
}

void AddConversationOptions(CLI::App& command, ServeOptions& options) {
  command
      .add_option("--answers", options.answers,
                  "Answers that each prompt asks for at once (best of n, self-consistency)")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command
      .add_option("--turns", options.turns,
                  "Mean turns of a conversation or an agent, each with --input tokens more than "
                  "all that was said; with --answers a search of a tree")
      ->check(CLI::Range(1.0, 1e4))
      ->capture_default_str();
  command.add_option("--pause-s", options.pause, "Mean seconds between turns: a reader or a tool")
      ->check(CLI::Range(0.0, 1e7))
      ->capture_default_str();
  command
      .add_option(
          "--burstiness", options.burstiness,
          "Shape of the gamma-distributed times between arrivals; 1 is Poisson, less bursts")
      ->check(CLI::Range(0.01, 1000.0))
      ->capture_default_str();
  command
      .add_option("--surge", options.surge,
                  "A flash crowd: from so many seconds on, for so many, at so many times the rate")
      ->type_name("AT:SPAN:TIMES");
}

// Parts joined by + are of one replica.
void CheckParts(const std::string& names, const InferenceLayout& layout) {
  const auto parts = 1 + std::count(names.begin(), names.end(), '+');
  if (parts > layout.accelerators()) {
    throw UserError("",
                    fmt::format("--part {}: {} parts for {} accelerators of a replica (tensor x "
                                "pipeline x data)",
                                names, parts, layout.accelerators()));
  }
}

// What lies in the host's memory, of weights in the layout's format.
static void PlaceOnHost(const ServeOptions& options, const InferenceModel& model,
                        InferenceLayout& layout) {
  layout.host_memory = options.host_memory_gbs * 1e9;
  const double movable = ReplicaWeights(model, layout).movable();
  layout.host_share = movable > 0 ? std::min(1.0, options.offload_gb * 1e9 / movable) : 0;
}

ServingCatalogue TablesOf(const ServeOptions& options) {
  ServingCatalogue tables = ShippedServingCatalogue();
  AddOwnEntries(options.own, tables);
  return tables;
}

Deployment DeploymentOf(const ServeOptions& options, const ServingCatalogue& catalogue) {
  Deployment deployment;
  deployment.model = ModelOf(options, catalogue);
  deployment.part = PartOf(options.part, catalogue);
  const InferenceEngine* const engine =
      EngineOnPart(options.engine, deployment.part.name, catalogue);
  if (engine == nullptr) {
    RefuseNamed("--engine", options.engine, catalogue.EngineNames(), "");
  }
  deployment.engine = EngineOn(deployment.part, *engine);
  if (options.batch_max > 0) {
    deployment.engine.batch_max = options.batch_max;
  }
  if (options.memory_share > 0) {
    deployment.engine.memory_share = options.memory_share;
  }
  deployment.engine.cache_tokens = options.kv_tokens;
  if (options.max_model_len > 0) {
    deployment.model.context = options.max_model_len;
  }
  InferenceLayout& layout = deployment.layout;
  layout.tensor = options.tensor;
  layout.pipeline = options.pipeline;
  layout.data = options.data;
  CheckParts(options.part, layout);
  layout.experts_spread =
      options.experts == "spread" ||
      (options.experts == "auto" && options.data > 1 && !deployment.engine.slices_experts);
  SetBeams(options.beams, options.input, options.output, layout);
  layout.sampling = options.sampling == "top-p"    ? Sampling::kTopP
                    : options.sampling == "random" ? Sampling::kRandom
                                                   : Sampling::kGreedy;
  layout.draft_tokens = options.drafts;
  layout.accepted = options.accepted;
  layout.adapters = AdaptersOf(options.adapters);
  layout.expert_ranks = options.expert_ranks;
  layout.micro_batches = options.micro_batches;
  if (layout.apart() && (layout.adapters.targets & adapter_target::kExperts) != 0) {
    throw UserError("",
                    "--adapter-targets: experts that are apart have no adapters here; expected "
                    "no experts among them, or no --expert-ranks");
  }
  if (options.weights == "auto") {
    const bool packed = engine->packs_weights && deployment.model.checkpoint == WeightFormat::kBf16;
    layout.weights = packed ? WeightFormat::kQ4KM : deployment.model.checkpoint;
  } else if (!WeightFormatByName(options.weights, layout.weights)) {
    throw UserError("", fmt::format("--weights: there is no format {}; expected {}",
                                    Quoted(options.weights), kWeightFormatNames));
  }
  PlaceOnHost(options, deployment.model, layout);
  layout.narrow_ffn_alone =
      deployment.model.checkpoint_ffn_alone && layout.weights == deployment.model.checkpoint;
  layout.cache_bytes = options.cache == "fp8" ? 1
                       : options.cache == "auto"
                           ? UsualCacheBytes(layout.weights, deployment.engine)
                           : 2;
  deployment.replicas = options.replicas;
  if (deployment.model.heads % layout.tensor != 0) {
    std::string widths;
    for (int width = 1; width <= std::min(64, deployment.model.heads); ++width) {
      if (deployment.model.heads % width == 0) {
        widths += fmt::format("{}{}", widths.empty() ? "" : ", ", width);
      }
    }
    throw UserError(
        "", fmt::format("--tensor: {} does not divide the {} heads of {}; expected {}",
                        layout.tensor, deployment.model.heads, deployment.model.name, widths));
  }
  return deployment;
}

ServeLoad LoadOf(const ServeOptions& options, const InferenceModel& model) {
  ServeLoad load;
  load.answers = options.answers;
  load.turns = options.turns;
  load.pause = Seconds(options.pause);
  load.burstiness = options.burstiness;
  load.surge = SurgeOf(options.surge);
  load.prompt = {options.input, 0, options.spread, 1e7};
  load.output = {options.output, 0, options.spread, 1e7};
  if (model.encodes_alone) {
    load.output = {1, 0, 0, 1};  // a vector, or a score
  }
  load.requests = options.requests;
  load.seed = options.seed;
  load.adapters = {options.adapters.count, options.adapters.skew};
  if (options.rate > 0) {
    load.kind = LoadKind::kRate;
    load.value = options.rate / options.replicas;
  } else if (options.concurrency > 0) {
    load.kind = LoadKind::kConcurrency;
    load.value = std::max(1.0, options.concurrency / options.replicas);
  }
  return load;
}

Objectives ObjectivesOf(const ServeOptions& options) {
  return {Seconds(options.ttft_ms * 1e-3), Seconds(options.tpot_ms * 1e-3), options.share};
}

void CheckThatWeightsFit(const Deployment& deployment) {
  try {
    const IterationCosts costs(deployment.model, deployment.part, deployment.engine,
                               deployment.layout, "");
  } catch (const UserError& error) {
    throw UserError("", error.problems().front().message + WhatFits(deployment));
  }
}

}  // namespace gridlock
