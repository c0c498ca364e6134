// Low-rank adapters of requests: closed forms, slots, and the same stepped token by token.

#include <cmath>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"
#include "sim/serving/serve_run.h"
#include "tests/serving/stepped_batching.h"
#include "workloads/training.h"

namespace gridlock {
namespace {

constexpr int kAllProducts = adapter_target::kAttention | adapter_target::kFeedForward;

InferenceLayout Adapted(int rank, std::int64_t slots, int targets = kAllProducts) {
  InferenceLayout layout;
  layout.adapters = {rank, targets, slots};
  return layout;
}

// The small model: 4 layers of 512, 8 heads and 2 of keys and values of 64, blocks of 2,048.
constexpr double kOneRank = 4 * ((512 + 512) + 2 * (512 + 128) + (512 + 512) +  // q, k and v, o
                                 2 * (512 + 2048) + (2048 + 512));              // gate and up, down

TEST(ServedAdapters, TakeRankTimesTheWidthsOfTheirProducts) {
  const IterationCosts costs = SmallCosts(Chunked(256, 8), 4000, 1e12, Adapted(16, 3));
  EXPECT_NEAR(costs.adapters().bytes().si(), 2 * 16 * kOneRank, 1);
  EXPECT_NEAR(costs.adapters().LoadTime().si(), 2 * 16 * kOneRank / 55e9, 1e-12);
  EXPECT_NEAR(costs.adapters().flop(), 2 * 16 * kOneRank, 1);
  const IterationCosts queries =
      SmallCosts(Chunked(256, 8), 4000, 1e12, Adapted(16, 3, adapter_target::kQuery));
  EXPECT_NEAR(queries.adapters().bytes().si(), 2 * 16 * 4 * 1024, 1);
}

// Llama 3.1 8B, rank 16 on all products: 41.9 million parameters, as PEFT prints them.
TEST(ServedAdapters, HaveTheParametersThatPeftPrints) {
  InferenceModel model;
  model.layers = 32;
  model.hidden = 4096;
  model.heads = 32;
  model.kv_heads = 8;
  model.head_dim = 128;
  model.ffn = 14336;
  const AdapterCosts costs(model, InferencePart(), InferenceEngine(), Adapted(16, 1));
  EXPECT_EQ(costs.bytes().si() / 2, 41943040);
}

TEST(ServedAdapters, LeaveSoMuchLessRoomForTheCacheAsTheirSlotsTake) {
  const InferenceEngine engine = Chunked(256, 8);
  InferenceModel model;
  model.layers = 32;
  model.hidden = 4096;
  model.heads = 32;
  model.kv_heads = 8;
  model.head_dim = 128;
  model.ffn = 14336;
  model.vocabulary = 128256;
  InferencePart part;
  part.hbm_capacity = 80e9;
  part.hbm_bandwidth = 3.35e12;
  part.peak_bf16 = 989e12;
  const IterationCosts none(model, part, engine, {}, "");
  const IterationCosts with(model, part, engine, Adapted(16, 40), "");
  const double tokens = 40 * with.adapters().bytes() / with.token_bytes();
  EXPECT_NEAR(static_cast<double>(none.cache_tokens() - with.cache_tokens()), tokens, 2);
}

// Each adapter of a batch is read once, however many tokens ask for it.
TEST(ServedAdapters, AreReadOncePerIterationEach) {
  const IterationCosts costs = SmallCosts(Chunked(256, 64), 4000, 1e12, Adapted(64, 32));
  const auto weights = [&](double rows, double different) {
    return costs.adapters().Limits(rows, different)[static_cast<std::size_t>(Limit::kWeights)];
  };
  const double one = costs.adapters().bytes().si() / (1e12 * 0.85);
  EXPECT_NEAR(weights(32, 1), one, 0.02 * one);
  EXPECT_NEAR(weights(32, 32), 32 * one, 1e-3 * one);
}

// Qwen3-30B-A3B: 48 layers of 2,048 with 128 experts of 768, of which a token goes to 8.
InferenceModel Mixture() {
  InferenceModel model;
  model.layers = 48;
  model.hidden = 2048;
  model.heads = 32;
  model.kv_heads = 4;
  model.head_dim = 128;
  model.ffn = 6144;
  model.experts = 128;
  model.experts_per_token = 8;
  model.expert_ffn = 768;
  return model;
}

TEST(ServedAdapters, OfExpertsAreAsManyAsThere) {
  const InferencePart part;
  const auto bytes = [&](int tensor, int data) {
    InferenceLayout layout = Adapted(16, 1, adapter_target::kExperts);
    layout.tensor = tensor;
    layout.data = data;
    layout.experts_spread = data > 1;
    return AdapterCosts(Mixture(), part, InferenceEngine(), layout).bytes().si();
  };
  // Gate, up and down of each: rank x (in + out).
  const double one = 2.0 * 16 * 3 * (2048 + 768);
  EXPECT_NEAR(bytes(1, 1), one * 128 * 48, 1);
  EXPECT_NEAR(bytes(1, 8), one * 128 * 48 / 8, 1) << "whole experts are spread";
  // Slices: the side of the model's width is on each of them.
  EXPECT_NEAR(bytes(8, 1), 2.0 * 16 * 3 * (2048 + 768.0 / 8) * 128 * 48, 1);
}

TEST(ServedAdapters, OfExpertsAreReadWhereTokensGo) {
  InferencePart part;
  part.hbm_bandwidth = 1e12;
  part.peak_bf16 = 1e18;  // nothing is bound by products
  const auto read = [&](double rows, double different) {
    const AdapterCosts costs(Mixture(), part, InferenceEngine(),
                             Adapted(16, 64, adapter_target::kExperts));
    return costs.Limits(rows, different)[static_cast<std::size_t>(Limit::kWeights)] /
           (costs.bytes().si() / (1e12 * part.hbm_efficiency));
  };
  EXPECT_NEAR(read(1, 1), 8.0 / 128, 1e-3) << "one token wakes 8 of 128";
  EXPECT_NEAR(read(32, 32), 32 * 8.0 / 128, 0.02);
  EXPECT_NEAR(read(4096, 1), 1, 1e-3) << "all are read, once";
  EXPECT_LT(read(64, 1), read(64, 64));
}

struct AdapterRun {
  IterationCosts costs;
  std::vector<BatchRequest> requests;
};

AdapterRun DrawRun(std::uint64_t seed) {
  Random random(seed, "adapters");
  InferenceEngine engine = Chunked(16 + static_cast<std::int64_t>(random.Below(500)),
                                   1 + static_cast<int>(random.Below(16)));
  constexpr Batching kinds[] = {Batching::kChunked, Batching::kFused, Batching::kPrompts,
                                Batching::kStatic};
  engine.batching = kinds[random.Below(4)];
  const auto slots = 1 + static_cast<std::int64_t>(random.Below(5));
  const auto adapters = 1 + random.Below(9);
  AdapterRun run{SmallCosts(engine, std::exp(6 + 4 * random.Uniform()), 1e12, Adapted(32, slots)),
                 {}};
  double clock = 0;
  for (std::int64_t i = 0; i < 60; ++i) {
    clock += random.Exponential(0.004);
    BatchRequest request;
    request.id = i;
    request.arrival = Seconds(clock);
    request.prompt_tokens = 1 + static_cast<std::int64_t>(random.LogNormal(4, 1));
    request.output_tokens = 1 + static_cast<std::int64_t>(random.LogNormal(3, 1));
    request.prefilled = random.Below(5) == 0;
    request.adapter = random.Below(6) == 0 ? -1 : static_cast<std::int32_t>(random.Below(adapters));
    run.requests.push_back(request);
  }
  return run;
}

TEST(ServedAdapters, AgreeWithAReplicaThatIsSteppedTokenByToken) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const AdapterRun run = DrawRun(seed);
    BatchingReplica replica(run.costs);
    for (const BatchRequest& request : run.requests) {
      replica.Submit(request);
    }
    std::map<std::int64_t, BatchOutcome> outcomes;
    replica.Finish([&](const BatchOutcome& outcome) {
      outcomes[outcome.request.id] = outcome;
    });
    std::int64_t peak = 0;
    for (const BatchOutcome& each : RunStepped(run.costs, run.requests, peak)) {
      const BatchOutcome& outcome = outcomes.at(each.request.id);
      ASSERT_EQ(outcome.refused, each.refused) << "seed " << seed;
      ASSERT_EQ(outcome.evictions, each.evictions) << "seed " << seed;
      ASSERT_NEAR(outcome.end.si(), each.end.si(), 1e-9 * (1 + each.end.si()))
          << "seed " << seed << " request " << each.request.id;
      ASSERT_NEAR(outcome.first_token.si(), each.first_token.si(), 1e-9 * (1 + each.end.si()))
          << "seed " << seed << " request " << each.request.id;
    }
    double limits = 0;
    for (const double each : replica.work().limits) {
      limits += each;
    }
    EXPECT_NEAR(limits, replica.work().busy.si(), 1e-9 * (1 + limits));
  }
}

