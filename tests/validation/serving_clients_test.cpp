// What is known of engines and of clients of benchmarks beyond the cells of a row.

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "sim/validation/serving_cases.h"
#include "sim/validation/serving_row.h"
#include "tests/validation/serving_rows.h"
#include "workloads/inference.h"

namespace gridlock {
namespace {

ServingCase SmallCase(const ServingCells& cells) {
  ServingCase row;
  EXPECT_EQ(ReadServingCase(SmallRow(cells), ShippedServingCatalogue(), row), "");
  return row;
}

// Eight TPU v5e serve ShareGPT (AI-Hypercomputer/jetstream-pytorch, benchmarks/summary.md).
TEST(ServingClient, OfSlotsGetsWhatWasPublished) {
  const auto predicted = [](const char* weights, const char* slots) {
    return PredictServing(SmallRow({{"engine", "jetstream"},
                                    {"engine_version", "0.2"},
                                    {"accelerator", "tpu_v5e"},
                                    {"accelerators", "8"},
                                    {"tp", "8"},
                                    {"weights_precision", weights},
                                    {"kv_precision", weights},
                                    {"input_tokens", "220"},
                                    {"output_tokens", "300"},
                                    {"length_distribution", "trace:sharegpt"},
                                    {"load_kind", "offline_max"},
                                    {"load_value", "2000"},
                                    {"metric", "output_tokens_per_s"},
                                    {"notes", std::string("max_num_seqs ") + slots}}),
                          ShippedServingCatalogue())
        .value.value();
  };
  EXPECT_NEAR(predicted("bf16", "96"), 3663, 0.2 * 3663);
  EXPECT_NEAR(predicted("int8", "96"), 4783, 0.2 * 4783);
}

// ML.ENERGY's client draws words by top-p, where others take the likeliest.
TEST(ServingClient, AsksForWordsAsItsBenchmarkDoes) {
  const ServingCase energy = SmallCase({{"source", "ML.ENERGY v3"}});
  EXPECT_EQ(energy.layout.sampling, Sampling::kTopP);
  EXPECT_TRUE(energy.engine.hides_host);
  EXPECT_NE(energy.assumed.find("top-p"), std::string::npos);
  EXPECT_EQ(SmallCase({{"notes", "temperature 0.7"}}).layout.sampling, Sampling::kRandom);
  EXPECT_EQ(SmallCase({{"notes", "temperature 0.0"}}).layout.sampling, Sampling::kGreedy);
  EXPECT_EQ(SmallCase({{"notes", "top_p=0.9"}}).layout.sampling, Sampling::kTopP);
}

// AMD's entries of MLPerf 5.1 run the release that they say.
TEST(ServingClient, OfMlperfRunsTheReleaseOfTheRow) {
  const auto engine = [](const char* version) {
    return SmallCase({{"source", "MLPerf Inference"},
                      {"accelerator", "mi300x"},
                      {"engine_version", version}})
        .engine.name;
  };
  EXPECT_EQ(engine("0.5"), "vllm_06_rocm");
  EXPECT_EQ(engine("0.9"), "vllm_1_rocm");
}

// Clients over HTTP wait for single tokens, and an engine's own benchmark does not.
TEST(ServingClient, OverHttpWaitsForSingleTokens) {
  const auto stream = [](const char* notes) {
    return SmallCase({{"load_kind", "offline_max"}, {"load_value", "1000"}, {"notes", notes}})
        .engine.stream_time;
  };
  EXPECT_EQ(stream("benchmark_throughput.py"), 0);
  for (const char* client : {"over HTTP", "vllm bench serve", "benchmark_serving.py", "genai-perf",
                             "AIPerf", "GuideLLM 0.3"}) {
    EXPECT_GT(stream(client), 0) << client;
  }
}

TEST(ServingClient, SaysWhichEngineOfARelease) {
  const auto engine = [](const char* version, const char* notes) {
    return SmallCase({{"engine_version", version}, {"notes", notes}}).engine.name;
  };
  EXPECT_EQ(engine("0.8.3", ""), "vllm_1");
  EXPECT_EQ(engine("0.8.3", "VLLM_USE_V1=0"), "vllm_0");
  EXPECT_EQ(engine("0.7.3", "VLLM_USE_V1=1"), "vllm_1");
  EXPECT_EQ(engine("0.2.2", ""), "vllm_early");  // before CUDA graphs
  EXPECT_EQ(engine("0.2.7", ""), "vllm_0");
  EXPECT_EQ(SmallCase({{"engine", "llama.cpp"}, {"engine_version", "b2900"}}).engine.name,
            "llamacpp_2024");
  EXPECT_EQ(SmallCase({{"engine", "llama.cpp"}, {"engine_version", "b6918"}}).engine.name,
            "llamacpp_2025");
}

// Qwen3-14B in 4 bits without CUDA graphs: 20.6 ms between tokens on an A100 (vLLM issue 20469).
TEST(ServingClient, WithoutGraphsIsPacedByLaunches) {
  const auto tpot = [](const char* notes) {
    return PredictServing(SmallRow({{"engine_version", "0.9.1"},
                                    {"accelerator", "a100_sxm_80gb"},
                                    {"model", "qwen3-14b"},
                                    {"layers", ""},
                                    {"hidden", ""},
                                    {"heads", ""},
                                    {"weights_precision", "awq"},
                                    {"load_value", "1"},
                                    {"notes", notes}}),
                          ShippedServingCatalogue())
        .value.value();
  };
  EXPECT_NEAR(tpot("--enforce-eager"), 20.6, 0.15 * 20.6);
  EXPECT_LT(tpot(""), 0.8 * tpot("--enforce-eager"));
  EXPECT_EQ(tpot("enforce_eager=False"), tpot(""));
}

// A dense model in MXFP4 has all its matrices in 4 bits: 405B fits one MI355X (vLLM PR 25135).
// gpt-oss has its experts alone, but where a build or a file packs the rest.
TEST(ServingClient, KnowsWhatOfAModelIsIn4Bits) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  InferenceLayout layout;
  layout.weights = WeightFormat::kMxfp4;
  const ReplicaWeights dense(*catalogue.FindModel("llama-3.1-405b"), layout);
  EXPECT_NEAR(dense.on_rank(), 219e9, 0.03 * 219e9);
  const auto bytes = [&](const char* engine) {
    return IterationCosts(*catalogue.FindModel("gpt-oss-20b"), *catalogue.FindPart("gb10"),
                          *catalogue.FindEngine(engine), layout, "")
        .weight_bytes()
        .si();
  };
  // Files of ggml-org and of Ollama; what kernels pad comes on top here.
  EXPECT_NEAR(bytes("llamacpp"), 12.1e9, 0.06 * 12.1e9);
  EXPECT_NEAR(bytes("ollama"), 13.8e9, 0.06 * 13.8e9);
  const ServingCells oss = {{"model", "gpt-oss-20b"},
                            {"layers", ""},
                            {"hidden", ""},
                            {"heads", ""},
                            {"weights_precision", "mxfp4"},
                            {"notes", "--mxfp4-layers moe,qkv,o,lm_head"}};
  const InferenceLayout all = SmallCase(oss).layout;
  EXPECT_EQ(all.other_bytes, BytesOfFormat(WeightFormat::kMxfp4));
  EXPECT_EQ(all.table_bytes, BytesOfFormat(WeightFormat::kMxfp4));
}

// No processor becomes an accelerator.
TEST(ServingClient, OfAProcessorGetsAProcessor) {
  const auto part = [](const char* name) {
    return SmallCase({{"accelerator", name}}).part.name;
  };
  EXPECT_EQ(part("epyc_9175f"), "epyc_9175f");
  EXPECT_EQ(part("EPYC 9354"), "epyc_9654");
  EXPECT_EQ(part("AMD EPYC 7543"), "epyc_7763");
  EXPECT_EQ(part("Xeon Gold 6430"), "xeon_8480");
  EXPECT_EQ(part("Core i9-14900K"), "ryzen_9950x");
  EXPECT_EQ(part("jetson_agx_thor"), "jetson_agx_thor");
}

}  // namespace
}  // namespace gridlock
