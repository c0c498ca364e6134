// Iterations of an 8B shape on one H100 against what was measured there: decoding, prompts, chunks
// beside decoding, watts. The tables are not part of the tree.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/catalogue/serving_catalogue.h"
#include "tests/serving/data_file.h"

namespace gridlock {
namespace {

using Row = std::map<std::string, std::string>;

double Number(const Row& row, const char* column) {
  const std::string& text = row.at(column);
  return text.empty() ? 0 : std::stod(text);
}

// The shape on a card that runs nothing but the loop over its layers.
IterationCosts Costs(int layers) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  InferenceModel model = *catalogue.FindModel("llama-3.1-8b");
  model.layers = layers;
  return {model, *catalogue.FindPart("h100_sxm"), *catalogue.FindEngine("cuda_graph"), {}, ""};
}

double Decode(const IterationCosts& costs, std::int64_t batch, double context) {
  return (costs.Base(batch, batch, batch) +
          costs.PerRead(batch) * (static_cast<double>(batch) * context))
      .si();
}

double Prefill(const IterationCosts& costs, std::int64_t tokens) {
  const double n = static_cast<double>(tokens);
  return (costs.Base(tokens, 1, 1) + costs.PerPair() * (0.5 * n * (n + 1))).si();
}

// Prints the error of a row and keeps it.
void Compare(const std::string& name, double predicted, double measured,
             std::vector<double>& errors) {
  const double error = predicted / measured - 1;
  std::printf("%-24s %9.3f ms, measured %9.3f: %+5.1f %%\n", name.c_str(), 1e3 * predicted,
              1e3 * measured, 100 * error);
  errors.push_back(std::abs(error));
}

TEST(MeasuredCard, DecodesAndPrefillsAn8BShapeWithin5Percent) {
  const std::string file = DataFile("h100_sxm_decode.csv");
  if (file.empty()) {
    GTEST_SKIP() << "needs " << kWhereDataIs << ", with h100_sxm_decode.csv";
  }
  const IterationCosts costs = Costs(32);
  std::vector<double> decode, prefill;
  for (const Row& row : CsvRows(file)) {
    if (row.at("kind_of_row") == "decode") {
      const auto batch = static_cast<std::int64_t>(Number(row, "batch"));
      Compare("decode " + row.at("batch") + " x " + row.at("context"),
              Decode(costs, batch, Number(row, "context")), 1e-3 * Number(row, "graph_ms"), decode);
    } else {
      Compare("prefill " + row.at("tokens"),
              Prefill(costs, static_cast<std::int64_t>(Number(row, "tokens"))),
              1e-3 * Number(row, "time_ms"), prefill);
    }
  }
  EXPECT_LT(Median(decode), 0.03);
  EXPECT_LT(Median(prefill), 0.05);
  EXPECT_LT(*std::max_element(decode.begin(), decode.end()), 0.06);
}

// Weights are read once for a chunk and the sequences beside it.
TEST(MeasuredCard, RunsChunksBesideDecodingWithin7Percent) {
  const std::string file = DataFile("h100_sxm_mixed_iteration.csv");
  if (file.empty()) {
    GTEST_SKIP() << "needs " << kWhereDataIs << ", with h100_sxm_mixed_iteration.csv";
  }
  const IterationCosts costs = Costs(8);
  std::vector<double> errors;
  for (const Row& row : CsvRows(file)) {
    const double batch = Number(row, "decode_batch"), chunk = Number(row, "chunk");
    const double pairs = chunk * Number(row, "past") + 0.5 * chunk * (chunk + 1);
    const auto rows = static_cast<std::int64_t>(batch + chunk);
    // The measured layers have no LM head: what one row of it takes is taken off.
    const double head = (Costs(9).Base(1, 1, 1) - costs.Base(1, 1, 1)).si();
    const double empty = costs.Base(1, 1, 1).si() - 8 * head;
    const double time =
        (costs.Base(rows, 1, 1) + costs.PerPair() * pairs +
         costs.PerRead(std::max<std::int64_t>(1, static_cast<std::int64_t>(batch))) *
             (batch * Number(row, "context")))
            .si() -
        empty;
    Compare(
        "batch " + row.at("decode_batch") + ", chunk " + row.at("chunk") + " at " + row.at("past"),
        time, 1e-6 * Number(row, "time_us"), errors);
  }
  EXPECT_LT(Median(errors), 0.07);
}

TEST(MeasuredCard, DrawsItsWattsWithin6Percent) {
  const std::string file = DataFile("h100_sxm_power.csv");
  if (file.empty()) {
    GTEST_SKIP() << "needs " << kWhereDataIs << ", with h100_sxm_power.csv";
  }
  const InferencePart part = *ShippedServingCatalogue().FindPart("h100_sxm");
  const IterationCosts costs = Costs(32);
  int compared = 0;
  for (const Row& row : CsvRows(file)) {
    const std::string& name = row.at("name");
    int batch = 0, context = 0, tokens = 0;
    double flop = 0, bytes = 0, time = 0;
    if (std::sscanf(name.c_str(), "decode_b%d_c%d", &batch, &context) == 2) {
      const double reads = 1.0 * batch * context;
      flop = costs.FlopOf(batch, batch, reads, 0);
      bytes = costs.BytesOf(batch, reads);
      time = Decode(costs, batch, context);
    } else if (std::sscanf(name.c_str(), "prefill_%d", &tokens) == 1) {
      flop = costs.FlopOf(tokens, 1, 0, 0.5 * tokens * (tokens + 1.0));
      bytes = costs.BytesOf(tokens, 0);
      time = Prefill(costs, tokens);
    } else {
      continue;
    }
    const double work = (flop * part.joules_per_flop + bytes * part.joules_per_byte) / time;
    const double watts = std::min(part.power_limit, part.idle_power + work);
    std::printf("%-20s %6.1f W, measured %6.1f\n", name.c_str(), watts, Number(row, "watts"));
    EXPECT_NEAR(watts / Number(row, "watts"), 1, 0.06) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 5);
}

// DeepSeek-V3 as its makers serve it (2025-02): 73.7k tokens/s of prompts, hits of the cache among
// them, and 14.8k tokens/s of answers a node of eight H800, at 20 to 22 tokens/s a user; prompts
// are cached to 56.3 %, and contexts hold 4,989 tokens on average.
struct Serving {
  double rate = 0, tpot = 0;
};

// So many sequences on each of `ranks`, in a steady state.
Serving DecodeOn(const InferencePart& part, const InferenceEngine& engine, InferenceLayout layout,
                 std::int64_t each, double context) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  const IterationCosts costs(*catalogue.FindModel("deepseek-r1"), part, engine, layout, "");
  const std::int64_t batch = each * layout.accelerators();
  const double time = Decode(costs, batch, context);
  return {static_cast<double>(batch) / time * layout.TokensPerStep(),
          time / layout.TokensPerStep()};
}

