// Verdicts of journals made by hand.

#include "sim/sweep/verdict.h"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sweep/sweep_samples.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

/// Two axes: x of 1, 2, 3 and a choice of "slow" (twice the seconds) and "fast". A point takes x
/// seconds; points with a NaN are refused.
Sweep SampleSweep() {
  Sweep sweep;
  sweep.grid = Grid({NumberAxis("x", {1, 2, 3}), ChoiceAxis("kind", {"fast", "slow"})});
  return sweep;
}

double SampleValue(const std::vector<double>& at) {
  return at[0] * (1 + at[1]);
}

using Curve = std::function<double(const std::vector<double>& at)>;

/// Decides the one verdict. Cells where the curve is infinite are left out of the sweep.
VerdictResult Decided(Sweep sweep, const SweepVerdict& verdict, const Curve& curve = SampleValue) {
  const Folder folder;
  std::vector<PointRecord> records;
  for (std::uint64_t number = 0; number < sweep.grid.cells(); ++number) {
    const Cell cell = sweep.grid.At(number);
    const double value = curve(sweep.grid.ValuesAt(cell));
    const auto point = static_cast<std::int64_t>(records.size());
    if (std::isnan(value)) {
      records.push_back(RefusedAt(sweep.grid, cell, point, "does not fit"));
    } else if (!std::isinf(value)) {
      records.push_back(RecordAt(sweep.grid, cell, point,
                                 {StepTime(value), {"breakdown", "idle", value / 10, ""}}));
    }
  }
  WriteLines(folder.File("journal"), records);
  sweep.verdicts = {verdict};
  return Decide(sweep, sweep.grid, folder.File("journal")).at(0);
}

/// The step time at a coordinate of each axis.
SweepValue At(const std::string& name, std::size_t x, std::size_t kind) {
  return {name, "step_time", "", {{0, x}, {1, kind}}, SweepPick::kTheOnly};
}

SweepVerdict SlowIsLonger(double factor) {
  return {"slow is longer",
          {At("fast", 2, 0), At("slow", 2, 1)},
          fmt::format("slow / fast > {}", factor),
          "slow / fast",
          "x"};
}

TEST(Verdict, HoldsOrFails) {
  const VerdictResult holds = Decided(SampleSweep(), SlowIsLonger(1.5));
  EXPECT_EQ(holds.ruling, Ruling::kHolds);
  ASSERT_EQ(holds.decisions.size(), 1U);
  EXPECT_EQ(holds.decisions[0].number, 2);
  EXPECT_EQ(holds.unit, "x");
  EXPECT_EQ(VerdictText(holds), "  - slow is longer\n      holds: 2 x\n");
  const VerdictResult fails = Decided(SampleSweep(), SlowIsLonger(2.5));
  EXPECT_EQ(fails.ruling, Ruling::kFails);
  EXPECT_EQ(VerdictText(fails), "  - slow is longer\n      fails: 2 x\n");
}

TEST(Verdict, HasTheValueOfItsConditionWhereNoNumberIsAskedFor) {
  SweepVerdict verdict = SlowIsLonger(1.5);
  verdict.number = "";
  EXPECT_EQ(Decided(SampleSweep(), verdict).decisions[0].number, 1);
}

TEST(Verdict, InPercentIsAHundredTimesTheNumber) {
  SweepVerdict verdict = SlowIsLonger(1.5);
  verdict.number = "1 - fast / slow";
  verdict.unit = "%";
  EXPECT_THAT(VerdictText(Decided(SampleSweep(), verdict)), HasSubstr("holds: 50 %\n"));
}

TEST(Verdict, TakesElementsOfLists) {
  SweepVerdict verdict{"some idle", {At("a", 0, 0)}, "a > 0", "a", "s"};
  verdict.values[0].output = "breakdown";
  verdict.values[0].element = "idle";
  EXPECT_DOUBLE_EQ(Decided(SampleSweep(), verdict).decisions[0].number, 0.1);
  verdict.values[0].element = "no_such";
  EXPECT_EQ(Decided(SampleSweep(), verdict).ruling, Ruling::kOpen);
}

TEST(Verdict, IsOpenWhereAPointWasRefusedOrLeftOut) {
  for (const double gap : {std::nan(""), HUGE_VAL}) {
    const VerdictResult result = Decided(SampleSweep(), SlowIsLonger(1.5), [&](const auto& at) {
      return at[0] == 3 && at[1] == 1 ? gap : SampleValue(at);
    });
    EXPECT_EQ(result.ruling, Ruling::kOpen);
    EXPECT_TRUE(std::isnan(result.decisions[0].number));
    EXPECT_EQ(VerdictText(result), "  - slow is longer\n      open: no number\n");
  }
}

TEST(Verdict, IsOpenWhereItsFormulaIsNotDefined) {
  const VerdictResult result = Decided(SampleSweep(), SlowIsLonger(1.5), [](const auto&) {
    return 0.0;
  });
  EXPECT_EQ(result.ruling, Ruling::kOpen);
}

