// Beginnings of prompts that stay in the room that running sequences leave, and behind it in the
// host: what is given up first, what a load from the host takes, and what never holds too much.

#include "sim/serving/prefix_cache.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"
#include "sim/serving/serve_run.h"
#include "tests/serving/stepped_batching.h"

namespace gridlock {
namespace {

PrefixSpec Spec(std::int64_t hbm_tokens, std::int64_t host_tokens = 0, double rate = 1e9) {
  PrefixSpec spec;
  spec.use = true;
  spec.block = kBlock;
  spec.hbm_tokens = hbm_tokens;
  spec.host_tokens = host_tokens;
  spec.host_rate = BytesPerSecond(rate);
  return spec;
}

using Blocks = std::vector<std::int64_t>;

void PassThrough(PrefixCache& cache, const Blocks& blocks, std::int64_t tokens) {
  const PrefixCache::Found found = cache.Take(blocks, 1000);
  cache.Fill(blocks, found.hbm + found.host);
  cache.Release(blocks, static_cast<std::int64_t>(blocks.size()));
  cache.Fit(tokens);
}

TEST(PrefixCache, GivesUpTheTailOfTheLeastRecentPromptFirst) {
  PrefixCache cache(Spec(-1));
  PassThrough(cache, {1, 2, 3}, 100 * kBlock);
  PassThrough(cache, {7, 8}, 4 * kBlock);  // five blocks, room for four
  const PrefixCache::Found first = cache.Take({1, 2, 3}, 1000);
  EXPECT_EQ(first.hbm, 2);
  cache.Release({1, 2, 3}, 2);
  const PrefixCache::Found second = cache.Take({7, 8}, 1000);
  EXPECT_EQ(second.hbm, 2);
}

TEST(PrefixCache, KeepsBlocksThatAreInUse) {
  PrefixCache cache(Spec(-1));
  cache.Fill({1, 2, 3}, 0);
  cache.Fit(0);
  EXPECT_EQ(cache.Take({1, 2, 3}, 1000).hbm, 3);
  EXPECT_EQ(cache.idle_tokens(), 0);
}

TEST(PrefixCache, MovesWhatLeavesHbmToTheHostAndGivesUpTheRest) {
  PrefixCache cache(Spec(-1, 2 * kBlock));
  PassThrough(cache, {1, 2, 3, 4}, kBlock);  // 4 and 3 and 2 leave; the host holds two
  EXPECT_EQ(cache.idle_tokens(), kBlock);
  EXPECT_EQ(cache.host_tokens(), 2 * kBlock);
  const PrefixCache::Found found = cache.Take({1, 2, 3, 4}, 1000);
  EXPECT_EQ(found.hbm, 1);
  EXPECT_EQ(found.host, 2);
}

TEST(PrefixCache, NeverTakesMoreThanItIsAskedFor) {
  PrefixCache cache(Spec(-1));
  PassThrough(cache, {1, 2, 3}, 100 * kBlock);
  EXPECT_EQ(cache.Take({1, 2, 3}, 2).hbm, 2);
}

// The same prompt of four blocks twice, the second time alone.
ServeLoad Twice(const PrefixSpec& spec) {
  ServeLoad load;
  load.kind = LoadKind::kListed;
  load.prefixes = spec;
  for (const double arrival : {0.0, 1000.0}) {
    load.listed.push_back({Seconds(arrival), 4 * kBlock + 5, 8, 0, {1, 2, 3, 4, 5}});
  }
  return load;
}

TEST(PrefixesOfAReplica, AreNotPrefilledAgain) {
  const IterationCosts costs = SmallCosts(Chunked(64, 8), 1e5);
  const ServeResult result = RunLoad(costs, Twice(Spec(-1)));
  ASSERT_EQ(result.requests.size(), 2U);
  EXPECT_EQ(result.prefixes.hbm, 4);
  EXPECT_EQ(result.prefixes.blocks, 10);
  // Five tokens are left, which see all those before them.
  const double pairs = 5.0 * 4 * kBlock + 0.5 * 5 * 6;
  EXPECT_NEAR(result.requests[1].ttft.si(), (costs.Base(5, 1, 1) + costs.PerPair() * pairs).si(),
              1e-12);
  EXPECT_LT(result.requests[1].ttft, result.requests[0].ttft);
}

TEST(PrefixesOfAReplica, TakeTheTimeOfTheHostsLinkToComeBack) {
  const IterationCosts costs = SmallCosts(Chunked(64, 8), 1e5);
  const double rate = 1e6;
  const ServeResult near = RunLoad(costs, Twice(Spec(-1)));
  // No room in HBM at all: every block comes from the host.
  const ServeResult far = RunLoad(costs, Twice(Spec(0, 1000 * kBlock, rate)));
  EXPECT_EQ(far.prefixes.host, 4);
  const double load = costs.CacheBytesOf(4 * kBlock).si() / rate;
  EXPECT_NEAR((far.requests[1].ttft - near.requests[1].ttft).si(), load, 1e-9);
  EXPECT_NEAR(far.prefixes.loading.si(), load, 1e-12);
}

// INV-7, and the engine's own invariants, with few tokens of room and many prompts that share
// heads.
TEST(PrefixesOfAReplica, TakeOnlyTheRoomThatSequencesLeave) {
  const IterationCosts costs = SmallCosts(Chunked(64, 8), 1200);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed, "prefix");
    std::vector<Blocks> prompts;
    for (int i = 0; i < 80; ++i) {
      Blocks blocks = {static_cast<std::int64_t>(random.Below(4))};
      const auto more = static_cast<std::int64_t>(random.Below(12));
      for (std::int64_t k = 0; k < more; ++k) {
        blocks.push_back(100 * (blocks[0] + 1) + k + (random.Below(5) == 0 ? 1000 * i : 0));
      }
      prompts.push_back(blocks);
    }
    BatchingReplica replica(costs);
    replica.KeepPrefixes(Spec(-1, 20 * kBlock, 1e7));
    double clock = 0;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      clock += random.Exponential(0.003);
      BatchRequest request;
      request.id = static_cast<std::int64_t>(i);
      request.arrival = Seconds(clock);
      request.prompt_tokens = static_cast<std::int64_t>(prompts[i].size()) * kBlock;
      request.output_tokens = 1 + static_cast<std::int64_t>(random.Below(60));
      request.blocks = &prompts[i];
      replica.Submit(request);
    }
    std::size_t ended = 0;
    while (replica.StepOnce(Seconds(HUGE_VAL), [&](const BatchOutcome& outcome) {
      EXPECT_FALSE(outcome.refused);
      ++ended;
    })) {
      EXPECT_LE(replica.held() + replica.prefixes()->idle_tokens(), costs.cache_tokens());
      EXPECT_LE(replica.held(), costs.cache_tokens());
      EXPECT_LE(replica.prefixes()->host_tokens(), 20 * kBlock);
    }
    EXPECT_EQ(ended, prompts.size()) << seed;
  }
}

// INV-8, one request at a time.
TEST(PrefixesOfAReplica, AreHitMoreOftenWithMoreRoom) {
  const IterationCosts costs = SmallCosts(Chunked(64, 8), 1e6);
  std::int64_t before = -1;
  for (const std::int64_t room : {0, 8, 16, 32, 64, 128}) {
    Random random(5, "hits");
    ServeLoad load;
    load.kind = LoadKind::kListed;
    load.prefixes = Spec(room * kBlock);
    for (int i = 0; i < 200; ++i) {
      Blocks blocks;
      const auto talk = static_cast<std::int64_t>(random.Below(12));
      for (std::int64_t k = 0; k <= static_cast<std::int64_t>(random.Below(8)); ++k) {
        blocks.push_back(100 * talk + k);
      }
      const auto tokens = static_cast<std::int64_t>(blocks.size()) * kBlock + 1;
      load.listed.push_back({Seconds(100.0 * i), tokens, 4, 0, blocks});
    }
    const std::int64_t hits = RunLoad(costs, load).prefixes.hbm;
    EXPECT_GE(hits, before) << room;
    before = hits;
  }
  EXPECT_GT(before, 0);
}

}  // namespace
}  // namespace gridlock
