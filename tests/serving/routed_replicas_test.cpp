// Replicas behind a router: each replica as it would be alone, closed forms of who gets what, and a
// store that replicas share.

#include "sim/serving/routed_replicas.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"
#include "sim/serving/pools.h"
#include "tests/serving/stepped_batching.h"

namespace gridlock {
namespace {

PrefixSpec Kept(std::int64_t store_tokens = 0, double store_rate = 1e9) {
  PrefixSpec spec;
  spec.use = true;
  spec.block = kBlock;
  spec.host_rate = BytesPerSecond(1e9);
  spec.store_tokens = store_tokens;
  spec.store_rate = BytesPerSecond(store_rate);
  return spec;
}

// Talks of many turns, whose prompts begin alike.
ServeLoad Talks(std::uint64_t seed, double gap, int requests) {
  Random random(seed, "fleet");
  ServeLoad load;
  load.kind = LoadKind::kListed;
  load.prefixes = Kept();
  double clock = 0;
  for (int i = 0; i < requests; ++i) {
    clock += random.Exponential(gap);
    std::vector<std::int64_t> blocks;
    const auto talk = static_cast<std::int64_t>(random.Below(9));
    for (std::int64_t k = 0; k <= static_cast<std::int64_t>(random.Below(8)); ++k) {
      blocks.push_back(100 * talk + k);
    }
    const auto tokens = static_cast<std::int64_t>(blocks.size()) * kBlock +
                        static_cast<std::int64_t>(random.Below(kBlock));
    load.listed.push_back(
        {Seconds(clock), tokens, 1 + static_cast<std::int64_t>(random.Below(30)), 0, blocks});
  }
  return load;
}

std::vector<double> Ends(const ServeResult& result) {
  std::vector<double> ends;
  for (const ServedRequest& each : result.requests) {
    ends.push_back((each.arrival + each.end_to_end).si());
  }
  std::sort(ends.begin(), ends.end());
  return ends;
}

// Dealt in turn, each replica serves what it would serve alone.
TEST(Fleet, InTurnIsAsManyReplicasByThemselves) {
  for (const double cache : {900.0, 1e5}) {
    const IterationCosts costs = SmallCosts(Chunked(64, 8), cache);
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      const ServeLoad load = Talks(seed, 0.002, 90);
      constexpr int kReplicas = 3;
      const RoutedResult fleet = RunRouted(costs, kReplicas, Router::kRoundRobin, load);
      std::vector<double> ends;
      std::int64_t hits = 0;
      for (std::size_t i = 0; i < kReplicas; ++i) {
        ServeLoad part = load;
        part.listed.clear();
        for (std::size_t k = i; k < load.listed.size(); k += kReplicas) {
          part.listed.push_back(load.listed[k]);
        }
        const ServeResult alone = RunLoad(costs, part);
        const std::vector<double> more = Ends(alone);
        ends.insert(ends.end(), more.begin(), more.end());
        hits += alone.prefixes.hbm;
        EXPECT_NEAR(fleet.replicas[i].busy.si(), alone.work.busy.si(), 1e-9);
      }
      std::sort(ends.begin(), ends.end());
      const std::vector<double> together = Ends(fleet.served);
      ASSERT_EQ(together.size(), ends.size());
      for (std::size_t i = 0; i < ends.size(); ++i) {
        EXPECT_NEAR(together[i], ends[i], 1e-9) << seed;
      }
      EXPECT_EQ(fleet.served.prefixes.hbm, hits);
    }
  }
}

// Two prompts of four blocks and a token, each asked twice in a row, far apart: in turn both
// replicas prefill both whole; a router that knows where beginnings lie prefills each once.
TEST(Fleet, PrefixAwareRoutingPrefillsEachPromptOnce) {
  const IterationCosts costs = SmallCosts(Chunked(64, 8), 1e5);
  ServeLoad load;
  load.kind = LoadKind::kListed;
  load.prefixes = Kept();
  for (int i = 0; i < 8; ++i) {
    const std::int64_t first = i / 2 % 2 == 0 ? 100 : 200;
    load.listed.push_back(
        {Seconds(1000.0 * i), 4 * kBlock + 1, 2, 0, {first, first + 1, first + 2, first + 3}});
  }
  const RoutedResult dealt = RunRouted(costs, 2, Router::kRoundRobin, load);
  const RoutedResult aware = RunRouted(costs, 2, Router::kPrefixAware, load);
  // What is left of a prompt that lies there is its last token.
  EXPECT_EQ(dealt.served.work.prompt_tokens, 4 * (4 * kBlock + 1) + 4);
  EXPECT_EQ(aware.served.work.prompt_tokens, 2 * (4 * kBlock + 1) + 6);
  EXPECT_EQ(dealt.served.prefixes.hbm, 4 * 4);
  EXPECT_EQ(aware.served.prefixes.hbm, 6 * 4);
}

// Under load it does not send all to one: a replica with many tokens to do is passed over.
TEST(Fleet, PrefixAwareRoutingKeepsBalance) {
  const IterationCosts costs = SmallCosts(Chunked(64, 8), 1e5);
  ServeLoad load = Talks(3, 1e-4, 200);
  const RoutedResult aware = RunRouted(costs, 2, Router::kPrefixAware, load);
  const RoutedResult dealt = RunRouted(costs, 2, Router::kRoundRobin, load);
  const double busy = aware.replicas[0].busy / aware.replicas[1].busy;
  EXPECT_GT(busy, 0.8);
  EXPECT_LT(busy, 1.25);
  EXPECT_GT(aware.served.prefixes.hbm, dealt.served.prefixes.hbm);
}

// INV-1 for all of them, whoever routes.
TEST(Fleet, ServesEveryTokenOnce) {
  for (const Router router : {Router::kRoundRobin, Router::kLeastLoaded, Router::kPrefixAware}) {
    ServeLoad load = Talks(7, 0.003, 120);
    const RoutedResult result = RunRouted(SmallCosts(Chunked(64, 8), 1e5), 4, router, load);
    ASSERT_EQ(result.served.requests.size(), load.listed.size());
    std::int64_t prompts = 0, answers = 0;
    for (const ServeRequest& each : load.listed) {
      prompts += each.prompt_tokens;
      answers += each.output_tokens;
    }
    EXPECT_EQ(result.served.prompt_tokens, prompts);
    EXPECT_EQ(result.served.output_tokens, answers);
    EXPECT_EQ(result.served.work.output_tokens, answers);
    EXPECT_EQ(result.served.work.prompt_tokens + result.served.prefixes.hbm * kBlock, prompts);
  }
}

// The second replica takes from the store what the first has prefilled.
TEST(PrefixStore, GivesAnotherReplicaWhatOneHasPrefilled) {
  const IterationCosts costs = SmallCosts(Chunked(64, 8), 1e5);
  const double rate = 1e6;
  ServeLoad load;
  load.kind = LoadKind::kListed;
  load.prefixes = Kept(100 * kBlock, rate);
  for (const double arrival : {0.0, 1000.0}) {
    load.listed.push_back({Seconds(arrival), 4 * kBlock + 5, 8, 0, {1, 2, 3, 4}});
  }
  const RoutedResult result = RunRouted(costs, 2, Router::kRoundRobin, load);
  EXPECT_EQ(result.served.prefixes.store, 4);
  EXPECT_EQ(result.served.prefixes.hbm, 0);
  const double pairs = 5.0 * 4 * kBlock + 0.5 * 5 * 6;
  const double load_time = costs.CacheBytesOf(4 * kBlock).si() / rate;
  EXPECT_NEAR(result.served.requests[1].ttft.si(),
              load_time + (costs.Base(5, 1, 1) + costs.PerPair() * pairs).si(), 1e-9);
}

TEST(PrefixStore, GivesUpTheLeastRecentlyUsed) {
  PrefixStore store(2);
  store.Add(1);
  store.Add(2);
  EXPECT_TRUE(store.Touch(1));
  store.Add(3);
  EXPECT_FALSE(store.Touch(2));
  EXPECT_TRUE(store.Touch(1));
  EXPECT_TRUE(store.Touch(3));
  EXPECT_EQ(store.blocks(), 2);
}

// A prefill replica that has the beginning prefills the rest; the whole cache moves twice.
TEST(Pools, KeepBeginningsWherePromptsArePrefilled) {
  const IterationCosts costs = SmallCosts(Chunked(64, 8), 1e5);
  ServeLoad load;
  load.kind = LoadKind::kListed;
  load.prefixes = Kept();
  for (const double arrival : {0.0, 1000.0}) {
    load.listed.push_back({Seconds(arrival), 4 * kBlock + 5, 8, 0, {1, 2, 3, 4}});
  }
  PoolSpec spec{&costs, &costs, {}, Router::kPrefixAware};
  spec.links.leaving = {1e6, 1e6};
  spec.links.entering = {1e6};
  const PoolResult result = RunPools(spec, load);
  EXPECT_EQ(result.served.prefixes.hbm, 4);
  EXPECT_EQ(result.prefill_work.prompt_tokens, 4 * kBlock + 5 + 5);
  const double pairs = 5.0 * 4 * kBlock + 0.5 * 5 * 6;
  EXPECT_NEAR(result.served.requests[1].ttft.si(),
              (costs.Base(5, 1, 1) + costs.PerPair() * pairs).si(), 1e-9);
  EXPECT_NEAR(result.moved.si(), 2 * costs.CacheBytesOf(4 * kBlock + 5).si(), 1e-6);
}

}  // namespace
}  // namespace gridlock
