// Cells of a grid and their numbers.

#include "sim/sweep/grid.h"

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/sweep/sweep_samples.h"

namespace gridlock {
namespace {

using ::testing::ElementsAre;

/// Up to five axes of one to six coordinates each.
Grid DrawnGrid() {
  std::vector<GridAxis> axes;
  const int count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) {
    std::vector<double> values(static_cast<std::size_t>(*rc::gen::inRange(1, 7)));
    for (std::size_t k = 0; k < values.size(); ++k) {
      values[k] = static_cast<double>(k + 1);
    }
    axes.push_back(NumberAxis("axis" + std::to_string(i), values));
  }
  return axes;
}

RC_GTEST_PROP(Grid, NumbersEveryCellOnce, ()) {
  const Grid grid = DrawnGrid();
  std::set<Cell> cells;
  for (std::uint64_t number = 0; number < grid.cells(); ++number) {
    const Cell cell = grid.At(number);
    RC_ASSERT(cell.size() == grid.axes().size());
    RC_ASSERT(grid.NumberOf(cell) == number);
    cells.insert(cell);
  }
  RC_ASSERT(cells.size() == grid.cells());
}

RC_GTEST_PROP(Grid, NumbersItsCellsRowByRow, ()) {
  const Grid grid = DrawnGrid();
  for (std::uint64_t number = 1; number < grid.cells(); ++number) {
    RC_ASSERT(grid.At(number - 1) < grid.At(number));
  }
}

RC_GTEST_PROP(Grid, KeepsItsCellsWhenItGrows, ()) {
  Grid grid = DrawnGrid();
  RC_PRE(!grid.axes().empty());
  std::vector<Cell> cells;
  std::vector<std::vector<double>> values;
  for (std::uint64_t number = 0; number < grid.cells(); ++number) {
    cells.push_back(grid.At(number));
    values.push_back(grid.ValuesAt(cells.back()));
  }
  const std::size_t axis = *rc::gen::inRange<std::size_t>(0, grid.axes().size());
  const std::size_t before = grid.axes()[axis].coordinates.size();
  grid.Append(axis, {"new", 0.5, {}});
  RC_ASSERT(grid.cells() == cells.size() / before * (before + 1));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    RC_ASSERT(grid.ValuesAt(cells[i]) == values[i]);
    RC_ASSERT(grid.At(grid.NumberOf(cells[i])) == cells[i]);
  }
}

TEST(Grid, WithoutAxesHasOneCell) {
  const Grid grid{std::vector<GridAxis>{}};
  EXPECT_EQ(grid.cells(), 1U);
  EXPECT_TRUE(grid.At(0).empty());
  EXPECT_EQ(grid.NumberOf({}), 0U);
}

TEST(Grid, SetsLaterAxesBehindEarlierOnes) {
  GridAxis first = ChoiceAxis("first", {"a", "b"}), second = ChoiceAxis("second", {"c"});
  first.coordinates[1].point.assignments = {{"name", "of first"}, {"seed", "1"}};
  second.coordinates[0].point.assignments = {{"name", "of second"}};
  const Grid grid({first, second});
  EXPECT_EQ(LinesOf(grid.PointAt({1, 0})), "name=of first\nseed=1\nname=of second");
  EXPECT_EQ(LinesOf(grid.PointAt({0, 0})), "name=of second");
}

TEST(Grid, StartsFromTheScenarioOfTheLastChoiceThatNamesOne) {
  GridAxis first = ChoiceAxis("first", {"a", "b"}), second = ChoiceAxis("second", {"c", "d"});
  first.coordinates[1].has_base = true;
  first.coordinates[1].base = 1;
  second.coordinates[1].has_base = true;
  second.coordinates[1].base = 2;
  const Grid grid({first, second});
  EXPECT_EQ(grid.BaseAt({0, 0}), 0U);
  EXPECT_EQ(grid.BaseAt({1, 0}), 1U);
  EXPECT_EQ(grid.BaseAt({0, 1}), 2U);
  EXPECT_EQ(grid.BaseAt({1, 1}), 2U);
}

TEST(Sorted, PutsValuesInTheOrderOfTheFirstAndTheLast) {
  const Grid grid = Sorted(Grid({NumberAxis("rises", {1, 4, 2, 3}), NumberAxis("falls", {9, 5, 7}),
                                 NumberAxis("one", {1}), ChoiceAxis("choice", {"b", "a"})}));
  EXPECT_THAT(ValuesOf(grid.axes()[0]), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(ValuesOf(grid.axes()[1]), ElementsAre(9, 7, 5));
  EXPECT_THAT(ValuesOf(grid.axes()[2]), ElementsAre(1));
  EXPECT_THAT(LabelsOf(grid.axes()[3]), ElementsAre("b", "a"));
}

}  // namespace
}  // namespace gridlock
