#include "sim/validation/serving_client.h"

#include <algorithm>
#include <cmath>
#include <regex>

#include "sim/validation/serving_words.h"

namespace gridlock {

namespace {

// s that one client takes for a token with the counts that it asks for beside: servers of eight
// models on H100 and B200 gave 8,800 to 11,500 tokens/s to it at most (ML.ENERGY leaderboard 3).
constexpr double kEnergyToken = 100e-6;

// Sequences of a batch of an entry of MLPerf that says none: AMD's and NVIDIA's have 768 to 2,048.
constexpr std::int64_t kMlperfBatch = 1024;

// s that vLLM's host takes to launch a layer kernel by kernel: 20.6 ms between tokens of Qwen3-14B
// in 4 bits, 40 layers, on an A100 with --enforce-eager (vLLM issue 20469, 0.9.1), less 1.7 of the
// host beside, over the 1.51 that hosts of A100 take longer than those of H100.
constexpr double kEagerLayer = 310e-6;

}  // namespace

// What its user set an engine to, of each data-parallel rank, where the notes say so.
void ReadSettings(const std::string& notes, InferenceEngine& engine) {
  const auto set = [&](const char* pattern, std::int64_t& value) {
    if (const auto said = NumberIn(notes, pattern); said && *said >= 1) {
      value = std::llround(*said);
    }
  };
  const std::int64_t budget = engine.token_budget;
  set("max[_-]num[_-](?:batched[_-])?tokens[ =:]+([0-9,]+)", engine.token_budget);
  engine.shared_budget = engine.shared_budget && engine.token_budget == budget;
  static const std::regex kEager("enforce[-_ ]eager(?![ =:]*(?:false|0))", std::regex::icase);
  if (std::regex_search(notes, kEager)) {
    engine.layer_launch = std::max(engine.layer_launch, kEagerLayer);
  }
  set("(?:max_batch(?:_size)?|max[_-]num[_-]seqs|max[_-]running[_-]requests)[ =:]+([0-9,]+)",
      engine.batch_max);
}

bool OverHttp(const std::string& notes) {
  static const std::regex kClients(
      "HTTP|bench serve|benchmark_serving|bench_serving|genai[-_]perf|ai[-_]?perf|guidellm|locust",
      std::regex::icase);
  return std::regex_search(notes, kClients);
}

std::string ReleaseMeant(const std::string& engine, const std::string& version,
                         const std::string& notes) {
  static const std::regex kSwitch("VLLM_USE_V1[ =:]+([01])");
  // The last release whose engine is V0 where nothing is said, and the first of V1.
  constexpr const char* kLastOfV0 = "0.7.3";
  constexpr const char* kFirstOfV1 = "0.8.0";
  std::smatch match;
  if (engine != "vllm" || !std::regex_search(notes, match, kSwitch)) {
    return version;
  }
  return match[1] == "0" ? kLastOfV0 : version.starts_with("0.7") ? kFirstOfV1 : version;
}

void ReadNarrowLayers(const std::string& notes, InferenceLayout& layout) {
  static const std::regex kLayers("mxfp4[-_]layers[ =:]+([a-z_,]+)", std::regex::icase);
  static const std::regex kPlain("rest (?:in )?16[- ]?bit", std::regex::icase);
  std::smatch match;
  if (layout.weights == WeightFormat::kMxfp4 && std::regex_search(notes, kPlain)) {
    layout.other_bytes = layout.table_bytes = 2;
  }
  if (layout.weights != WeightFormat::kMxfp4 || !std::regex_search(notes, match, kLayers)) {
    return;
  }
  const std::string layers = match[1];
  const double bytes = BytesOfFormat(layout.weights);
  layout.other_bytes = Has(layers, "qkv") ? bytes : 0;
  layout.table_bytes = Has(layers, "lm_head") ? bytes : 0;
}

std::string ReadClient(const std::string& source, const std::string& notes, InferenceEngine& engine,
                       InferenceLayout& layout) {
  static const std::regex kEnergy("ml[.-]?energy", std::regex::icase);
  static const std::regex kTopP("top[-_ ]?p", std::regex::icase);
  static const std::regex kTemperature("temperature[ =:]+(0\\.[0-9]*[1-9]|[1-9])",
                                       std::regex::icase);
  if (std::regex_search(source, kEnergy)) {
    // ml-energy/benchmark: temperature 0.8 and top-p 0.95 in mlenergy/llm/benchmark.py,
    // `async-scheduling: true` in configs/vllm.
    engine.hides_host = true;
    engine.stream_time = std::max(engine.stream_time, kEnergyToken);
    layout.sampling = Sampling::kTopP;
    return "top-p 0.95 and asynchronous scheduling, as that benchmark asks for";
  }
  if (Has(source, "MLPerf")) {
    // Entries are set up by hand: batches are as large as caches allow.
    engine.batch_max = std::max<std::int64_t>(engine.batch_max, kMlperfBatch);
  }
  if (std::regex_search(notes, kTopP)) {
    layout.sampling = Sampling::kTopP;
  } else if (std::regex_search(notes, kTemperature)) {
    layout.sampling = Sampling::kRandom;
  }
  return "";
}

}  // namespace gridlock