TEST(PublishedFleets, OfDeepSeekV3DecodeAsFastAsTheirMakersSay) {
  const ServingCatalogue catalogue = ShippedServingCatalogue();
  InferenceLayout layout;
  layout.data = 144;  // 18 nodes, EP144
  layout.experts_spread = true;
  layout.weights = WeightFormat::kFp8;
  const InferenceEngine& engine = *catalogue.FindEngine("deepseek_ep");
  const Serving h800 = DecodeOn(*catalogue.FindPart("h800_sxm"), engine, layout, 88, 4989);
  std::printf("H800: %.0f tokens/s a node, %.1f ms a token\n", h800.rate / 18, 1e3 * h800.tpot);
  EXPECT_NEAR(h800.rate / 18 / 14800, 1, 0.15);
  EXPECT_NEAR(1 / h800.tpot / 21, 1, 0.15);
  // CloudMatrix (arXiv:2506.12708): 1,943 tokens/s of an NPU of two dies at 49.4 ms a token,
  // batches of 96 an NPU, one draft token of which 0.7 are accepted, 4,096 tokens of prompt, EP320.
  layout.data = 320;
  layout.draft_tokens = 1;
  layout.accepted = 0.7;
  const Serving npu = DecodeOn(*catalogue.FindPart("ascend_910c"), *catalogue.FindEngine("ascend"),
                               layout, 48, 4096 + 128);
  std::printf("910C: %.0f tokens/s an NPU, %.1f ms a token\n", npu.rate / 160, 1e3 * npu.tpot);
  EXPECT_NEAR(npu.rate / 160 / 1943, 1, 0.15);
}

}  // namespace
}  // namespace gridlock
