// Models of the catalogue against their published counts of parameters.

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "sim/catalogue/catalogue.h"
#include "sim/catalogue/parts.h"
#include "tests/source_dir.h"
#include "workloads/decode.h"
#include "workloads/transformer.h"

namespace gridlock {
namespace {

struct Published {
  const char* name;
  double all;     ///< billions
  double active;  ///< for a token; 0: not published
};

// Where the counts come from stands in the entries. Those of active parameters are rounded; some
// leave the embedding out (gpt-oss, MiniMax) and are not compared.
constexpr Published kPublished[] = {
    {"mistral_7b", 7.24, 0},
    {"gemma_2_2b", 2.61, 0},
    {"gemma_2_9b", 9.24, 0},
    {"gemma_2_27b", 27.2, 0},
    {"gemma_3_1b", 1.000, 0},
    {"gemma_3_4b", 3.88, 0},
    {"gemma_3_12b", 11.77, 0},
    {"gemma_3_27b", 27.01, 0},
    {"gpt_oss_20b", 20.91, 0},
    {"gpt_oss_120b", 116.83, 0},
    {"llama_4_scout", 107.8, 17},
    {"llama_4_maverick", 400, 17},
    {"mamba_2.8b", 2.77, 0},
    {"falcon_mamba_7b", 7.27, 0},
    {"mamba2_2.7b", 2.70, 0},
    {"jamba_52b", 51.6, 12},
    {"jamba_1.5_large", 398, 94},
    {"nemotron_h_8b", 8.1, 0},
    {"nemotron_h_56b", 56.3, 0},
    {"nemotron_3_nano_30b_a3b", 31.6, 3.6},
    {"bamba_9b", 9.78, 0},
    {"granite_4_h_small", 32.2, 9},
    {"falcon_h1_34b", 33.6, 0},
    {"qwen3_next_80b_a3b", 79.7, 0},
    {"kimi_linear_48b_a3b", 49.1, 0},
    {"minimax_01", 456, 0},
    {"deepseek_v3", 671, 37},
    {"t5_11b", 11.3, 0},
    {"whisper_large_v3", 1.543, 0},
    {"dit_xl_2", 0.675, 0},
};

class Models : public ::testing::Test {
 protected:
  Models() {
    unsetenv("GRIDLOCK_CATALOG");
    problems_.ThrowIfAny();
  }

  ModelSpec Of(const std::string& name) const { return MakeModel(name, "model", catalogue_); }

 private:
  proto::Scenario nothing_;
  Written nowhere_;
  ProblemList problems_;
  Catalogue catalogue_{nothing_, nowhere_, CatalogueExtent::kWhole, problems_};
};

TEST_F(Models, OfManyKindsHaveTheParametersThatWerePublished) {
  for (const Published& each : kPublished) {
    const ModelSpec model = Of(each.name);
    const double all = ModelParameters(model) / 1e9;
    EXPECT_NEAR(all, each.all, 0.01 * each.all) << each.name;
    if (each.active > 0) {
      const double active = ActiveParameters(model) / 1e9;
      EXPECT_NEAR(active, each.active, 0.05 * each.active) << each.name;
    }
  }
}

TEST_F(Models, WithWindowsServeFromCachesOfAWindow) {
  const InferenceModel gemma = InferenceModelOf(Of("gemma_3_27b"));
  EXPECT_EQ(gemma.window, 1024);
  EXPECT_NEAR(gemma.windowed_share, 52.0 / 62, 1e-12);
}

TEST_F(Models, WithRecurrencesServeFromAConstantState) {
  const ModelSpec model = Of("nemotron_h_8b");
  const InferenceModel served = InferenceModelOf(model);
  EXPECT_EQ(served.layers, 28);  // 24 of Mamba-2 and 4 of attention
  EXPECT_NEAR(served.windowed_share, 24.0 / 28, 1e-12);
  // 128 heads of 64 x 128 in 32 bits and three tokens of 10,240 channels, in tokens of 2 x 8 x 128
  // elements of 16 bits.
  const double state = 4.0 * 128 * 64 * 128 + 2.0 * 3 * 10240;
  EXPECT_NEAR(served.window, state / (2.0 * 2 * 8 * 128), 1);
  // All products of the model are in its layers, whichever block they count with.
  const double attention = 4096.0 * 128 * (2 * 32 + 2 * 8);
  const double products = 28 * (attention + 2 * 4096 * served.ffn) + 2.0 * 4096 * 131072;
  EXPECT_NEAR(products, ModelParameters(model), 0.002 * products);
}

}  // namespace
}  // namespace gridlock
