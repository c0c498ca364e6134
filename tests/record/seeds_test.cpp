// The spread of key figures over seeds.

#include "sim/report/seeds.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/record/life_sample.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

TEST(StudentT, IsThatOfTheTables) {
  EXPECT_NEAR(StudentT95(1), 12.706, 1e-3);
  EXPECT_NEAR(StudentT95(2), 4.303, 1e-3);
  EXPECT_NEAR(StudentT95(3), 3.182, 0.001);
  EXPECT_NEAR(StudentT95(4), 2.776, 0.001);
  EXPECT_NEAR(StudentT95(9), 2.262, 0.001);
  EXPECT_NEAR(StudentT95(99), 1.984, 0.001);
}

TEST(Spread, IsMeanDeviationAndInterval) {
  const auto life = [](double value) {
    return std::vector<KeyFigure>{{"run: ETTR", "%", value}};
  };
  const std::vector<FigureSpread> spread =
      SpreadOf({life(1), life(2), life(3), life(std::numeric_limits<double>::quiet_NaN())});
  ASSERT_EQ(spread.size(), 1U);
  EXPECT_EQ(spread[0].lives, 3);
  EXPECT_DOUBLE_EQ(spread[0].mean, 2);
  EXPECT_DOUBLE_EQ(spread[0].deviation, 1);
  EXPECT_NEAR(spread[0].half_width, 4.302652729911275 / std::sqrt(3.0), 1e-9);
  EXPECT_EQ(spread[0].least, 1);
  EXPECT_EQ(spread[0].most, 3);
}

TEST(Seeds, TellTheFiguresOfALife) {
  const std::vector<KeyFigure> figures = KeyFiguresOf(SmallLife());
  ASSERT_FALSE(figures.empty());
  const std::vector<FigureSpread> spread = SpreadOf({figures, figures});
  const std::string text = SeedsText("week", spread, 2, 7);
  EXPECT_THAT(text, HasSubstr("2 lives, seeds 7 to 8"));
  EXPECT_THAT(text, HasSubstr("ETTR, %"));
  EXPECT_THAT(SeedsJson("week", spread, 2, 7), HasSubstr("\"half_width_95\""));
}

}  // namespace
}  // namespace gridlock
