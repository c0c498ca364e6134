// Where refinement puts its points: at the bend of a curve, and nowhere on a straight line.

#include "sim/sweep/refine.h"

#include <cmath>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixture_files.h"
#include "tests/sweep/sweep_samples.h"

namespace gridlock {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Curve = std::function<double(const std::vector<double>& at)>;

/// The values that refinement adds to a grid whose output is a formula, at most `most`.
std::vector<double> Added(Grid grid, const Curve& curve, int most, const std::string& axis = "") {
  const Folder folder;
  std::vector<double> added;
  for (int i = 0; i < most; ++i) {
    std::vector<PointRecord> records;
    for (std::uint64_t number = 0; number < grid.cells(); ++number) {
      const Cell cell = grid.At(number);
      const double value = curve(grid.ValuesAt(cell));
      const auto point = static_cast<std::int64_t>(number);
      records.push_back(std::isnan(value) ? RefusedAt(grid, cell, point, "does not fit")
                                          : RecordAt(grid, cell, point, {StepTime(value)}));
    }
    WriteLines(folder.File("journal"), records);
    std::optional<NewCoordinate> found = FindBend(grid, "step_time", axis, folder.File("journal"),
                                                  static_cast<std::int64_t>(records.size()));
    if (!found) {
      break;
    }
    added.push_back(found->coordinate.si);
    grid.Append(found->axis, found->coordinate);
  }
  return added;
}

double Knee(const std::vector<double>& at) {
  return std::max(1.0, 100 / at[0]);
}

TEST(Refinement, PutsItsPointsAtTheKnee) {
  for (const std::vector<double>& start : {std::vector<double>{25, 50, 200, 400, 800, 1600},
                                           {1600, 800, 400, 200, 50, 25},
                                           {25, 70, 180, 500, 1600}}) {
    const std::vector<double> added = Added(Grid({NumberAxis("x", start)}), Knee, 8);
    ASSERT_GE(added.size(), 3U);
    int near = 0;
    double nearest = 1e9;
    for (const double x : added) {
      near += x > 100 / 1.5 && x < 100 * 1.5 ? 1 : 0;
      nearest = std::min(nearest, std::abs(std::log(x / 100)));
    }
    EXPECT_GE(near, 2);
    EXPECT_LT(nearest, std::log(1.25));
  }
}

TEST(Refinement, StopsWhenLinesFollowTheCurve) {
  const Grid grid({NumberAxis("x", {25, 50, 200, 400, 800, 1600})});
  EXPECT_LT(Added(grid, Knee, 1000).size(), 40U);
}

TEST(Refinement, AddsNothingToAStraightLine) {
  const Grid ratios({NumberAxis("x", {1, 10, 100, 1000})});
  EXPECT_TRUE(Added(
                  ratios,
                  [](const auto& at) {
                    return 3 - std::log(at[0]);
                  },
                  8)
                  .empty());
  const Grid differences({NumberAxis("x", {0, 1, 5, 7})});
  EXPECT_TRUE(Added(
                  differences,
                  [](const auto& at) {
                    return 2 * at[0] - 1;
                  },
                  8)
                  .empty());
}

TEST(Refinement, AddsNothingToWhatStaysTheSame) {
  const Grid grid({NumberAxis("x", {1, 2, 3, 4})});
  EXPECT_TRUE(Added(
                  grid,
                  [](const auto&) {
                    return 1.0;
                  },
                  8)
                  .empty());
  // Nor to what differs by rounding.
  EXPECT_TRUE(Added(
                  grid,
                  [](const auto& at) {
                    return 1 + 1e-15 * std::sin(at[0]);
                  },
                  8)
                  .empty());
}

TEST(Refinement, HalvesRatiosOfPositiveValuesAndDifferencesOfOthers) {
  const Curve bend = [](const std::vector<double>& at) {
    return at[0] > 10 ? at[0] * at[0] : 0;
  };
  EXPECT_THAT(Added(Grid({NumberAxis("x", {1, 4, 16, 64})}), bend, 1),
              ElementsAre(DoubleNear(8, 1e-9)));
  EXPECT_THAT(Added(Grid({NumberAxis("x", {0, 8, 16, 24})}), bend, 1), ElementsAre(4));
}

TEST(Refinement, NeverAddsAValueTwice) {
  // An axis of whole numbers has no value between neighbours.
  GridAxis whole = NumberAxis("x", {90, 95, 100, 105, 110});
  whole.make = [](double si) {
    return Coordinate{fmt::format("{:.0f}", si), std::round(si), {}};
  };
  const std::vector<double> added = Added(
      Grid({whole}),
      [](const auto& at) {
        return std::abs(at[0] - 101.3);
      },
      100);
  std::set<double> values = {90, 95, 100, 105, 110};
  for (const double x : added) {
    EXPECT_TRUE(values.insert(x).second) << x;
    EXPECT_EQ(x, std::round(x));
  }
  EXPECT_TRUE(values.contains(101));
}

TEST(Refinement, LooksAtAllCurvesOfAnAxis) {
  // The curve of the second choice bends, the first is flat.
  const Grid grid({ChoiceAxis("kind", {"flat", "bent"}), NumberAxis("x", {25, 50, 200, 400, 800})});
  const std::vector<double> added = Added(
      grid,
      [](const auto& at) {
        return at[0] == 0 ? 1 : std::max(1.0, 100 / at[1]);
      },
      3, "x");
  ASSERT_EQ(added.size(), 3U);
  EXPECT_GT(added[0], 25);
  EXPECT_LT(added[0], 200);
}

TEST(Refinement, GoesRoundPointsThatWereRefused) {
  const Grid grid({NumberAxis("x", {12, 25, 50, 200, 400, 800, 1600})});
  const std::vector<double> added = Added(
      grid,
      [](const auto& at) {
        return at[0] < 30 ? std::nan("") : Knee(at);
      },
      3);
  ASSERT_FALSE(added.empty());
  EXPECT_GT(added[0], 50);
  EXPECT_LT(added[0], 200);
}

TEST(Refinement, LooksAtTheFirstPointsAlone) {
  Grid grid({NumberAxis("x", {25, 50, 200, 400})});
  const Folder folder;
  std::vector<PointRecord> records;
  for (std::size_t i = 0; i < 4; ++i) {
    records.push_back(
        RecordAt(grid, {i}, static_cast<std::int64_t>(i), {StepTime(Knee(grid.ValuesAt({i})))}));
  }
  WriteLines(folder.File("journal"), records);
  const auto first = FindBend(grid, "step_time", "", folder.File("journal"), 4);
  ASSERT_TRUE(first);
  // A journal that has the new point already tells the same, though the grid has it not.
  Grid grown = grid;
  grown.Append(0, first->coordinate);
  records.push_back(RecordAt(grown, {4}, 4, {StepTime(Knee({first->coordinate.si}))}));
  WriteLines(folder.File("journal"), records);
  const auto again = FindBend(grid, "step_time", "", folder.File("journal"), 4);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->coordinate.si, first->coordinate.si);
}

