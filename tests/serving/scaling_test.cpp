// Fleets that grow and shrink: what a start takes, and what follows.

#include <algorithm>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "sim/serving/routed_replicas.h"
#include "tests/serving/stepped_batching.h"
#include "workloads/decode.h"

namespace gridlock {
namespace {

TEST(Starts, TakeTheWeightsOverTheLinkAndTheEngine) {
  InferencePart part;
  part.nic_bandwidth = 50e9;
  part.host_bandwidth = 25e9;
  const Bytes weights(20e9);
  const BytesPerSecond storage(80e9);
  const auto from = [&](WeightsFrom place, std::int64_t accelerators) {
    return StartTimeOf({place, Seconds(10)}, part, weights, storage, accelerators).si();
  };
  EXPECT_DOUBLE_EQ(from(WeightsFrom::kThere, 8), 10);
  EXPECT_DOUBLE_EQ(from(WeightsFrom::kHost, 8), 10 + 0.8);
  EXPECT_DOUBLE_EQ(from(WeightsFrom::kReplica, 8), 10 + 0.4);
  // Storage is shared by all that start; NICs bind the first.
  EXPECT_DOUBLE_EQ(from(WeightsFrom::kStorage, 1), 10 + 0.4);
  EXPECT_DOUBLE_EQ(from(WeightsFrom::kStorage, 8), 10 + 2);
}

ServeLoad Surging(std::int64_t requests = 3000) {
  ServeLoad load;
  load.kind = LoadKind::kRate;
  load.value = 20;
  load.requests = requests;
  load.surge = {Seconds(20), Seconds(40), 8};
  load.prompt = {200, 0.5, 0, 1e7};
  load.output = {60, 0.5, 0, 1e7};
  return load;
}

ScaleSpec ScaledFrom(int least, double start) {
  return {least, 4, Seconds(1), Seconds(20), Seconds(start)};
}

IterationCosts ScaledCosts() {
  return SmallCosts(Chunked(512, 8), 1e5, 2e10);
}

TEST(Fleets, ThatMayNotShrinkAreThoseOfOneSize) {
  const IterationCosts costs = ScaledCosts();
  const RoutedResult fixed = RunRouted(costs, 4, Router::kLeastLoaded, Surging());
  const RoutedResult scaled =
      RunRouted(costs, 4, Router::kLeastLoaded, Surging(), ScaledFrom(4, 5));
  ASSERT_EQ(fixed.served.requests.size(), scaled.served.requests.size());
  std::map<Seconds, Seconds> times;  // by arrival: those that end together may change places
  for (const ServedRequest& each : fixed.served.requests) {
    times[each.arrival] = each.end_to_end;
  }
  for (const ServedRequest& each : scaled.served.requests) {
    EXPECT_NEAR(times.at(each.arrival).si(), each.end_to_end.si(), 1e-9);
  }
  EXPECT_EQ(scaled.starts, 0);
  EXPECT_NEAR(fixed.replica_time.si(), 4 * fixed.served.duration.si(), 1e-9);
}

// Each start is in service exactly so much later, whatever else goes on.
TEST(Fleets, HaveAStartedReplicaAfterTheTimeOfItsStart) {
  const RoutedResult result =
      RunRouted(ScaledCosts(), 8, Router::kLeastLoaded, Surging(), ScaledFrom(1, 7.25));
  ASSERT_GT(result.starts, 2);
  std::vector<std::pair<Seconds, int>> begun;
  int ready = 0, starting = 0;
  for (const ReplicaCounts& each : result.sizes) {
    EXPECT_LE(each.in_service + each.starting, 8);
    EXPECT_GE(each.in_service, 1);
    EXPECT_LE(each.time, result.served.duration);
    if (each.starting > starting) {
      begun.emplace_back(each.time, each.starting - starting);
    } else if (each.starting < starting) {
      ASSERT_FALSE(begun.empty());
      EXPECT_NEAR((each.time - begun.front().first).si(), 7.25, 1e-9);
      begun.front().second -= starting - each.starting;
      ready += starting - each.starting;
      if (begun.front().second == 0) {
        begun.erase(begun.begin());
      }
    }
    starting = each.starting;
  }
  EXPECT_LE(ready, result.starts);
}

TEST(Fleets, ServeEveryRequestAndPayForWhatIsThere) {
  const RoutedResult result =
      RunRouted(ScaledCosts(), 8, Router::kLeastLoaded, Surging(), ScaledFrom(2, 5));
  EXPECT_EQ(result.served.requests.size(), 3000U);
  EXPECT_LT(result.replica_time, result.served.duration * 8);
  EXPECT_GE(result.replica_time, result.served.duration * 2 - Seconds(1e-9));
  Seconds busy;
  for (const BatchWork& each : result.replicas) {
    busy += each.busy;
  }
  EXPECT_LE(busy, result.replica_time);
}

// A surge waits for the weights: a link ten times as fast is felt by the slowest requests.
TEST(Fleets, AreLateWhereWeightsComeSlowly) {
  const auto slowest = [](double start) {
    const RoutedResult result =
        RunRouted(ScaledCosts(), 8, Router::kLeastLoaded, Surging(), ScaledFrom(1, start));
    return QuantileOf(result.served.Values(&ServedRequest::ttft), 0.99);
  };
  EXPECT_GT(slowest(20), 1.5 * slowest(2));
}

// Replicas take 10 GB each at 5 GB/s, from a store or from each other.
RoutedResult Loading(const std::vector<double>& leaving, double core, double other) {
  ScaleSpec scale = ScaledFrom(1, 3);
  scale.weights = Bytes(10e9);
  scale.links.leaving = leaving;
  scale.links.entering.assign(8, 5e9);
  scale.links.core = core;
  scale.links.other_demand = other;
  return RunRouted(ScaledCosts(), 8, Router::kLeastLoaded, Surging(), scale);
}

TEST(Fleets, LoadWeightsOverLinksThatTheirStartsShare) {
  const RoutedResult wide = Loading({1e15}, 0, 0);
  ASSERT_GT(wide.starts, 2);
  ASSERT_EQ(wide.loads.size(), static_cast<std::size_t>(wide.starts));
  for (const Seconds each : wide.loads) {
    EXPECT_NEAR(each.si(), 2, 1e-9) << "their own links bind";
  }
  const RoutedResult narrow = Loading({5e9}, 0, 0);
  ASSERT_EQ(narrow.loads.size(), static_cast<std::size_t>(narrow.starts));
  Seconds sum, longest;
  for (const Seconds each : narrow.loads) {
    EXPECT_GE(each.si(), 2 - 1e-9);
    sum += each;
    longest = std::max(longest, each);
  }
  EXPECT_GT(longest.si(), 4 - 1e-9) << "several at once share the store";
  EXPECT_GT(QuantileOf(narrow.served.Values(&ServedRequest::ttft), 0.99),
            QuantileOf(wide.served.Values(&ServedRequest::ttft), 0.99));
  // One replica serves at first, and all that start read from it.
  const RoutedResult others = Loading(std::vector<double>(8, 5e9), 0, 0);
  EXPECT_GT(QuantileOf(others.loads, 1).si(), 4 - 1e-9);
  EXPECT_EQ(others.served.requests.size(), 3000U);
}

TEST(Fleets, ThatLoadWeightsShareTheFabricWithOthers) {
  const RoutedResult alone = Loading({1e15}, 1e15, 0);
  const RoutedResult beside = Loading({1e15}, 6e9, 6e9);
  EXPECT_NEAR(QuantileOf(alone.loads, 1).si(), 2, 1e-9);
  EXPECT_GT(QuantileOf(beside.loads, 1e-9).si(), 10.0 / 3 - 1e-9) << "half of 6 GB/s at best";
  EXPECT_LT(beside.other_share, 1);
  EXPECT_GT(beside.other_share, 0);
}

TEST(Autoscalers, GrowAtOnceAndShrinkToTheMostOfLately) {
  Autoscaler scaler(ScaledFrom(1, 0), 10);
  EXPECT_EQ(scaler.Decide(Seconds(0), 17, 1), 5);
  EXPECT_EQ(scaler.Decide(Seconds(10), 2, 5), 5);
  EXPECT_EQ(scaler.Decide(Seconds(20), 9, 5), 5);
  EXPECT_EQ(scaler.Decide(Seconds(21), 2, 5), 3);
  EXPECT_EQ(scaler.Decide(Seconds(50), 0, 3), 1);
  EXPECT_EQ(scaler.Decide(Seconds(51), 1000, 1), 10);
}

ServeLoad WithImages(int images, int encoders, double time, double transfer) {
  ServeLoad load;
  load.kind = LoadKind::kListed;
  load.listed = {
      {Seconds(0), 50, 3, 0, {}}, {Seconds(0.01), 50, 3, 0, {}}, {Seconds(0.02), 50, 3, 0, {}}};
  load.encode = {images, 30, Seconds(time), encoders, Seconds(transfer)};
  return load;
}

// One encoder, requests that come faster than it works: the k-th waits for those before it.
TEST(Encoders, TakeImagesInTurnBeforePrefill) {
  const IterationCosts costs = ScaledCosts();
  const RoutedResult result =
      RunRouted(costs, 1, Router::kLeastLoaded, WithImages(2, 1, 0.1, 0.005));
  const double pairs = 110 * 111 / 2.0;
  const double prefill = (costs.Base(110, 1, 1) + costs.PerPair() * pairs).si();
  ASSERT_EQ(result.encoding.size(), 3U);
  for (int k = 0; k < 3; ++k) {
    const auto i = static_cast<std::size_t>(k);
    EXPECT_NEAR(result.encoding[i].si(), 0.2 * (k + 1) - 0.01 * k + 0.01, 1e-12);
    EXPECT_NEAR(result.served.requests[i].ttft.si(), result.encoding[i].si() + prefill, 1e-12);
    EXPECT_EQ(result.served.requests[i].prompt_tokens, 110);
  }
  EXPECT_NEAR(result.encoder_busy.si(), 0.6, 1e-12);
}

TEST(Encoders, ShareTheImagesOfARequest) {
  const RoutedResult two =
      RunRouted(ScaledCosts(), 1, Router::kLeastLoaded, WithImages(4, 2, 0.1, 0));
  EXPECT_NEAR(two.encoding[0].si(), 0.2, 1e-12);
  const RoutedResult many =
      RunRouted(ScaledCosts(), 1, Router::kLeastLoaded, WithImages(4, 100, 0.1, 0));
  EXPECT_NEAR(many.encoding[2].si(), 0.1, 1e-12);
}

// Without a pool the replica does nothing else meanwhile.
TEST(Encoders, OnTheReplicaHoldUpItsPrompt) {
  const IterationCosts costs = ScaledCosts();
  ServeLoad load = WithImages(2, 0, 0.1, 0);
  load.listed.resize(1);
  const ServeResult result = RunLoad(costs, load);
  const double pairs = 110 * 111 / 2.0;
  const double prefill = (costs.Base(110, 1, 1) + costs.PerPair() * pairs).si();
  EXPECT_NEAR(result.requests[0].ttft.si(), 0.2 + prefill, 1e-12);
}

}  // namespace
}  // namespace gridlock
