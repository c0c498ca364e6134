// Long runs against queueing theory. Seeds are fixed; the bounds are of what independent runs show.

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"
#include "sim/serving/batching.h"
#include "tests/serving/stepped_batching.h"

namespace gridlock {
namespace {

// An engine that prefills ahead of decoding, with a batch of so many.
IterationCosts CostsOfBatch(std::int64_t batch_max, std::int64_t token_budget, double cache) {
  InferenceEngine engine;
  engine.batching = Batching::kPrompts;
  engine.batch_max = batch_max;
  engine.token_budget = token_budget;
  return SmallCosts(engine, cache);
}

constexpr std::int64_t kPrompt = 100;

double Pairs(double tokens) {
  return tokens * (tokens + 1) / 2;
}

Seconds PrefillTime(const IterationCosts& costs) {
  return costs.Base(kPrompt, 1, 1) + costs.PerPair() * Pairs(kPrompt);
}

// Of a request by itself.
double ServiceTime(const IterationCosts& costs, std::int64_t output) {
  const double n = static_cast<double>(output - 1);
  const double reads = n * (kPrompt + 1) + n * (n - 1) / 2;
  return (PrefillTime(costs) + costs.Base(1, 1, 1) * n + costs.PerRead(1) * reads).si();
}

BatchRequest At(double arrival, std::int64_t prompt, std::int64_t output) {
  BatchRequest request;
  request.arrival = Seconds(arrival);
  request.prompt_tokens = prompt;
  request.output_tokens = output;
  return request;
}

struct Waits {
  double mean = 0;
  double error = 0;  ///< standard error of the mean, from means of batches
};

// Mean time from arrival to prefill of many requests at `rate`, one at a time.
template <typename DrawOutput>
Waits MeanWait(const IterationCosts& costs, double rate, std::uint64_t seed, DrawOutput output) {
  constexpr int kRequests = 200000;
  Random arrivals(seed, "arrivals"), lengths(seed, "lengths");
  BatchingReplica replica(costs);
  constexpr int kBatches = 50;
  std::vector<double> sums(kBatches), counts(kBatches);
  int n = 0;
  const auto note = [&](const BatchOutcome& r) {
    const auto batch =
        static_cast<std::size_t>(kBatches * static_cast<std::int64_t>(n++) / kRequests);
    sums[batch] += (r.admitted - r.request.arrival).si();
    counts[batch] += 1;
  };
  double clock = 0;
  for (int i = 0; i < kRequests; ++i) {
    clock += arrivals.Exponential(1 / rate);
    replica.Submit(At(clock, kPrompt, output(lengths)));
    replica.AdvanceTo(Seconds(clock), note);
  }
  replica.Finish(note);
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

// Pollaczek and Khinchine: the mean wait of M/G/1.
double PollaczekKhinchine(double rate, double mean, double variance) {
  return rate * (mean * mean + variance) / (2 * (1 - rate * mean));
}

TEST(OneSlot, WithEqualAnswersWaitsLikeMD1) {
  const IterationCosts costs = CostsOfBatch(1, 8192, 1e6);
  const double service = ServiceTime(costs, 51);
  for (const double load : {0.3, 0.6, 0.8}) {
    const Waits waits = MeanWait(costs, load / service, 1, [](Random&) -> std::int64_t {
      return 51;
    });
    const double expected = PollaczekKhinchine(load / service, service, 0);
    EXPECT_LT(waits.error, 0.03 * expected);
    EXPECT_NEAR(waits.mean, expected, 4 * waits.error);
  }
}

TEST(OneSlot, WithDrawnAnswersWaitsLikeMG1) {
  // Answers of 1 to 200 tokens, evenly.
  const IterationCosts costs = CostsOfBatch(1, 8192, 1e6);
  double mean = 0, square = 0;
  for (std::int64_t output = 1; output <= 200; ++output) {
    const double service = ServiceTime(costs, output);
    mean += service / 200;
    square += service * service / 200;
  }
  for (const double load : {0.3, 0.6, 0.8}) {
    const Waits waits = MeanWait(costs, load / mean, 2, [](Random& random) {
      return 1 + static_cast<std::int64_t>(random.Below(200));
    });
    const double expected = PollaczekKhinchine(load / mean, mean, square - mean * mean);
    EXPECT_LT(waits.error, 0.03 * expected);
    EXPECT_NEAR(waits.mean, expected, 4 * waits.error);
  }
}

TEST(LittlesLaw, HoldsForTheBatchedReplica) {
  // The number present, looked at from times of its own (PASTA), over rate times time present.
  const IterationCosts costs = CostsOfBatch(64, 2048, 60000);
  Random arrivals(3, "arrivals"), lengths(3, "lengths"), looks(3, "looks");
  BatchingReplica replica(costs);
  const double rate = 60;
  const double horizon = 2000;
  double present = 0, looked = 0, time_present = 0;
  std::int64_t completed = 0, came = 0;
  const auto note = [&](const BatchOutcome& r) {
    time_present += (r.end - r.request.arrival).si();
    ++completed;
  };
  double next = arrivals.Exponential(1 / rate), look = looks.Exponential(0.025);
  while (std::min(next, look) < horizon) {
    if (next < look) {
      replica.Submit(At(next, static_cast<std::int64_t>(lengths.LogNormal(6, 0.8)) + 1,
                        static_cast<std::int64_t>(lengths.LogNormal(5, 0.8)) + 1));
      ++came;
      replica.AdvanceTo(Seconds(next), note);
      next += arrivals.Exponential(1 / rate);
    } else {
      replica.AdvanceTo(Seconds(look), note);
      present += static_cast<double>(came - completed);
      looked += 1;
      look += looks.Exponential(0.025);
    }
  }
  replica.Finish(note);
  ASSERT_EQ(completed, came);
  const double l = present / looked;
  const double lambda_w = time_present / horizon;
  EXPECT_GT(l, 5);
  EXPECT_NEAR(l / lambda_w, 1, 0.02);
}

TEST(LittlesLaw, HoldsExactlyForTheTimeIntegralOverARunThatEndsEmpty) {
  // Counted by events instead of looks: area under the number present = sum of times present.
  Random random(4, "run");
  const IterationCosts costs = CostsOfBatch(16, 1024, 4000);
  BatchingReplica replica(costs);

  struct Event {
    double at;
    int change;
  };

  std::vector<Event> events;
  double times = 0;
  const auto note = [&](const BatchOutcome& r) {
    times += (r.end - r.request.arrival).si();
    events.push_back({r.end.si(), -1});
  };
  double clock = 0;
  for (int i = 0; i < 5000; ++i) {
    clock += random.Exponential(0.02);
    events.push_back({clock, 1});
    replica.Submit(At(clock, 1 + static_cast<std::int64_t>(random.Below(400)),
                      1 + static_cast<std::int64_t>(random.Below(200))));
  }
  replica.Finish(note);
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
  // Equal answers: 32 of 101 tokens take a prefill of all prompts and 100 iterations.
  const IterationCosts costs = CostsOfBatch(32, 1 << 20, 1e6);
  BatchingReplica replica(costs);
  double end = 0;
  for (int i = 0; i < 3200; ++i) {
    replica.Submit(At(0, kPrompt, 101));
  }
  replica.Finish([&](const BatchOutcome& r) {
    end = r.end.si();
  });
  const Seconds prefill = costs.Base(3200, 32, 32) + costs.PerPair() * (32 * Pairs(kPrompt));
  const double reads = 100 * 32.0 * 101 + 32.0 * 100 * 99 / 2;
  const Seconds decode = costs.Base(32, 32, 32) * 100.0 + costs.PerRead(32) * reads;
  EXPECT_NEAR(end, 100 * (prefill + decode).si(), 1e-9 * end);
}

}  // namespace
}  // namespace gridlock