ServeLoad AdapterLoad(int adapters, double skew) {
  ServeLoad load;
  load.requests = 400;
  load.prompt = {100, 0, 0, 1e7};
  load.output = {50, 0, 0, 1e7};
  load.adapters = {adapters, skew};
  return load;
}

// INV-10: a batch never mixes more adapters than there are slots, so one slot serves one after
// another; with a slot for each nothing is loaded twice.
TEST(ServedAdapters, AreLoadedOnceEachWhereEachHasASlot) {
  ServeLoad load = AdapterLoad(20, 0);
  load.kind = LoadKind::kConcurrency;
  load.value = 8;
  const IterationCosts roomy = SmallCosts(Chunked(512, 16), 1e5, 1e12, Adapted(16, 20));
  const ServeResult all = RunLoad(roomy, load);
  EXPECT_EQ(all.work.adapter_loads, 20);
  EXPECT_EQ(all.work.waits[static_cast<std::size_t>(Wait::kAdapter)], 0);
  const IterationCosts narrow = SmallCosts(Chunked(512, 16), 1e5, 1e12, Adapted(16, 2));
  const ServeResult two = RunLoad(narrow, load);
  EXPECT_GT(two.work.adapter_loads, 20);
  EXPECT_GT(two.work.waits[static_cast<std::size_t>(Wait::kAdapter)], 0);
  EXPECT_LE(two.work.adapter_seconds, 2 * two.work.busy.si());
  EXPECT_GT(two.duration, all.duration);
  EXPECT_EQ(two.output_tokens, all.output_tokens);
}

