// Long runs against queueing theory. Seeds are fixed; the bounds are of what independent runs show.

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"
#include "sim/serving/replica.h"
#include "tests/serving/reference.h"

namespace gridlock {
namespace {

// Costs without a cache: prefills of 1 ms + 20 us a token, iterations of 10.1 ms.
ServingCosts WithoutCache(int batch_max) {
  ServingCosts costs = PlainCosts(batch_max, 1 << 30);
  costs.per_cached_token = costs.prefill_pair = Seconds(0);
  return costs;
}

struct Waits {
  double mean = 0;
  double error = 0;  ///< standard error of the mean, from means of batches
};

// Mean time from arrival to prefill in `requests` requests at `rate`, one at a time.
template <typename DrawOutput>
Waits MeanWait(double rate, int requests, std::uint64_t seed, DrawOutput output) {
  Random arrivals(seed, "arrivals"), lengths(seed, "lengths");
  Replica replica(WithoutCache(1), {1, 8192});
  constexpr int kBatches = 50;
  std::vector<double> sums(kBatches), counts(kBatches);
  int n = 0;
  const auto note = [&](const CompletedRequest& r) {
    const auto batch =
        static_cast<std::size_t>(kBatches * static_cast<std::int64_t>(n++) / requests);
    sums[batch] += (r.first_token - r.arrival).si() - (1e-3 + 20e-6 * 100);
    counts[batch] += 1;
  };
  double clock = 0;
  for (int i = 0; i < requests; ++i) {
    clock += arrivals.Exponential(1 / rate);
    replica.Submit({Seconds(clock), 0, 0, 100, output(lengths)});
    replica.AdvanceTo(Seconds(clock), note);
  }
  replica.AdvanceTo(Seconds(1e9), note);
  Waits waits;
  for (int b = 0; b < kBatches; ++b) {
    waits.mean += sums[b] / counts[b] / kBatches;
  }
  for (int b = 0; b < kBatches; ++b) {
    const double off = sums[b] / counts[b] - waits.mean;
    waits.error += off * off;
  }
  waits.error = std::sqrt(waits.error / kBatches / (kBatches - 1));
  return waits;
}

constexpr double kIteration = 10.1e-3;

// Pollaczek and Khinchine: the mean wait of M/G/1.
double PollaczekKhinchine(double rate, double mean, double variance) {
  return rate * (mean * mean + variance) / (2 * (1 - rate * mean));
}

TEST(OneSlot, WithEqualAnswersWaitsLikeMD1) {
  const double service = 1e-3 + 20e-6 * 100 + 50 * kIteration;
  for (const double load : {0.3, 0.6, 0.8}) {
    const Waits waits = MeanWait(load / service, 200000, 1, [](Random&) -> std::int64_t {
      return 51;
    });
    const double expected = PollaczekKhinchine(load / service, service, 0);
    EXPECT_LT(waits.error, 0.03 * expected);
    EXPECT_NEAR(waits.mean, expected, 4 * waits.error);
  }
}

TEST(OneSlot, WithDrawnAnswersWaitsLikeMG1) {
  // 1 + geometric answers of 1 to 200 tokens, evenly: mean 100.5, variance (200^2 - 1) / 12.
  const double mean = 1e-3 + 20e-6 * 100 + 99.5 * kIteration;
  const double variance = (200.0 * 200 - 1) / 12 * kIteration * kIteration;
  for (const double load : {0.3, 0.6, 0.8}) {
    const Waits waits = MeanWait(load / mean, 200000, 2, [](Random& random) {
      return 1 + static_cast<std::int64_t>(random.Below(200));
    });
    const double expected = PollaczekKhinchine(load / mean, mean, variance);
    EXPECT_LT(waits.error, 0.03 * expected);
    EXPECT_NEAR(waits.mean, expected, 4 * waits.error);
  }
}

TEST(LittlesLaw, HoldsForTheBatchedReplica) {
  // The number present, looked at from times of its own (PASTA), over rate times time present.
  ServingCosts costs = PlainCosts(64, 60000);
  Random arrivals(3, "arrivals"), lengths(3, "lengths"), looks(3, "looks");
  Replica replica(costs, {64, 2048});
  const double rate = 3.5;
  const double horizon = 40000;
  double present = 0, looked = 0, time_present = 0;
  std::int64_t completed = 0, came = 0;
  const auto note = [&](const CompletedRequest& r) {
    time_present += (r.end - r.arrival).si();
    ++completed;
  };
  double next = arrivals.Exponential(1 / rate), look = looks.Exponential(0.5);
  while (std::min(next, look) < horizon) {
    if (next < look) {
      replica.Submit({Seconds(next), 0, 0, static_cast<std::int64_t>(lengths.LogNormal(6, 0.8)) + 1,
                      static_cast<std::int64_t>(lengths.LogNormal(5, 0.8)) + 1});
      ++came;
      replica.AdvanceTo(Seconds(next), note);
      next += arrivals.Exponential(1 / rate);
    } else {
      replica.AdvanceTo(Seconds(look), note);
      present += static_cast<double>(replica.waiting() + replica.active());
      looked += 1;
      look += looks.Exponential(0.5);
    }
  }
  replica.AdvanceTo(Seconds(1e9), note);
  ASSERT_EQ(completed, came);
  const double l = present / looked;
  const double lambda_w = time_present / horizon;
  EXPECT_GT(l, 5);
  EXPECT_NEAR(l / lambda_w, 1, 0.02);
}

TEST(LittlesLaw, HoldsExactlyForTheTimeIntegralOverARunThatEndsEmpty) {
  // Counted by events instead of looks: area under the number present = sum of times present.
  Random random(4, "run");
  Replica replica(PlainCosts(16, 4000), {16, 1024});

  struct Event {
    double at;
    int change;
  };

  std::vector<Event> events;
  double times = 0;
  const auto note = [&](const CompletedRequest& r) {
    times += (r.end - r.arrival).si();
    events.push_back({r.end.si(), -1});
  };
  double clock = 0;
  for (int i = 0; i < 5000; ++i) {
    clock += random.Exponential(0.4);
    events.push_back({clock, 1});
    replica.Submit({Seconds(clock), 0, 0, 1 + static_cast<std::int64_t>(random.Below(400)),
                    1 + static_cast<std::int64_t>(random.Below(200))});
  }
  replica.AdvanceTo(Seconds(1e9), note);
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return a.at != b.at ? a.at < b.at : a.change > b.change;
  });
  double area = 0, last = 0;
  int present = 0;
  for (const Event& event : events) {
    area += present * (event.at - last);
    last = event.at;
    present += event.change;
    ASSERT_GE(present, 0);
  }
  EXPECT_EQ(present, 0);
  EXPECT_NEAR(area, times, 1e-9 * times);
}

TEST(Overload, ServesAtTheRateOfAFullBatch) {
  // Equal answers, no cache cost: 32 answers of 101 tokens take a prefill and 100 iterations.
  ServingCosts costs = WithoutCache(32);
  Replica replica(costs, {32, 1 << 20});
  double end = 0;
  for (int i = 0; i < 3200; ++i) {
    replica.Submit({Seconds(0), 0, 0, 100, 101});
  }
  replica.AdvanceTo(Seconds(1e9), [&](const CompletedRequest& r) {
    end = r.end.si();
  });
  const double batch = 1e-3 + 20e-6 * 3200 + 100 * costs.DecodeTime(32).si();
  EXPECT_NEAR(end, 100 * batch, 1e-9 * end);
}

}  // namespace
}  // namespace gridlock
