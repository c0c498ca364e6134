// A decoder behind an encoder (T5, Whisper): weights, caches, times and work in closed form.

#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "sim/serving/kv_network.h"
#include "sim/serving/pools.h"
#include "sim/serving/serve_run.h"
#include "tests/serving/machines.h"
#include "tests/serving/stepped_batching.h"
#include "workloads/decode.h"

namespace gridlock {
namespace {

// The small model, 4 layers of 512, 8 heads and 2 of keys and values of 64, blocks of 2,048, and an
// encoder of 3 such layers in front.
constexpr double kAttentionPart = 2 * 512 * 64 * (8.0 + 2);  // q, o, k, v
constexpr double kBlockPart = 3 * 512.0 * 2048;
constexpr double kCrossQuery = 2 * 512 * 64 * 8.0;  // q, o
constexpr double kCrossKeys = 2 * 512 * 64 * 2.0;   // k, v

InferenceModel Encoding() {
  InferenceModel model = SmallModel();
  model.encoder_layers = 3;
  return model;
}

IterationCosts EncodingCosts(const InferenceEngine& engine, double cache_tokens,
                             const InferenceLayout& layout = {}) {
  return SmallCosts(engine, cache_tokens, 1e12, layout, Encoding());
}

InferenceLayout TwoRanks() {
  InferenceLayout layout;
  layout.tensor = 2;
  return layout;
}

double SumOf(const LimitTimes& times) {
  return std::accumulate(times.begin(), times.end(), 0.0);
}

ServeLoad InputsAtOnce(std::int64_t requests, double input, double output) {
  ServeLoad load;
  load.requests = requests;
  load.prompt = {input, 0, 0, 1e7};
  load.output = {output, 0, 0, 1e7};
  return load;
}

TEST(Encoder, AndTheDecodersAttentionToItAddTheirWeights) {
  const double alone = SmallCosts(Chunked(256, 8), 4000).weight_bytes().si();
  const double both = EncodingCosts(Chunked(256, 8), 4000).weight_bytes().si();
  EXPECT_NEAR(both - alone,
              2 * (3 * (kAttentionPart + kBlockPart) + 4 * (kCrossQuery + kCrossKeys)), 1);
  const double half = EncodingCosts(Chunked(256, 8), 4000, TwoRanks()).weight_bytes().si();
  EXPECT_NEAR(half, both / 2, 1);
}

// Raffel et al. 2019, arXiv:1910.10683: 11.3 billion, with one table for words in and out.
TEST(Encoder, OfT5HasTheParametersThatArePublished) {
  InferencePart part;
  part.peak_bf16 = 1e15;
  part.hbm_capacity = 8e10;
  part.hbm_bandwidth = 3e12;
  const IterationCosts costs(InferenceModelOf(CatalogueModel("t5_11b")), part, InferenceEngine(),
                             {}, "");
  EXPECT_NEAR(costs.weight_bytes().si() / 2 / 11.31e9, 1, 0.01);
}

// whisper.cpp on large-v2, which has the widths of large-v3 (ggml-org/whisper.cpp, issue 89): "kv
// cross size = 234.38 MB" of 1,500 frames and "kv self size = 70.00 MB" of 448 tokens, in MiB.
TEST(Encoder, OfWhisperHasTheCachesThatArePublished) {
  InferenceModel model;
  model.name = "whisper";
  model.layers = model.encoder_layers = 32;
  model.hidden = 1280;
  model.heads = model.kv_heads = 20;
  model.head_dim = 64;
  model.ffn = 5120;
  model.gated = false;
  model.tied = true;
  model.vocabulary = 51865;
  InferencePart part;
  part.peak_bf16 = 1e15;
  part.hbm_capacity = 8e10;
  part.hbm_bandwidth = 3e12;
  const IterationCosts costs(model, part, InferenceEngine(), {}, "");
  constexpr double kMebibyte = 1 << 20;
  EXPECT_NEAR(costs.CacheBytesOf(1500).si() / kMebibyte, 234.38, 0.01);
  EXPECT_NEAR(costs.CacheBytesOf(448).si() / kMebibyte, 70, 0.01);
  // "model size = 2950.66 MB", of which 16 are the convolutions in front and tables of positions.
  EXPECT_NEAR(costs.weight_bytes().si() / kMebibyte / 2950.66, 1, 0.01);
}

TEST(Encoder, ReadsAnInputOnceAndEveryTokenReadsWhatItMade) {
  const std::int64_t input = 200, output = 9;
  const IterationCosts costs = EncodingCosts(Chunked(256, 8), 4000);
  const ServeResult result = RunLoad(costs, InputsAtOnce(1, input, output));
  const double rows = static_cast<double>(input);
  const double encoding = SumOf(costs.EncodeLimits(input, rows * rows));
  // The decoder's first row sees the input and itself.
  const double first = (costs.Base(1, 1, 1) + costs.PerPair() * (rows + 1)).si();
  double rest = 0;
  for (std::int64_t k = 1; k < output; ++k) {
    rest += costs.Base(1, 1, 1).si() + costs.PerRead(1).si() * static_cast<double>(input + 1 + k);
  }
  const double overhead = costs.engine().request_overhead;
  ASSERT_EQ(result.requests.size(), 1U);
  EXPECT_NEAR(result.requests[0].ttft.si() - overhead, encoding + first, 1e-12);
  EXPECT_NEAR(result.requests[0].end_to_end.si() - overhead, encoding + first + rest, 1e-11);
  EXPECT_EQ(result.requests[0].prompt_tokens, input);
  EXPECT_EQ(result.work.cache_peak, input + 1 + (output - 1) + costs.engine().page / 2);
  EXPECT_NEAR(SumOf(result.work.limits), result.work.busy.si(), 1e-12);  // INV-4
}

TEST(Encoder, ItsWorkIsThatOfItsProductsAndOfAllPairs) {
  const double input = 200, output = 9, width = 4 * 8.0 * 64;
  const IterationCosts costs = EncodingCosts(Chunked(256, 8), 4000);
  const ServeResult result = RunLoad(costs, InputsAtOnce(1, input, output));
  const double encoder = 2 * input * 3 * (kAttentionPart + kBlockPart) + width * 3 * input * input +
                         2 * input * 4 * kCrossKeys;
  // Rows see 201 to 209 tokens.
  const double seen = output * (input + 1) + output * (output - 1) / 2;
  const double decoder = 2 * output * 4 * (kAttentionPart + kCrossQuery + kBlockPart) +
                         width * 4 * seen + 2 * output * 512 * 32000;
  EXPECT_NEAR(result.work.flop / (encoder + decoder), 1, 1e-12);
  EXPECT_NEAR(costs.CacheBytesOf(201).si(), 201.0 * 4 * 2 * 2 * 64 * 2, 1e-6);
}

TEST(Encoder, LargeInputsTakeTheTimeOfTheirFlop) {
  InferenceEngine engine = Chunked(1 << 20, 8);
  engine.kernels = 0;
  engine.traffic = 0;
  const IterationCosts costs = EncodingCosts(engine, 4e6);
  const double rows = 1 << 17;
  const double products = 2 * rows * (3 * (kAttentionPart + kBlockPart) + 4 * kCrossKeys);
  const double pairs = 4 * 8 * 64 * 3 * rows * rows;
  const double expected = products / (1e14 * 0.65) + pairs / (1e14 * 0.5);  // of InferencePart
  EXPECT_NEAR(SumOf(costs.EncodeLimits(1 << 17, rows * rows)) / expected, 1, 1e-3);
}

TEST(Encoder, ReadsAsManyInputsAtOnceAsAnIterationHasRows) {
  const std::int64_t input = 200;
  const auto ttfts = [&](std::int64_t budget) {
    const IterationCosts costs = EncodingCosts(Chunked(budget, 8), 40000);
    std::vector<double> all;
    for (const ServedRequest& each : RunLoad(costs, InputsAtOnce(4, input, 1)).requests) {
      all.push_back(each.ttft.si());
    }
    return all;
  };
  const std::vector<double> together = ttfts(800), pairwise = ttfts(400);
  ASSERT_EQ(together.size(), 4U);
  ASSERT_EQ(pairwise.size(), 4U);
  EXPECT_EQ(together[0], together[3]);
  EXPECT_EQ(pairwise[0], pairwise[1]);
  EXPECT_EQ(pairwise[2], pairwise[3]);
  EXPECT_LT(pairwise[0], together[0]);
  EXPECT_NEAR(pairwise[2], 2 * pairwise[0], 1e-12);
}

TEST(Encoder, ReadsAgainWhatWasEvicted) {
  const IterationCosts costs = EncodingCosts(Chunked(512, 8), 600);
  const ServeResult result = RunLoad(costs, InputsAtOnce(6, 100, 150));
  EXPECT_GT(result.work.evictions, 0);
  EXPECT_LE(result.work.cache_peak, costs.cache_tokens());  // INV-2
  EXPECT_EQ(result.output_tokens, 6 * 150);                 // INV-1
  // Each time the input, the first token, and what had been decoded.
  EXPECT_GE(result.work.prompt_tokens, (6 + result.work.evictions) * 101);
}

TEST(Encoder, IsPassedByPoolsThatDecodeAndNotByThosePrefilledElsewhere) {
  const IterationCosts costs = EncodingCosts(Chunked(512, 8), 40000);
  ServeLoad load = InputsAtOnce(3, 100, 20);
  load.prefilled = true;  // elsewhere
  const ServeResult result = RunLoad(costs, load);
  EXPECT_EQ(result.work.prompt_tokens, 0);
  EXPECT_EQ(result.output_tokens, 3 * 20);
  // In pools the replica that prefills reads the three inputs of 100, and the other decodes alone.
  const PoolSpec pools{&costs, &costs, LinksBetween(1, 1e9, 1, 1e9), Router::kLeastLoaded};
  const PoolResult both = RunPools(pools, InputsAtOnce(3, 100, 20));
  EXPECT_GE(both.prefill_work.flop, 3 * costs.EncodeFlop(100, 100 * 100));
  EXPECT_LT(both.served.work.flop, costs.EncodeFlop(100, 100 * 100) + result.work.flop);
  EXPECT_EQ(both.served.output_tokens, 3 * 20);
}

}  // namespace
}  // namespace gridlock
