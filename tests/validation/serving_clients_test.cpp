// What is known of engines and of clients of benchmarks beyond the cells of a row.

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "sim/validation/serving_cases.h"
#include "tests/validation/serving_rows.h"

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

}  // namespace
}  // namespace gridlock