TEST(Verdict, OfAValueAtSeveralPointsIsOpenUnlessOneIsPicked) {
  SweepVerdict verdict{
      "c", {{"a", "step_time", "", {{1, 1}}, SweepPick::kTheOnly}}, "a > 0", "a", ""};
  EXPECT_EQ(Decided(SampleSweep(), verdict).ruling, Ruling::kOpen);
  const std::vector<std::pair<SweepPick, double>> picks = {
      {SweepPick::kLeast, 2}, {SweepPick::kMost, 6}, {SweepPick::kMean, 4}};
  for (const auto& [pick, value] : picks) {
    verdict.values[0].pick = pick;
    EXPECT_DOUBLE_EQ(Decided(SampleSweep(), verdict).decisions[0].number, value);
  }
}

TEST(Verdict, PicksAmongThePointsThatAreThere) {
  SweepVerdict verdict{"c", {{"a", "step_time", "", {{1, 1}}, SweepPick::kMost}}, "a > 0", "a", ""};
  const auto largest_refused = [](const std::vector<double>& at) {
    return at[0] == 3 ? std::nan("") : SampleValue(at);
  };
  EXPECT_DOUBLE_EQ(Decided(SampleSweep(), verdict, largest_refused).decisions[0].number, 4);
  const auto none = [](const std::vector<double>&) {
    return std::nan("");
  };
  for (const SweepPick pick : {SweepPick::kLeast, SweepPick::kMost, SweepPick::kMean}) {
    verdict.values[0].pick = pick;
    EXPECT_EQ(Decided(SampleSweep(), verdict, none).ruling, Ruling::kOpen);
  }
}

/// Decided for each x: slow against fast, above a number of seconds.
SweepVerdict LongerBy(double seconds) {
  return {"longer",
          {{"fast", "step_time", "", {{1, 0}}, SweepPick::kTheOnly},
           {"slow", "step_time", "", {{1, 1}}, SweepPick::kTheOnly}},
          fmt::format("slow - fast > {}", seconds),
          "slow - fast",
          "s",
          0};
}

TEST(Verdict, AlongAnAxisHoldsFailsOrDepends) {
  EXPECT_EQ(Decided(SampleSweep(), LongerBy(0.5)).ruling, Ruling::kHolds);
  EXPECT_EQ(Decided(SampleSweep(), LongerBy(9)).ruling, Ruling::kFails);
  const VerdictResult depends = Decided(SampleSweep(), LongerBy(1.5));
  EXPECT_EQ(depends.ruling, Ruling::kDepends);
  EXPECT_EQ(VerdictText(depends),
            "  - longer\n"
            "      depends\n"
            "        1                        fails  1 s\n"
            "        2                        holds  2 s\n"
            "        3                        holds  3 s\n");
}

TEST(Verdict, AlongAnAxisIsDecidedWhereItCanBe) {
  const VerdictResult result = Decided(SampleSweep(), LongerBy(0.5), [](const auto& at) {
    return at[0] == 2 ? std::nan("") : SampleValue(at);
  });
  EXPECT_EQ(result.ruling, Ruling::kHolds);
  ASSERT_EQ(result.decisions.size(), 3U);
  EXPECT_EQ(result.decisions[1].ruling, Ruling::kOpen);
}

TEST(Verdict, SaysNothingOfCoordinatesThatTheSweepLeavesOut) {
  const VerdictResult result = Decided(SampleSweep(), LongerBy(0.5), [](const auto& at) {
    return at[0] == 2 ? HUGE_VAL : SampleValue(at);
  });
  EXPECT_EQ(result.ruling, Ruling::kHolds);
  ASSERT_EQ(result.decisions.size(), 2U);
  EXPECT_EQ(result.decisions[0].label, "1");
  EXPECT_EQ(result.decisions[1].label, "3");
}

TEST(Verdict, AlongARefinedAxisIsDecidedAtTheNewValues) {
  const Folder folder;
  Sweep sweep = SampleSweep();
  sweep.verdicts = {LongerBy(1.5)};
  Grid grown = sweep.grid;
  grown.Append(0, {"1.7", 1.7, {}});
  std::vector<PointRecord> records;
  for (std::uint64_t number = 0; number < grown.cells(); ++number) {
    const Cell cell = grown.At(number);
    records.push_back(RecordAt(grown, cell, static_cast<std::int64_t>(number),
                               {StepTime(SampleValue(grown.ValuesAt(cell)))}));
  }
  WriteLines(folder.File("journal"), records);
  const VerdictResult result = Decide(sweep, Sorted(grown), folder.File("journal")).at(0);
  ASSERT_EQ(result.decisions.size(), 4U);
  EXPECT_EQ(result.decisions[1].label, "1.7");
  EXPECT_EQ(result.decisions[1].ruling, Ruling::kHolds);
}

}  // namespace
}  // namespace gridlock
