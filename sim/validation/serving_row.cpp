#include "sim/validation/serving_row.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/names.h"
#include "sim/base/numbers.h"
#include "sim/catalogue/serving_names.h"
#include "sim/validation/serving_client.h"
#include "sim/validation/serving_words.h"

namespace gridlock {

namespace {

constexpr double kMostOfACell = 1e9;

const std::string& Text(const ServingCells& cells, const std::string& column) {
  static const std::string kNone;
  const auto found = cells.find(column);
  return found == cells.end() ? kNone : found->second;
}

std::optional<double> Number(const ServingCells& cells, const std::string& column) {
  const std::optional<double> value = ParseNumber(Text(cells, column));
  return value && *value >= 0 && *value <= kMostOfACell ? value : std::nullopt;
}

void Assume(ServingCase& row, const std::string& words) {
  if (words.empty()) {
    return;
  }
  row.assumed += (row.assumed.empty() ? "" : ", ") + words;
}

int Count(const ServingCells& cells, const std::string& column, int blank) {
  const std::optional<double> value = Number(cells, column);
  return value && *value <= 1e7 ? static_cast<int>(*value) : blank;
}

// The model of a row that names it alone: the one that `serve` knows by this name.
std::string ReadKnownModel(const ServingCells& cells, const ServingCatalogue& catalogue,
                           ServingCase& row) {
  const std::string& name = Text(cells, "model");
  try {
    const std::optional<InferenceModel> known = ModelByName(name, catalogue);
    if (!known) {
      return fmt::format("the row has no layers, hidden and heads, and no model is called {}{}",
                         Quoted(name), DidYouMean(name, catalogue.ModelNames()));
    }
    row.model = *known;
    row.model.context = 0;  // as of rows with columns
    Assume(row, fmt::format("model as {} of the catalogue", known->name));
  } catch (const UserError& error) {
    return error.problems().front().message;
  }
  return "";
}

std::string ReadModel(const ServingCells& cells, InferenceModel& model) {
  model.name = Text(cells, "model");
  model.layers = Count(cells, "layers", 0);
  model.hidden = Count(cells, "hidden", 0);
  model.heads = Count(cells, "heads", 0);
  model.kv_heads = Count(cells, "kv_heads", model.heads);
  model.head_dim = Count(cells, "head_dim", model.heads > 0 ? model.hidden / model.heads : 0);
  model.vocabulary = Count(cells, "vocab", 32000);
  model.experts = Count(cells, "experts", 0);
  model.experts_per_token = Count(cells, "top_k", 0);
  model.shared_experts = Count(cells, "shared_experts", 0);
  model.expert_ffn = Count(cells, "expert_ffn", 0);
  model.ffn = Count(cells, "ffn", 0);
  model.latent = Text(cells, "attention") == "mla";
  const std::string& notes = Text(cells, "notes");
  // DeepSeek-V3 and Qwen3 are published with a scale for each block of 8-bit weights.
  model.block_scales = model.latent || model.name.starts_with("Qwen3");
  model.gated = !Has(notes, "non-gated");
  model.dense_layers = static_cast<int>(NumberIn(notes, "first (\\d+) layers? dense").value_or(0));
  if (const auto window = NumberIn(notes, "(\\d+)-token sliding window")) {
    model.window = static_cast<int>(*window);
    model.windowed_share = 0.5;
  }
  if (model.layers < 1 || model.hidden < 1 || model.heads < 1 || model.head_dim < 1 ||
      model.kv_heads < 1 || model.kv_heads > model.heads) {
    return "the model's layers, hidden, heads and head_dim do not make a transformer";
  }
  if (model.experts > 0 && (model.experts_per_token < 1 || model.expert_ffn < 1 ||
                            model.experts_per_token > model.experts)) {
    return "the model has experts, but no top_k or expert_ffn";
  }
  if (model.experts < 1 && model.ffn < 1) {
    return "the model has no ffn";
  }
  model.dense_layers = std::min(model.dense_layers, model.layers - 1);
  return "";
}

void ReadPart(const ServingCells& cells, const ServingCatalogue& catalogue, ServingCase& row) {
  std::string assumed;
  row.part = PartMeant(Text(cells, "accelerator"), catalogue, assumed);
  Assume(row, assumed);
  if (const auto nic = Number(cells, "nic_gbps"); nic && *nic > 0) {
    row.part.nic_bandwidth = *nic * 1e9 / 8;
  }
  const auto domain = Number(cells, "domain");
  const std::string& notes = Text(cells, "notes");
  const bool rack = Has(notes, "NVL72") || Has(notes, "MNNVL") || Has(notes, "one rack");
  if (domain && rack && *domain < row.part.domain) {
    Assume(row, fmt::format("domain {} as the rack's {}", *domain, row.part.domain));
  } else if (domain && *domain >= 2) {
    row.part.domain = *domain;
  }
}

// Beam search: tables that count tokens count those of the best beam.
void ReadBeams(const ServingCells& cells, ServingCase& row) {
  constexpr int kBeamsMost = 64;
  const std::string& notes = Text(cells, "notes");
  const std::optional<double> said =
      NumberIn(notes, "(?:beam search of|beam[_ -]?width|beams)[ =:]+(\\d+)");
  // MLPerf asks GPT-J for beams of four (its rules of inference, benchmark gptj).
  const bool mlperf = Has(Text(cells, "source"), "MLPerf") && row.model.name.starts_with("GPT-J");
  const double beams = said.value_or(mlperf ? 4 : 1);
  if (beams < 2 || beams > kBeamsMost) {
    return;
  }
  SetBeams(static_cast<int>(beams), row.load.prompt.mean, row.load.output.mean, row.layout);
  Assume(row, fmt::format("beam search of {}", row.layout.beams));
}

void ReadEngine(const ServingCells& cells, const ServingCatalogue& catalogue, ServingCase& row) {
  bool stated = true;
  std::string name = EngineMeant(Text(cells, "engine"), stated);
  const std::string& version = Text(cells, "engine_version");
  const InferenceEngine* engine = nullptr;
  if (!stated && Has(version, "TensorRT")) {
    name = "trtllm";
  } else if (!stated && Has(Text(cells, "source"), "MLPerf")) {
    name = Has(Text(cells, "accelerator"), "l40s") ? "vllm" : "trtllm";
  } else if (!stated && !Has(Text(cells, "source"), "Splitwise")) {
    name = "generic";
    Assume(row, "no engine said: as generic");
  } else if (name == "deepspeed" && !OfTheYear2023(version, row.part.name)) {
    name = "generic";
    Assume(row, fmt::format("engine {} of today: as generic", Text(cells, "engine")));
  }
  std::string release = version;
  if (Has(version, "TensorRT")) {
    release = "1.0";  // TensorRT 10.x came with TensorRT-LLM 1.0
  } else if (name == "tgi") {
    release = OfTheYear2023(version, row.part.name) ? "2023" : "2024";
  }
  release = ReleaseMeant(name, release, Text(cells, "notes"));
  engine = catalogue.EngineOf(name, release);
  if (const InferenceEngine* const own =
          catalogue.EngineOf(name + DriverOf(row.part.name), release)) {
    // Entries of MLPerf run builds of AMD that had first what vLLM 0.6 took over.
    const bool build = Has(Text(cells, "source"), "MLPerf") && own->name == "vllm_0_rocm";
    engine = build ? catalogue.EngineOf("vllm-rocm", "0.6") : own;
  }
  if (engine == nullptr) {
    engine = catalogue.FindEngine("generic");
    CHECK(engine != nullptr);
    Assume(row, fmt::format("no engine {}: as {}", Quoted(name), engine->name));
  }
  row.engine = EngineOn(row.part, *engine);
  const std::string& notes = Text(cells, "notes");
  Assume(row, ReadClient(Text(cells, "source"), notes, row.engine, row.layout));
  ReadSettings(notes, row.engine);
  if (const auto context = NumberIn(notes, "max[_-]model[_-]len[ =:]+([0-9,]+)")) {
    row.model.context = static_cast<int>(*context);
  }
}

void ReadFormats(const ServingCells& cells, ServingCase& row) {
  const std::string& weights = Text(cells, "weights_precision");
  std::string assumed;
  if (weights.empty()) {
    row.layout.weights = row.model.checkpoint;
    assumed = fmt::format("weights in {}", WeightFormatName(row.model.checkpoint));
  } else {
    row.layout.weights = WeightsMeant(weights, assumed);
  }
  Assume(row, assumed);
  const std::string& cache = Text(cells, "kv_precision");
  if (cache.empty() || cache == "auto") {
    row.layout.cache_bytes = UsualCacheBytes(row.layout.weights, row.engine);
  } else {
    row.layout.cache_bytes = Has(cache, "8") ? 1 : Has(cache, "4") ? 0.5 : 2;
  }
  if (Has(cache, "16")) {
    row.layout.cache_bytes = 2;
  }
  row.layout.narrow_ffn_alone = Has(Text(cells, "notes"), "only the MLP weights are");
  ReadNarrowLayers(Text(cells, "notes"), row.layout);
  if (Has(Text(cells, "notes"), "MTP3")) {
    row.layout.draft_tokens = 3;
    // 2.5 to 3 tokens a pass with the one module of DeepSeek-V3 (sgl-project/sglang, PR 3582).
    row.layout.accepted = 0.75;
    Assume(row, "0.75 of drafts accepted");
  }
}

// The costs of a row. Where the engine's usual reserve leaves nothing, or less than a static batch
// takes, a measured run shows that its user gave the cache more.
IterationCosts CostsOfRow(const ServingCase& row) {
  InferenceEngine generous = row.engine;
  generous.memory_share = row.engine.share_of_free ? row.engine.memory_share : 0.98;
  generous.reserve = std::min(row.engine.reserve, 0.6e9);
  const double batch =
      static_cast<double>(row.load.batch_max) * (row.load.prompt.mean + row.load.output.mean);
  try {
    const IterationCosts usual(row.model, row.part, row.engine, row.layout, "");
    if (static_cast<double>(usual.cache_tokens()) >= batch) {
      return usual;
    }
  } catch (const UserError&) {  // not even the weights
  }
  generous.memory_share = std::max(generous.memory_share, 0.98);
  return {row.model, row.part, generous, row.layout, ""};
}

// The narrowest width whose weights leave a third of the HBM.
int WidthThatFits(const ServingCase& row, int most) {
  ServingCase trial = row;
  for (int width = 1; width < most; width *= 2) {
    trial.layout.tensor = width;
    try {
      const IterationCosts costs = CostsOfRow(trial);
      if (costs.weight_bytes().si() < row.part.hbm_capacity * 2 / 3) {
        return width;
      }
    } catch (const UserError&) {
      continue;
    }
  }
  return most;
}

std::string ReadLayout(const ServingCells& cells, ServingCase& row) {
  InferenceLayout& layout = row.layout;
  row.accelerators = Number(cells, "accelerators").value_or(1);
  if (row.accelerators < 1 || row.accelerators > 1e6) {
    return fmt::format("{} accelerators", Quoted(Text(cells, "accelerators")));
  }
  layout.data = std::max(1, Count(cells, "dp_attention", 1));
  layout.pipeline = std::max(1, Count(cells, "pp", 1));
  layout.tensor = std::max(1, Count(cells, "tp", 1));
  if (Has(Text(cells, "notes"), "enable_attention_dp: true") && row.model.experts > 0 &&
      layout.data == 1) {
    layout.data = layout.tensor;
    layout.tensor = 1;
  }
  const std::string& notes = Text(cells, "notes");
  if (row.engine.name == "sglang" && layout.data > 1 && Has(notes, "--enable-dp-attention") &&
      !Has(notes, "--dp")) {
    // From 0.5 on SGLang turns it off where --dp-size is 1, as it is where nothing is said.
    layout.tensor *= std::exchange(layout.data, 1);
    Assume(row, "no --dp-size: attention is tensor-parallel");
  }
  layout.experts_spread = Number(cells, "ep") ? Count(cells, "ep", 1) > 1
                                              : layout.data > 1 && !row.engine.slices_experts;
  const int per_replica = Count(cells, "accelerators_per_replica", 0);
  if (!Number(cells, "tp")) {
    layout.tensor = per_replica > 0 ? std::max(1, per_replica / layout.pipeline / layout.data)
                                    : WidthThatFits(row, static_cast<int>(row.accelerators));
    Assume(row, fmt::format("tp {}", layout.tensor));
  }
  if (layout.accelerators() > row.accelerators) {
    return fmt::format("tp {} x pp {} x dp {} are more than {} accelerators", layout.tensor,
                       layout.pipeline, layout.data, row.accelerators);
  }
  row.replicas = std::floor(row.accelerators / layout.accelerators());
  return "";
}

// Mean prompts of data sets, in tokens of the models that MLPerf runs on them.
struct DataSet {
  const char* name;
  double input;  ///< mean tokens; 0: columns have it
  double input_sigma, output_sigma;
  double input_most, output_most;
};

// OpenOrca 294 (MLPerf policies); CNN/DailyMail about 778 and LongBench/GovReport 9,428 (MLPerf 5.1
// reference implementations); Mixtral's mixture of three sets about 430 (estimate). Sigmas of
// log-normal lengths are estimates from histograms of ShareGPT and OpenOrca. Benchmarks take
// prompts of ShareGPT of 1,024 tokens at most, and 2,048 with the answer (vLLM,
// benchmark_serving.py); those of OpenOrca are cut at 1,024 and 1,024 (MLPerf).
constexpr DataSet kSets[] = {
    {"openorca", 294, 0.9, 0.7, 1024, 1024},        {"cnn_dailymail", 778, 0.4, 0.05, 2540, 142},
    {"llama3.1_405b", 9428, 0.6, 0.6, 20000, 2000}, {"mixtral_mix", 430, 0.9, 0.8, 2048, 2048},
    {"sharegpt300", 0, 0.8, 0.5, 1e5, 1e5},         {"sharegpt", 0, 1.1, 0.8, 1024, 2000}};

std::string ReadLengths(const ServingCells& cells, ServingCase& row) {
  const std::string& distribution = Text(cells, "length_distribution");
  std::optional<double> input = Number(cells, "input_tokens");
  const std::optional<double> output = Number(cells, "output_tokens");
  if (distribution == "mean") {
    row.load.prompt.spread = row.load.output.spread = 1.0 / 9;  // 0.8 to 1.0 of a nominal length
  } else if (distribution.starts_with("trace")) {
    const auto* const set = std::find_if(std::begin(kSets), std::end(kSets), [&](const auto& s) {
      return Has(distribution, s.name);
    });
    row.load.prompt.sigma = set == std::end(kSets) ? 0.9 : set->input_sigma;
    row.load.output.sigma = set == std::end(kSets) ? 0.7 : set->output_sigma;
    if (set != std::end(kSets)) {
      row.load.prompt.most = set->input_most;
      row.load.output.most = set->output_most;
    }
    if (!input && set != std::end(kSets) && set->input > 0) {
      input = set->input;
      Assume(row, fmt::format("prompts of {} tokens on average", set->input));
    }
  }
  if (!input || *input < 1 || !output || *output < 1) {
    return "the lengths of prompts and answers are not said";
  }
  row.load.prompt.mean = *input;
  row.load.output.mean = *output;
  return "";
}

std::int64_t OfflineRequests(const ServingCase& row) {
  constexpr double kBenchmarkTokens =
      7.68e6;  // TensorRT-LLM's table of benchmarks: 30,000 of 128/128
  const double tokens = row.load.prompt.mean + row.load.output.mean;
  return std::llround(std::clamp(kBenchmarkTokens / tokens, 1000.0, 30000.0));
}

std::string ReadBatch(const ServingCells& cells, double value, ServingCase& row) {
  const std::string& notes = Text(cells, "notes");
  ServeLoad& load = row.load;
  load.kind = LoadKind::kAllAtOnce;
  double batch = value / row.replicas;
  if (Has(notes, "tokens per GPU") || Has(notes, "tokens in the batch")) {
    batch = std::max(1.0, value / load.prompt.mean) * row.layout.data;
    row.engine.token_budget =
        std::max<std::int64_t>(row.engine.token_budget, static_cast<std::int64_t>(value));
    row.engine.shared_budget = false;
  } else if (Has(notes, "batch per GPU") || Has(notes, "per GPU; set-up")) {
    batch = value * row.layout.accelerators();
  }
  load.requests = load.batch_max = std::max<std::int64_t>(1, std::llround(batch));
  // The decode stage by itself: from pools, or as a benchmark of stages ran it.
  const bool stage = Text(cells, "disaggregated") == "1" || Has(Text(cells, "id"), "-decode");
  load.prefilled = stage && load.output.mean > 1;
  return "";
}

std::string ReadLoad(const ServingCells& cells, ServingCase& row) {
  const std::string& notes = Text(cells, "notes");
  const std::optional<double> value = Number(cells, "load_value");
  std::string kind = LoadMeant(Text(cells, "load_kind"));
  if (value && kind.empty()) {
    Assume(row, fmt::format("load {} as concurrency", Quoted(Text(cells, "load_kind"))));
    kind = "concurrency";
  }
  const std::optional<double> said = NumberIn(notes, "([0-9,]+) (?:ShareGPT )?requests");
  ServeLoad& load = row.load;
  // NVIDIA's guides to TensorRT-LLM run trtllm-bench, inside the engine's process.
  if (kind == "batch" || (kind == "offline_max" && !OverHttp(notes)) ||
      Has(Text(cells, "source"), "NVIDIA TensorRT-LLM")) {
    row.engine.stream_time = 0;  // nobody waits for single tokens
    row.engine.request_overhead = 0;
  }
  if (kind == "batch" && value && *value >= 1) {
    return ReadBatch(cells, *value, row);
  }
  if (kind == "offline_max") {
    load.kind = LoadKind::kAllAtOnce;
    double requests = said.value_or(static_cast<double>(OfflineRequests(row)) * row.replicas);
    if (value && Has(notes, "batch limit")) {
      row.engine.batch_max = std::max<std::int64_t>(1, std::llround(*value));
    } else if (value && *value >= 1) {
      requests = *value;
    }
    load.requests = std::max<std::int64_t>(1, std::llround(requests / row.replicas));
    return "";
  }
  if (kind == "concurrency" && value && *value >= 1) {
    load.kind = LoadKind::kConcurrency;
    load.value = std::max(1.0, std::round(*value / row.replicas));
    const std::int64_t in_flight = std::llround(load.value);
    load.requests =
        std::clamp<std::int64_t>(std::llround(said.value_or(0) / row.replicas), 0, 100000);
    if (Has(notes, "x concurrency requests") || load.requests < in_flight) {
      load.requests = std::max<std::int64_t>(10 * in_flight, 20);
    }
    return "";
  }
  if (kind == "request_rate" && value && *value > 0) {
    load.kind = LoadKind::kRate;
    load.value = *value / row.replicas;
    load.requests = said ? std::llround(*said / row.replicas)
                         : std::llround(std::clamp(load.value * 300, 1000.0, 20000.0));
    return "";
  }
  return fmt::format(
      "the load {} {} is not batch, offline_max, concurrency or request_rate with its value",
      Quoted(kind), Quoted(Text(cells, "load_value")));
}

}  // namespace

std::string ReadServingCase(const ServingCells& cells, const ServingCatalogue& catalogue,
                            ServingCase& row) {
  const bool shape = Number(cells, "layers") || Number(cells, "hidden") || Number(cells, "heads");
  std::string problem = shape ? ReadModel(cells, row.model) : ReadKnownModel(cells, catalogue, row);
  if (!problem.empty()) {
    return problem;
  }
  ReadPart(cells, catalogue, row);
  ReadEngine(cells, catalogue, row);
  ReadFormats(cells, row);
  if (Has(Text(cells, "notes"), "benchmark_throughput.py")) {
    // Offline, memory is profiled with the model's context; servers of that time prefill in chunks.
    const InferenceModel* model = catalogue.FindModel(LowerCase(Text(cells, "model")));
    row.model.context = model == nullptr ? 0 : model->context;
  }
  problem = ReadLayout(cells, row);
  problem = problem.empty() ? ReadLengths(cells, row) : problem;
  ReadBeams(cells, row);
  return problem.empty() ? ReadLoad(cells, row) : problem;
}

ServingPrediction PredictServing(const ServingCells& cells, const ServingCatalogue& catalogue) {
  ServingPrediction prediction;
  const std::string metric = MetricMeant(Text(cells, "metric"));
  if (!ServingMetric(metric, {}, 1, 1)) {
    prediction.reason = fmt::format("the metric {} is not known", Quoted(metric));
    return prediction;
  }
  ServingCase row;
  prediction.reason = ReadServingCase(cells, catalogue, row);
  if (!prediction.reason.empty()) {
    return prediction;
  }
  try {
    const IterationCosts costs = CostsOfRow(row);
    const ServeResult result = RunLoad(costs, row.load);
    const double value = ServingMetric(metric, result, row.replicas, row.accelerators).value_or(0);
    if (value <= 0) {
      prediction.refused = true;
      prediction.reason =
          fmt::format("no request fits the KV cache of {} tokens", costs.cache_tokens());
      return prediction;
    }
    if (metric != Text(cells, "metric")) {
      Assume(row, fmt::format("metric {} as {}", Text(cells, "metric"), metric));
    }
    prediction.value = value;
    prediction.reason = row.assumed;
    prediction.binding = BindingsOf(result, costs).waits.front().limit;
  } catch (const UserError& error) {
    prediction.refused = true;
    prediction.reason =
        error.problems().front().message + (row.assumed.empty() ? "" : "; " + row.assumed);
  }
  return prediction;
}

}  // namespace gridlock
