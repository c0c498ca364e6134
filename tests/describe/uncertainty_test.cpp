// What published runs say of the step time of a run.

#include "sim/describe/uncertainty.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

const char* const kTable =
    "group,stack,accelerator,rows,refused,median_pct,p90_pct,bias_pct,instead\n"
    "all,,,50,2,4.0,9.0,-1.0,\n"
    "stack,fast,,30,0,3.0,7.0,0.5,\n"
    "stack,slow,,20,2,6.0,12.0,-2.0,\n"
    "accelerator,,h100,40,1,3.5,8.0,0.1,\n"
    "pair,fast,h100,25,0,2.5,6.0,0.2,\n"
    "without_stack,*,,48,2,15.0,30.0,5.0,\n"
    "without_accelerator,,*,49,1,10.0,25.0,5.0,\n";

ExpectedError Of(const std::string& stack, const std::string& accelerator) {
  return ExpectedErrorOf(ReadUncertainty("t.csv", kTable), stack, accelerator).value();
}

}  // namespace

TEST(Uncertainty, IsThatOfRunsOfTheStackOnThePart) {
  const ExpectedError error = Of("fast", "h100");
  EXPECT_EQ(error.rows, 25);
  EXPECT_EQ(error.median_pct, 2.5);
  EXPECT_EQ(error.p90_pct, 6.0);
  EXPECT_EQ(error.basis, "published runs of fast on h100");
}

TEST(Uncertainty, IsTheLargerOneWhereBothAreKnownApart) {
  const ExpectedError error = Of("slow", "h100");
  EXPECT_EQ(error.p90_pct, 12.0);
  EXPECT_THAT(error.basis, HasSubstr("runs of slow; too few of slow on h100"));
}

TEST(Uncertainty, OfWhatNobodyMeasuredIsThatOfRowsLeftOut) {
  EXPECT_EQ(Of("fast", "mine").p90_pct, 25.0);
  EXPECT_THAT(Of("fast", "mine").basis, HasSubstr("none of mine is known"));
  EXPECT_EQ(Of("mine", "h100").p90_pct, 30.0);
  EXPECT_EQ(Of("mine", "mine").rows, 48);
}

TEST(Uncertainty, HasATableThatIsShipped) {
  const auto error = ExpectedErrorOf("megatron_core", "h100_sxm");
  ASSERT_TRUE(error.has_value());
  EXPECT_GE(error->rows, 5);
  EXPECT_LE(error->median_pct, error->p90_pct);
}

TEST(Uncertainty, RefusesATableThatItDoesNotUnderstand) {
  EXPECT_THROW(ReadUncertainty("t.csv", "group,stack\nall,\n"), UserError);
  std::string text = kTable;
  text.replace(text.find("4.0"), 3, "???");
  try {
    ReadUncertainty("t.csv", text);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("median_pct is \"???\"; expected a number"));
  }
}

}  // namespace gridlock
