// Requests that follow from others, and arrivals that come in bursts.

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "sim/serving/load_source.h"
#include "sim/serving/pools.h"
#include "sim/serving/routed_replicas.h"
#include "tests/serving/stepped_batching.h"

namespace gridlock {
namespace {

InferenceEngine ChunkedEngine() {
  InferenceEngine engine;
  engine.batching = Batching::kChunked;
  engine.token_budget = 2048;
  engine.batch_max = 64;
  engine.request_overhead = 0;
  return engine;
}

ServeLoad Conversing(double turns, std::int64_t answers, std::int64_t conversations = 400) {
  ServeLoad load;
  load.kind = LoadKind::kRate;
  load.value = 5;
  load.requests = conversations;
  load.prompt.mean = 200;
  load.output.mean = 40;
  load.turns = turns;
  load.answers = answers;
  load.pause = Seconds(0.5);
  return load;
}

// INV-9.
TEST(Conversations, AskAgainAfterAllAnswersAreThereWithAllThatWasSaid) {
  ServeLoad load = Conversing(4, 3, 50);
  LoadSource source(load, 1);
  const std::vector<BatchRequest> first = source.Begin();
  ASSERT_EQ(first.size(), 150U);
  std::int64_t followed = 0;
  for (std::size_t c = 0; c < 50; ++c) {
    EXPECT_TRUE(source.After(first[3 * c].id, Seconds(100)).empty());
    EXPECT_TRUE(source.After(first[3 * c + 2].id, Seconds(101)).empty());
    const std::vector<BatchRequest> next = source.After(first[3 * c + 1].id, Seconds(102));
    if (next.empty()) {
      continue;
    }
    ++followed;
    ASSERT_EQ(next.size(), 3U);
    EXPECT_GE(next[0].arrival, Seconds(102));
    EXPECT_EQ(next[0].prompt_tokens, 200 + 40 + 200);
    EXPECT_EQ(next[1].prompt_tokens, next[0].prompt_tokens);
  }
  EXPECT_NEAR(static_cast<double>(followed) / 50, 0.75, 0.2) << "a mean of four turns";
}

TEST(Conversations, HaveTheirMeanTurnsAndTheSameRequestsInAllRuns) {
  const IterationCosts costs = SmallCosts(ChunkedEngine(), 1e6);
  const ServeLoad load = Conversing(5, 2);
  const ServeResult one = RunLoad(costs, load);
  EXPECT_NEAR(static_cast<double>(one.requests.size()), 400 * 5 * 2, 0.12 * 400 * 5 * 2);
  const ServeResult fleet = RunRouted(costs, 3, Router::kLeastLoaded, load).served;
  KvLinks links;
  links.leaving.assign(1, 1e12);
  links.entering.assign(2, 1e12);
  const ServeResult pools = RunPools({&costs, &costs, links, Router::kLeastLoaded}, load).served;
  EXPECT_EQ(fleet.requests.size(), one.requests.size());
  EXPECT_EQ(pools.requests.size(), one.requests.size());
  EXPECT_EQ(fleet.prompt_tokens, one.prompt_tokens);
  EXPECT_EQ(pools.prompt_tokens, one.prompt_tokens);
  EXPECT_EQ(pools.output_tokens, one.output_tokens);
}

TEST(Conversations, AreNotPrefilledAgainWhereTheirBeginningsStay) {
  const IterationCosts costs = SmallCosts(ChunkedEngine(), 1e7);
  ServeLoad load = Conversing(6, 4, 100);
  const std::int64_t whole = RunLoad(costs, load).work.prompt_tokens;
  load.prefixes.use = true;
  load.prefixes.block = 16;
  const ServeResult kept = RunLoad(costs, load);
  // Of each turn the new prompt, the last answer, and what blocks leave over; siblings that are
  // admitted together prefill together.
  EXPECT_LT(kept.work.prompt_tokens, 0.6 * static_cast<double>(whole));
  EXPECT_GT(kept.prefixes.hbm, kept.prefixes.blocks / 3);
}

double VariationOf(double burstiness) {
  ServeLoad load = Conversing(1, 1, 40000);
  load.burstiness = burstiness;
  const std::vector<BatchRequest> requests = RequestsOfLoad(load, 1);
  double sum = 0, squares = 0;
  for (std::size_t i = 1; i < requests.size(); ++i) {
    const double gap = (requests[i].arrival - requests[i - 1].arrival).si();
    sum += gap;
    squares += gap * gap;
  }
  const double n = static_cast<double>(requests.size() - 1), mean = sum / n;
  EXPECT_NEAR(mean, 1.0 / 5, 0.03 / 5 * std::max(1.0, 1 / std::sqrt(burstiness)));
  return std::sqrt(squares / n - mean * mean) / mean;
}

TEST(Arrivals, VaryAsTheirGammaDistributionSays) {
  for (const double shape : {0.25, 1.0, 4.0}) {
    EXPECT_NEAR(VariationOf(shape), 1 / std::sqrt(shape), 0.05 / std::sqrt(shape)) << shape;
  }
}

TEST(Arrivals, ComeFasterInAFlashCrowd) {
  ServeLoad load = Conversing(1, 1, 20000);
  load.surge = {Seconds(600), Seconds(200), 4};
  std::map<bool, double> counts;
  Seconds last;
  for (const BatchRequest& request : RequestsOfLoad(load, 1)) {
    ++counts[request.arrival >= Seconds(600) && request.arrival < Seconds(800)];
    last = request.arrival;
  }
  EXPECT_NEAR(counts[true], 200 * 5 * 4, 4 * std::sqrt(200 * 5 * 4.0));
  EXPECT_NEAR(counts[false], (last.si() - 200) * 5, 4 * std::sqrt(last.si() * 5));
}

}  // namespace
}  // namespace gridlock
