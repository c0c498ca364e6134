// Pools of prefill and decode replicas: closed forms of single requests and shared links, and the
// same engine stepped token by token on both sides.

#include "sim/serving/pools.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"
#include "tests/serving/stepped_batching.h"

namespace gridlock {
namespace {

ServeLoad Listed(const std::vector<ServeRequest>& requests) {
  ServeLoad load;
  load.kind = LoadKind::kListed;
  load.listed = requests;
  return load;
}

KvLinks PoolLinks(std::size_t prefill, std::size_t decode, double rate) {
  KvLinks links;
  links.leaving.assign(prefill, rate);
  links.entering.assign(decode, rate);
  return links;
}

TEST(KvNetwork, TwoFlowsOfOneReplicaHalveItsLink) {
  KvNetwork network(PoolLinks(1, 2, 1e9));
  network.Start(Seconds(0), 0, 0, 0, Bytes(1e9));
  EXPECT_NEAR(network.NextEnd().si(), 1, 1e-9);
  network.AdvanceTo(Seconds(0.5));
  network.Start(Seconds(0.5), 1, 0, 1, Bytes(1e9));
  EXPECT_NEAR(network.NextEnd().si(), 1.5, 1e-9);
  const std::vector<KvNetwork::Ended> first = network.AdvanceTo(network.NextEnd());
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].id, 0);
  EXPECT_NEAR(network.NextEnd().si(), 2, 1e-9);
  network.AdvanceTo(network.NextEnd());
  EXPECT_NEAR(network.moved().si(), 2e9, 1);
}

// One flow is bound by its own link of 4; the core of 10 leaves 6 to the other.
TEST(KvNetwork, RatesAreMaxMinFair) {
  KvLinks links;
  links.leaving = {4, 100};
  links.entering = {100, 100};
  links.core = 10;
  KvNetwork network(links);
  network.Start(Seconds(0), 0, 0, 0, Bytes(8));
  network.Start(Seconds(0), 1, 1, 1, Bytes(60));
  EXPECT_NEAR(network.NextEnd().si(), 2, 1e-12);  // 8 at 4
  network.AdvanceTo(network.NextEnd());
  EXPECT_NEAR(network.NextEnd().si(), 2 + (60 - 12) / 10.0, 1e-12);
}

TEST(KvNetwork, OtherTrafficAndCachesSlowEachOther) {
  KvLinks links = PoolLinks(1, 1, 100);
  links.core = 10;
  links.other_demand = 8;
  KvNetwork network(links);
  network.Start(Seconds(0), 0, 0, 0, Bytes(50));
  EXPECT_NEAR(network.NextEnd().si(), 10, 1e-9);  // at 5, not at 10
  network.AdvanceTo(network.NextEnd());
  EXPECT_NEAR(network.OtherShare(), 5.0 / 8, 1e-9);
  network.AdvanceTo(Seconds(20));
  EXPECT_NEAR(network.OtherShare(), (5.0 + 8) / 16, 1e-9);
}

TEST(Pools, OneRequestTakesPrefillTransferAndDecode) {
  const IterationCosts costs = SmallCosts(Chunked(512, 16), 1e5);
  PoolSpec spec{&costs, &costs, PoolLinks(1, 1, 1e6), Router::kLeastLoaded};
  spec.links.latency = Seconds(3e-3);
  const PoolResult result = RunPools(spec, Listed({{Seconds(1), 100, 11, 0, {}}}));
  ASSERT_EQ(result.served.requests.size(), 1U);
  const ServedRequest& one = result.served.requests[0];
  const double prefill = (costs.Base(100, 1, 1) + costs.PerPair() * (0.5 * 100 * 101)).si();
  const double bytes = costs.CacheBytesOf(100).si();
  EXPECT_NEAR(bytes, 100 * 2 * 2 * 64 * 2 * 4, 1e-6);  // keys and values of 2 heads in 4 layers
  const double decode = (costs.Base(1, 1, 1) * 10 + costs.PerRead(1) * (10 * 101 + 45)).si();
  EXPECT_NEAR(one.ttft.si(), prefill, 1e-9);
  EXPECT_NEAR(result.transfers[0].si(), bytes / 1e6 + 3e-3, 1e-9);
  EXPECT_NEAR(one.end_to_end.si(), prefill + bytes / 1e6 + 3e-3 + decode, 1e-9);
}