std::string RefusalOfRefine(const Grid& grid, const std::string& output,
                            const std::string& axis = "") {
  return RefusalsOf([&] {
    CheckRefine(grid, output, axis);
  });
}

TEST(Refinement, NeedsANumberAndAnAxisOfNumbers) {
  const Grid one({NumberAxis("x", {1, 2, 3})});
  EXPECT_NO_THROW(CheckRefine(one, "step_time", ""));
  EXPECT_NO_THROW(CheckRefine(one, "breakdown.data_comm", "x"));
  EXPECT_THAT(RefusalOfRefine(one, "step_tim"), HasSubstr("did you mean \"step_time\"?"));
  EXPECT_THAT(RefusalOfRefine(one, "binding_wall"), HasSubstr("is a text and no number"));
  EXPECT_THAT(RefusalOfRefine(one, "step_time", "y"), HasSubstr("\"y\" cannot be refined"));
  const Grid two({NumberAxis("x", {1, 2, 3}), NumberAxis("y", {1, 2, 3})});
  EXPECT_THAT(RefusalOfRefine(two, "step_time"), HasSubstr("the axis to refine is not said"));
  EXPECT_NO_THROW(CheckRefine(two, "step_time", "y"));
  const Grid short_axis({NumberAxis("x", {1, 2}), ChoiceAxis("c", {"a", "b", "c"})});
  EXPECT_THAT(RefusalOfRefine(short_axis, "step_time"), HasSubstr("three or more numbers"));
}

}  // namespace
}  // namespace gridlock
