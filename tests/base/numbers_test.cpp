#include "sim/base/numbers.h"

#include <gtest/gtest.h>

namespace gridlock {
namespace {

TEST(ParseNumber, TakesAllOfAText) {
  EXPECT_EQ(ParseNumber("8"), 8);
  EXPECT_EQ(ParseNumber("-0.5"), -0.5);
  EXPECT_EQ(ParseNumber("1e3"), 1000);
  EXPECT_EQ(ParseNumber("1e-400"), std::nullopt) << "too small to be computed with";
}

TEST(ParseNumber, RefusesWhatIsNoNumberOfPeople) {
  for (const char* text : {"", " ", "0x10", "nan", "inf", "-inf", "1e999", "+8", " 8", "8 ", "8 GB",
                           "1,000", "8..", "e3"}) {
    EXPECT_EQ(ParseNumber(text), std::nullopt) << text;
  }
}

TEST(ParseWhole, TakesWholeNumbersAlone) {
  EXPECT_EQ(ParseWhole("8"), 8);
  EXPECT_EQ(ParseWhole("-1"), -1);
  EXPECT_EQ(ParseWhole("9223372036854775807"), 9223372036854775807);
  for (const char* text : {"", "8.0", "1e3", "0x10", "+8", " 8", "8 ", "9223372036854775808"}) {
    EXPECT_EQ(ParseWhole(text), std::nullopt) << text;
  }
}

TEST(TakeNumber, LeavesWhatStandsBehindIt) {
  std::string_view text = "8.5 GB";
  EXPECT_EQ(TakeNumber(text), 8.5);
  EXPECT_EQ(text, " GB");
  std::string_view hexadecimal = "0x10";
  EXPECT_EQ(TakeNumber(hexadecimal), 0);
  EXPECT_EQ(hexadecimal, "x10");
  std::string_view word = "nan";
  EXPECT_EQ(TakeNumber(word), std::nullopt);
  EXPECT_EQ(word, "nan");
}

TEST(FormatAmount, IsAsPeopleSayIt) {
  EXPECT_EQ(FormatAmount(3e8, 4), "300M");
  EXPECT_EQ(FormatAmount(1.3689e12, 3), "1.37T");
  EXPECT_EQ(FormatAmount(2500, 3), "2.5k");
  EXPECT_EQ(FormatAmount(999.4, 3), "999");
  EXPECT_EQ(FormatAmount(0, 3), "0");
}

}  // namespace
}  // namespace gridlock