// INV-6, and times to 1e-9: behind links that never bind, both pools are replicas by themselves.
TEST(Pools, EqualsTheTokenSteppedReplicasBehindFastLinks) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed, "pools");
    InferenceEngine engine = Chunked(512, 16);
    engine.batch_max = 2 + static_cast<std::int64_t>(random.Below(12));
    const IterationCosts costs = SmallCosts(engine, 3000);
    std::vector<ServeRequest> requests;
    double clock = 0;
    for (int i = 0; i < 50; ++i) {
      clock += random.Exponential(0.004);
      requests.push_back({Seconds(clock),
                          1 + static_cast<std::int64_t>(random.LogNormal(4, 1)),
                          2 + static_cast<std::int64_t>(random.LogNormal(3, 1)),
                          0,
                          {}});
    }
    std::vector<BatchRequest> first, second;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      first.push_back({.id = static_cast<std::int64_t>(i),
                       .arrival = requests[i].arrival,
                       .prompt_tokens = requests[i].prompt_tokens,
                       .encode = {}});
    }
    std::int64_t peak = 0;
    const std::vector<BatchOutcome> prefilled = RunStepped(costs, first, peak);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      second.push_back({.id = static_cast<std::int64_t>(i),
                        .arrival = prefilled[i].end,
                        .prompt_tokens = requests[i].prompt_tokens,
                        .output_tokens = requests[i].output_tokens,
                        .prefilled = true,
                        .encode = {}});
    }
    const std::vector<BatchOutcome> decoded = RunStepped(costs, second, peak);
    const PoolResult result =
        RunPools({&costs, &costs, PoolLinks(1, 1, 1e30), Router::kRoundRobin}, Listed(requests));
    ASSERT_EQ(result.served.requests.size(), requests.size());
    std::map<double, double> ends;
    for (const ServedRequest& each : result.served.requests) {
      ends[each.arrival.si()] = (each.arrival + each.end_to_end).si();
      EXPECT_GE(each.end_to_end, each.ttft);
    }
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_NEAR(ends[requests[i].arrival.si()], decoded[i].end.si(), 1e-9)
          << "seed " << seed << ", request " << i;
    }
  }
}

// INV-5: without evictions each token of a prompt is prefilled once, and its cache moves once.
TEST(Pools, TokensAreConservedInAClosedLoop) {
  const IterationCosts costs = SmallCosts(Chunked(512, 16), 1e6);
  ServeLoad load;
  load.kind = LoadKind::kConcurrency;
  load.value = 24;
  load.requests = 300;
  load.prompt.mean = 200;
  load.output.mean = 40;
  for (const Router router : {Router::kRoundRobin, Router::kLeastLoaded}) {
    const PoolResult result = RunPools({&costs, &costs, PoolLinks(2, 3, 1e8), router}, load);
    EXPECT_EQ(result.served.requests.size(), 300U);
    EXPECT_EQ(result.prefill_work.prompt_tokens, 300 * 200);
    EXPECT_EQ(result.served.output_tokens, 300 * 40);
    EXPECT_NEAR(result.moved.si(), 300 * costs.CacheBytesOf(200).si(), 1e-3 * 300);
    EXPECT_EQ(result.transfers.size(), 300U);
  }
}

TEST(Pools, AFasterFabricNeverDelaysOneRequestAtATime) {
  const IterationCosts costs = SmallCosts(Chunked(512, 16), 1e6);
  ServeLoad load;
  load.kind = LoadKind::kConcurrency;
  load.value = 1;
  load.requests = 20;
  load.prompt.mean = 300;
  load.output.mean = 30;
  double before = HUGE_VAL;
  for (double rate = 1e6; rate < 1e11; rate *= 4) {
    const PoolResult result =
        RunPools({&costs, &costs, PoolLinks(1, 1, rate), Router::kRoundRobin}, load);
    EXPECT_LT(result.served.duration.si(), before);
    before = result.served.duration.si();
  }
}

}  // namespace
}  // namespace gridlock
