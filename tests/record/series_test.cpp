#include "sim/record/series.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gridlock {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

struct Amount {
  double start, end, amount;
};

/// Spans over [0, `horizon`), from far shorter than an interval to a tenth of all.
std::vector<Amount> ManyAmounts(double horizon) {
  std::vector<Amount> amounts;
  std::uint64_t state = 12345;
  const auto uniform = [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;  // Knuth, MMIX
    return static_cast<double>(state >> 11) * 0x1p-53;
  };
  for (int i = 0; i < 5000; ++i) {
    const double length = 0.1 * horizon * std::pow(uniform(), 8.0);
    const double start = (horizon - length) * uniform();
    amounts.push_back({start, start + length, 1e9 * uniform()});
  }
  return amounts;
}

double Sum(const std::vector<Amount>& amounts) {
  double sum = 0.0;
  for (const Amount& each : amounts) {
    sum += each.amount;
  }
  return sum;
}

std::vector<double> Shares(UtilisationAccumulator& accumulator, double horizon) {
  accumulator.ExtendTo(Seconds(horizon));
  return accumulator.Share(0, 1e9, Seconds(horizon));
}

TEST(UtilisationAccumulator, KeepsTheTotalThroughEveryDoubling) {
  for (const int intervals : {1, 2, 7, 512}) {
    UtilisationAccumulator accumulator(2, intervals);
    const std::vector<Amount> amounts = ManyAmounts(3.7);
    for (const Amount& each : amounts) {
      accumulator.Add(1, each.start, each.end, each.amount);
    }
    EXPECT_NEAR(accumulator.Total(1) / Sum(amounts), 1.0, 1e-12) << intervals;
    EXPECT_EQ(accumulator.Total(0), 0.0);
  }
}

TEST(UtilisationAccumulator, KeepsAmountsWhoseLengthIsNearTheRoundingOfTheirTime) {
  UtilisationAccumulator accumulator(1, 100, 0.1);
  const double edge = 9.0;
  for (int i = 0; i < 1000; ++i) {
    accumulator.Add(0, std::nextafter(edge, 0.0), std::nextafter(edge, 10.0), 1.0);
  }
  EXPECT_NEAR(accumulator.Total(0), 1000.0, 1e-9);
}

TEST(UtilisationAccumulator, DoesNotDependOnTheOrder) {
  const std::vector<Amount> amounts = ManyAmounts(3.7);
  UtilisationAccumulator forward(1, 64);
  UtilisationAccumulator backward(1, 64);
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    const Amount& first = amounts[i];
    const Amount& last = amounts[amounts.size() - 1 - i];
    forward.Add(0, first.start, first.end, first.amount);
    backward.Add(0, last.start, last.end, last.amount);
  }
  EXPECT_EQ(forward.interval(), backward.interval());
  EXPECT_THAT(Shares(forward, 3.7), Pointwise(DoubleNear(1e-9), Shares(backward, 3.7)));
}

TEST(UtilisationAccumulator, DoublingEqualsWideIntervalsFromTheStart) {
  const std::vector<Amount> amounts = ManyAmounts(3.7);
  UtilisationAccumulator doubling(1, 64, 1e-6);
  for (const Amount& each : amounts) {
    doubling.Add(0, each.start, each.end, each.amount);
  }
  const std::vector<double> grown = Shares(doubling, 3.7);
  UtilisationAccumulator wide(1, 64, doubling.interval().si());
  for (const Amount& each : amounts) {
    wide.Add(0, each.start, each.end, each.amount);
  }
  EXPECT_THAT(grown, Pointwise(DoubleNear(1e-9), Shares(wide, 3.7)));
  EXPECT_GT(grown.size(), 32u);
  EXPECT_LE(grown.size(), 64u);
}

TEST(UtilisationAccumulator, SpreadsEvenlyOverTheIntervalsItTouches) {
  UtilisationAccumulator accumulator(1, 4, 1.0);
  accumulator.Add(0, 0.5, 2.5, 8.0);  // 4 per second
  accumulator.Add(0, 3.0, 3.0, 1.0);  // a moment
  EXPECT_THAT(accumulator.Share(0, 4.0, Seconds(4.0)), ElementsAre(0.5, 1.0, 0.5, 0.25));
}

TEST(UtilisationAccumulator, AlwaysBusyIsOneAlsoInTheShorterLastInterval) {
  UtilisationAccumulator accumulator(1, 10, 1e-3);
  const double end = 7.7;
  accumulator.Add(0, 0.0, end, 50.0 * end);
  accumulator.ExtendTo(Seconds(end));
  const std::vector<double> share = accumulator.Share(0, 50.0, Seconds(end));
  EXPECT_THAT(share, Pointwise(DoubleNear(1e-12), std::vector<double>(share.size(), 1.0)));
  EXPECT_NEAR(MeanShare(share, accumulator.interval(), Seconds(end)), 1.0, 1e-12);
}

TEST(UtilisationAccumulator, MeanShareTimesRateTimesStepIsTheTotal) {
  const std::vector<Amount> amounts = ManyAmounts(3.7);
  UtilisationAccumulator accumulator(1, 100);
  for (const Amount& each : amounts) {
    accumulator.Add(0, each.start, each.end, each.amount);
  }
  const Seconds step(4.1);  // the step outlasts its last amount
  accumulator.ExtendTo(step);
  const double mean = MeanShare(accumulator.Share(0, 2e9, step), accumulator.interval(), step);
  EXPECT_NEAR(mean * 2e9 * step.si() / Sum(amounts), 1.0, 1e-12);
}

TEST(UtilisationAccumulator, AStepThatEndsOnAnEdgeHasNoEmptyLastInterval) {
  UtilisationAccumulator accumulator(1, 10, 0.1);
  const double end = 0.1 + 0.1 + 0.1;  // one rounding above 0.3
  accumulator.Add(0, 0.0, end, end);
  EXPECT_EQ(accumulator.Share(0, 1.0, Seconds(end)).size(), 3u);
}

TEST(UtilisationAccumulatorDeathTest, RefusesTimeThatRunsBackwards) {
  UtilisationAccumulator accumulator(1, 4, 1.0);
  EXPECT_DEATH(accumulator.Add(0, 2.0, 1.0, 1.0), "start <= end");
  EXPECT_DEATH(accumulator.Add(0, -1.0, 1.0, 1.0), "start >= 0");
}

}  // namespace
}  // namespace gridlock