// Zipf: the first of 100 is asked for 100 times as often as the last with skew 1.
TEST(ServedAdapters, AreAskedForAsTheirSkewSays) {
  ServeLoad load = AdapterLoad(100, 1);
  load.requests = 200000;
  std::vector<double> counts(100, 0.0);
  for (const BatchRequest& request : RequestsOfLoad(load, 1)) {
    counts.at(static_cast<std::size_t>(request.adapter)) += 1;
  }
  double harmonic = 0;
  for (int n = 1; n <= 100; ++n) {
    harmonic += 1.0 / n;
  }
  EXPECT_NEAR(counts[0], 200000 / harmonic, 0.02 * 200000 / harmonic);
  EXPECT_NEAR(counts[9], 200000 / harmonic / 10, 0.05 * 200000 / harmonic / 10);
}

// A conversation keeps its adapter.
TEST(ServedAdapters, StayWithTheirConversation) {
  const IterationCosts costs = SmallCosts(Chunked(512, 16), 1e5, 1e12, Adapted(16, 1));
  ServeLoad load = AdapterLoad(50, 0);
  load.kind = LoadKind::kConcurrency;
  load.value = 1;
  load.requests = 10;
  load.turns = 4;
  EXPECT_LE(RunLoad(costs, load).work.adapter_loads, 10);
}

}  // namespace
}  // namespace gridlock
