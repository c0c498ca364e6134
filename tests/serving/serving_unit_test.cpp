// What stands behind a fleet: a replica, or pools, with requests that come as time goes on, costs
// that change and units that fail.

#include "sim/serving/serving_unit.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"
#include "tests/serving/stepped_batching.h"

namespace gridlock {
namespace {

FleetCosts CostsOfEngine(Batching batching, double cache, double bandwidth = 1e12) {
  InferenceEngine engine;
  engine.batching = batching;
  engine.token_budget = 512;
  engine.batch_max = 16;
  engine.request_overhead = 0;
  FleetCosts costs{SmallCosts(engine, cache, bandwidth), std::nullopt, {}, {}};
  costs.prefill = costs.decode;
  return costs;
}

ServingSpec FleetSpec(int prefill = 0, int decode = 1) {
  ServingSpec fleet;
  fleet.prefill_replicas = prefill;
  fleet.decode_replicas = decode;
  fleet.groups = {{"chat", 1, {100, 200, 1000}, {10, 20, 100}}};
  return fleet;
}

KvLinks Links(int prefill, int decode, double rate) {
  KvLinks links;
  links.leaving.assign(static_cast<std::size_t>(prefill), rate);
  links.entering.assign(static_cast<std::size_t>(decode), rate);
  return links;
}

std::vector<Request> DrawnRequests(int count, double gap) {
  Random random(7, "unit");
  std::vector<Request> requests;
  double clock = 0;
  for (int i = 0; i < count; ++i) {
    clock += random.Exponential(gap);
    requests.push_back({Seconds(clock), 0, 0, 1 + static_cast<std::int64_t>(random.Below(400)),
                        1 + static_cast<std::int64_t>(random.Below(60))});
  }
  return requests;
}

// Submits up to each look, as the life of a cluster does.
std::vector<CompletedRequest> Serve(ServingUnit& unit, const std::vector<Request>& requests,
                                    double step, double horizon) {
  std::vector<CompletedRequest> done;
  std::size_t next = 0;
  for (double until = step; until <= horizon; until += step) {
    while (next < requests.size() && requests[next].arrival.si() <= until) {
      unit.Submit(requests[next++]);
    }
    unit.AdvanceTo(Seconds(until), [&](const CompletedRequest& each) {
      done.push_back(each);
    });
  }
  std::sort(done.begin(), done.end(), [](const CompletedRequest& a, const CompletedRequest& b) {
    return a.arrival < b.arrival;
  });
  return done;
}

TEST(ServingUnit, DoesTheSameHoweverOftenItIsAsked) {
  for (const bool pools : {false, true}) {
    const FleetCosts costs = CostsOfEngine(Batching::kChunked, 6000);
    const ServingSpec fleet = pools ? FleetSpec(2, 3) : FleetSpec();
    const KvLinks links = pools ? Links(2, 3, 1e8) : KvLinks();
    const std::vector<Request> requests = DrawnRequests(200, 0.01);
    std::vector<CompletedRequest> all[2];
    for (const double step : {20.0, 0.0173}) {
      ServingUnit unit(fleet, costs, links);
      all[step < 1 ? 0 : 1] = Serve(unit, requests, step, 40);
      EXPECT_EQ(unit.requests(), 0);
    }
    ASSERT_EQ(all[0].size(), requests.size());
    ASSERT_EQ(all[1].size(), requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_NEAR(all[0][i].end.si(), all[1][i].end.si(), 1e-9) << "pools " << pools << " " << i;
    }
  }
}

TEST(ServingUnit, HandsBackAllWhenItFailsAndServesAgain) {
  for (const bool pools : {false, true}) {
    const FleetCosts costs = CostsOfEngine(Batching::kChunked, 6000);
    const ServingSpec fleet = pools ? FleetSpec(1, 1) : FleetSpec();
    const KvLinks links = pools ? Links(1, 1, 1e8) : KvLinks();
    const std::vector<Request> requests = DrawnRequests(100, 0.001);
    ServingUnit unit(fleet, costs, links);
    std::size_t done = 0;
    for (const Request& request : requests) {
      unit.Submit(request);
    }
    const auto note = [&](const CompletedRequest&) {
      ++done;
    };
    unit.AdvanceTo(Seconds(0.05), note);
    const std::vector<Request> left = unit.TakeAll();
    EXPECT_EQ(left.size() + done, requests.size());
    EXPECT_GT(left.size(), 10U);
    EXPECT_GT(done, 0U);
    EXPECT_EQ(unit.requests(), 0);
    ServingUnit other(fleet, costs, links);
    other.AdvanceTo(Seconds(0.05), note);
    Seconds first(HUGE_VAL);
    for (const Request& request : left) {
      other.Submit(request);
    }
    other.AdvanceTo(Seconds(100), [&](const CompletedRequest& each) {
      ++done;
      first = std::min(first, each.first_token);
    });
    EXPECT_EQ(done, requests.size()) << "pools " << pools;
    EXPECT_GT(first, Seconds(0.05)) << "before it was handed over";
    unit.Submit({Seconds(0.06), 0, 0, 10, 5});
    unit.AdvanceTo(Seconds(1), note);
    EXPECT_EQ(done, requests.size() + 1);
  }
}

TEST(ServingUnit, TakesNewCostsAtTheNextIteration) {
  const FleetCosts fast = CostsOfEngine(Batching::kPrompts, 1e5);
  const FleetCosts slow = CostsOfEngine(Batching::kPrompts, 1e5, 1e11);
  const IterationCosts &a = fast.decode, &b = slow.decode;
  const ServingSpec fleet = FleetSpec();
  ServingUnit unit(fleet, fast, {});
  unit.Submit({Seconds(0), 0, 0, 100, 11});
  const double prefill = (a.Base(100, 1, 1) + a.PerPair() * (0.5 * 100 * 101)).si();
  const auto decode = [](const IterationCosts& costs, double from, double n) {
    return (costs.Base(1, 1, 1) * n + costs.PerRead(1) * (n * (101 + from) + n * (n - 1) / 2)).si();
  };
  std::vector<CompletedRequest> done;
  const auto note = [&](const CompletedRequest& each) {
    done.push_back(each);
  };
  unit.AdvanceTo(Seconds(prefill + decode(a, 0, 4) - 1e-6), note);  // in the fourth
  unit.SetCosts(slow);
  unit.AdvanceTo(Seconds(100), note);
  ASSERT_EQ(done.size(), 1U);
  EXPECT_NEAR(done[0].end.si(), prefill + decode(a, 0, 4) + decode(b, 4, 6), 1e-12);
}

TEST(ServingUnit, PrefillsOnlyWhatNoCacheHolds) {
  const FleetCosts costs = CostsOfEngine(Batching::kChunked, 1e5);
  for (const double known : {0.0, 0.75}) {
    ServingSpec fleet = FleetSpec();
    fleet.groups[0].cached_share = known;
    ServingUnit unit(fleet, costs, {});
    unit.Submit({Seconds(0), 0, 0, 400, 2});
    unit.AdvanceTo(Seconds(10), [](const CompletedRequest&) {});
    EXPECT_EQ(unit.TakeWork().prompt_tokens, known > 0 ? 100 : 400);
  }
}

TEST(ServingUnit, OfPoolsWaitsForItsCachesWhereTheFabricIsSlow) {
  const FleetCosts costs = CostsOfEngine(Batching::kChunked, 1e5);
  const ServingSpec fleet = FleetSpec(1, 1);
  const double bytes = costs.decode.CacheBytesOf(300).si();
  double ends[2] = {};
  for (const bool slow : {false, true}) {
    ServingUnit unit(fleet, costs, Links(1, 1, 1e9));
    unit.SetCacheRate(BytesPerSecond(slow ? 1e8 : 0));
    unit.Submit({Seconds(0), 0, 0, 300, 20});
    unit.AdvanceTo(Seconds(10), [&](const CompletedRequest& each) {
      ends[slow ? 1 : 0] = each.end.si();
    });
    EXPECT_NEAR(unit.TakeWork().moved.si(), bytes, 1e-3);
  }
  EXPECT_NEAR(ends[1] - ends[0], bytes / 1e8 - bytes / 1e9, 1e-9);
}

}  // namespace
}  // namespace gridlock
