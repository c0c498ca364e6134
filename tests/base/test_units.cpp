#include <clocale>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "sim/base/units.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

// The properties draw the same values in every run; RC_PARAMS from outside wins.
[[maybe_unused]] const int kSeeded = setenv("RC_PARAMS", "seed=20240601", 0);

double Parse(std::string_view text, Dimension dimension) {
  const ParsedQuantity parsed = ParseQuantity(text, dimension);
  EXPECT_TRUE(parsed.si.has_value()) << parsed.problem;
  return parsed.si.value_or(std::numeric_limits<double>::quiet_NaN());
}

std::string Refusal(std::string_view text, Dimension dimension) {
  const ParsedQuantity parsed = ParseQuantity(text, dimension);
  EXPECT_FALSE(parsed.si.has_value()) << text << " was read as " << parsed.si.value_or(0);
  return parsed.problem;
}

struct Spelling {
  const char* text;
  Dimension dimension;
  double si;
};

class SpellingTest : public ::testing::TestWithParam<Spelling> {};

TEST_P(SpellingTest, IsReadInSiUnits) {
  EXPECT_DOUBLE_EQ(Parse(GetParam().text, GetParam().dimension), GetParam().si);
}

INSTANTIATE_TEST_SUITE_P(Bandwidth, SpellingTest,
                         ::testing::Values(Spelling{"8 bps", Dimension::kBandwidth, 1.0},
                                           Spelling{"8 Kbps", Dimension::kBandwidth, 1e3},
                                           Spelling{"8 kbps", Dimension::kBandwidth, 1e3},
                                           Spelling{"8 Mbps", Dimension::kBandwidth, 1e6},
                                           Spelling{"400 Gbps", Dimension::kBandwidth, 50e9},
                                           Spelling{"400Gbps", Dimension::kBandwidth, 50e9},
                                           Spelling{"400 Gbit/s", Dimension::kBandwidth, 50e9},
                                           Spelling{"400 Gb/s", Dimension::kBandwidth, 50e9},
                                           Spelling{"1.6 Tbps", Dimension::kBandwidth, 200e9},
                                           Spelling{"3 B/s", Dimension::kBandwidth, 3.0},
                                           Spelling{"3 kB/s", Dimension::kBandwidth, 3e3},
                                           Spelling{"3 MB/s", Dimension::kBandwidth, 3e6},
                                           Spelling{"450 GB/s", Dimension::kBandwidth, 450e9},
                                           Spelling{"450 GBps", Dimension::kBandwidth, 450e9},
                                           Spelling{"1 GiB/s", Dimension::kBandwidth, 1073741824.0},
                                           Spelling{"3.35 TB/s", Dimension::kBandwidth, 3.35e12}));

INSTANTIATE_TEST_SUITE_P(
    Others, SpellingTest,
    ::testing::Values(
        Spelling{"7 B", Dimension::kData, 7.0}, Spelling{"7 kB", Dimension::kData, 7e3},
        Spelling{"7 KiB", Dimension::kData, 7168.0},
        Spelling{"25 MiB", Dimension::kData, 26214400.0}, Spelling{"80 GB", Dimension::kData, 80e9},
        Spelling{"1 TiB", Dimension::kData, 1099511627776.0},
        Spelling{"500 ns", Dimension::kTime, 500e-9}, Spelling{"2us", Dimension::kTime, 2e-6},
        Spelling{"2 \xC2\xB5s", Dimension::kTime, 2e-6},
        Spelling{"2.5 ms", Dimension::kTime, 2.5e-3}, Spelling{"5 min", Dimension::kTime, 300.0},
        Spelling{"1.5 h", Dimension::kTime, 5400.0}, Spelling{"1 day", Dimension::kTime, 86400.0},
        Spelling{"7 days", Dimension::kTime, 604800.0}, Spelling{"-3 s", Dimension::kTime, -3.0},
        Spelling{"989 TFLOPS", Dimension::kCompute, 989e12},
        Spelling{"989 TFLOP/s", Dimension::kCompute, 989e12},
        Spelling{"1.2 PFLOPS", Dimension::kCompute, 1.2e15},
        Spelling{"128 GFLOP", Dimension::kWork, 128e9},
        Spelling{"1e3 FLOP", Dimension::kWork, 1000.0}, Spelling{"700 W", Dimension::kPower, 700.0},
        Spelling{"1.2 kW", Dimension::kPower, 1200.0}, Spelling{"150 MW", Dimension::kPower, 150e6},
        Spelling{"0.5 pJ/FLOP", Dimension::kEnergyPerFlop, 0.5e-12},
        Spelling{"35 pJ/B", Dimension::kEnergyPerByte, 35e-12},
        Spelling{"4 pJ/bit", Dimension::kEnergyPerByte, 32e-12},
        Spelling{"500 m", Dimension::kLength, 500.0}, Spelling{"40 km", Dimension::kLength, 40e3},
        Spelling{"826 mm2", Dimension::kArea, 826e-6},
        Spelling{"  80\tGB ", Dimension::kData, 80e9}));

TEST(ParseQuantity, AsksForAUnitAndShowsHowOneIsWritten) {
  EXPECT_EQ(Refusal("450", Dimension::kBandwidth),
            "\"450\" has no unit; expected a bandwidth such as \"400 Gbps\" or \"50 GB/s\"");
  EXPECT_THAT(Refusal("0", Dimension::kTime), HasSubstr("has no unit"));
}

TEST(ParseQuantity, NamesTheNearestUnit) {
  EXPECT_EQ(Refusal("450 GBPS", Dimension::kBandwidth),
            "\"450 GBPS\" has the unknown unit \"GBPS\"; expected a bandwidth such as \"400 Gbps\" "
            "or \"50 GB/s\"; did you mean \"GBps\"?");
  EXPECT_THAT(Refusal("80 Gb", Dimension::kData), HasSubstr("did you mean \"GB\"?"));
  EXPECT_THAT(Refusal("80 KB", Dimension::kData), HasSubstr("did you mean \"kB\"?"));
  EXPECT_THAT(Refusal("5 S", Dimension::kTime), HasSubstr("did you mean \"s\"?"));
  EXPECT_THAT(Refusal("150 mW", Dimension::kPower), HasSubstr("did you mean \"MW\"?"));
  EXPECT_THAT(Refusal("989 TFLOPs", Dimension::kCompute), HasSubstr("did you mean \"TFLOPS\"?"));
}

TEST(ParseQuantity, ListsTheUnitsWhenNoneIsNear) {
  EXPECT_THAT(Refusal("3 furlong", Dimension::kPower), HasSubstr("units are W, kW, MW, GW"));
}

TEST(ParseQuantity, SaysWhatAUnitOfAnotherDimensionMeasures) {
  EXPECT_EQ(Refusal("400 GB", Dimension::kBandwidth),
            "\"400 GB\" is an amount of data; expected a bandwidth such as \"400 Gbps\" or "
            "\"50 GB/s\"");
  EXPECT_THAT(Refusal("1 TFLOP", Dimension::kCompute), HasSubstr("is an amount of work"));
  EXPECT_THAT(Refusal("1 TFLOPS", Dimension::kWork), HasSubstr("is a compute rate"));
  EXPECT_THAT(Refusal("500 m", Dimension::kTime), HasSubstr("is a length"));
}

TEST(ParseQuantity, RefusesWhatIsNoFiniteNumber) {
  EXPECT_THAT(Refusal("nan GB", Dimension::kData), HasSubstr("is not a finite number"));
  EXPECT_THAT(Refusal("inf GB", Dimension::kData), HasSubstr("is not a finite number"));
  EXPECT_THAT(Refusal("-infinity s", Dimension::kTime), HasSubstr("is not a finite number"));
  EXPECT_THAT(Refusal("1e999 GB", Dimension::kData), HasSubstr("too large or too small"));
  EXPECT_THAT(Refusal("1e308 GB", Dimension::kData), HasSubstr("too large or too small"));
  EXPECT_THAT(Refusal("GB", Dimension::kData), HasSubstr("does not start with a number"));
  EXPECT_THAT(Refusal("", Dimension::kData), HasSubstr("is empty"));
  EXPECT_THAT(Refusal("   ", Dimension::kData), HasSubstr("is empty"));
}

TEST(ParseQuantity, RefusesTrailingText) {
  EXPECT_THAT(Refusal("80 GB each", Dimension::kData), HasSubstr("unknown unit \"GB each\""));
  EXPECT_THAT(Refusal("80 GB 2", Dimension::kData), HasSubstr("unknown unit"));
  EXPECT_THAT(Refusal("1,000 GB", Dimension::kData), HasSubstr("unknown unit \",000 GB\""));
  EXPECT_THAT(Refusal(std::string_view("80 GB\0", 6), Dimension::kData), HasSubstr("unknown"));
}

TEST(ParseQuantity, DoesNotDependOnTheLocale) {
  // Whether or not the German locale is installed, the answer is the same.
  (void)std::setlocale(LC_ALL, "de_DE.UTF-8");
  EXPECT_DOUBLE_EQ(Parse("2.5 ms", Dimension::kTime), 2.5e-3);
  EXPECT_EQ(FormatSeconds(Seconds(2.5e-3)), "2.5 ms");
  (void)std::setlocale(LC_ALL, "C");
}

TEST(ParseQuantity, KnowsWeeksMonthsAndYears) {
  EXPECT_DOUBLE_EQ(Parse("2 weeks", Dimension::kTime), 14 * 86400.0);
  EXPECT_DOUBLE_EQ(Parse("12 months", Dimension::kTime), Parse("1 year", Dimension::kTime));
  EXPECT_DOUBLE_EQ(Parse("10 years", Dimension::kTime), 10 * kYear.si());
}

TEST(UnitsOf, ListsOnlyUnitsThatAreAccepted) {
  for (int d = 0; d <= static_cast<int>(Dimension::kArea); ++d) {
    const auto dimension = static_cast<Dimension>(d);
    std::string units = UnitsOf(dimension) + ", ";
    int count = 0;
    for (std::size_t comma = units.find(", "); comma != std::string::npos;
         units.erase(0, comma + 2), comma = units.find(", "), ++count) {
      EXPECT_GT(Parse("1 " + units.substr(0, comma), dimension), 0.0);
    }
    EXPECT_GE(count, 2);
  }
}

TEST(Format, ChoosesAFittingPrefix) {
  EXPECT_EQ(FormatBandwidth(BytesPerSecond(450e9)), "450 GB/s");
  EXPECT_EQ(FormatBandwidth(BytesPerSecond(3.35e12)), "3.35 TB/s");
  EXPECT_EQ(FormatSeconds(Seconds(12.3e-3)), "12.3 ms");
  EXPECT_EQ(FormatSeconds(Seconds(90)), "90 s");
  EXPECT_EQ(FormatSeconds(Seconds(600)), "10 min");
  EXPECT_EQ(FormatSeconds(Seconds(36 * 3600)), "36 h");
  EXPECT_EQ(FormatSeconds(Seconds(7 * 86400)), "7 days");
  EXPECT_EQ(FormatSeconds(Seconds(16380 * 86400.0)), "16380 days");
  EXPECT_EQ(FormatBytes(Bytes(80e9)), "80 GB");
  EXPECT_EQ(FormatBytes(Bytes(999.96e6)), "1 GB");
  EXPECT_EQ(FormatFlopRate(FlopPerSecond(989e12)), "989 TFLOPS");
  EXPECT_EQ(FormatWatts(Watts(2.5e6)), "2.5 MW");
  EXPECT_EQ(FormatJoules(Joules(0.5e-12)), "0.5 pJ");
}

TEST(Format, WritesZeroAndNegativeValuesPlainly) {
  EXPECT_EQ(FormatSeconds(Seconds(0)), "0 s");
  EXPECT_EQ(FormatBytes(Bytes(0)), "0 B");
  EXPECT_EQ(FormatSeconds(Seconds(-2e-3)), "-2 ms");
}

/// A positive value of any magnitude between 10^low and 10^high.
double Magnitude(int low, int high) {
  const int exponent = *rc::gen::inRange(low, high);
  const int mantissa = *rc::gen::inRange(100000, 1000000);
  return mantissa * 1e-5 * std::pow(10.0, exponent);
}

/// Four significant digits err by at most half a unit of the fourth: 5e-4 of a leading 1.
constexpr double kFourDigits = 5.1e-4;

void ExpectRoundTrip(const std::string& text, Dimension dimension, double si) {
  const ParsedQuantity parsed = ParseQuantity(text, dimension);
  RC_ASSERT(parsed.si.has_value());
  RC_ASSERT(std::abs(*parsed.si - si) <= kFourDigits * si);
}

RC_GTEST_PROP(FormatProperty, EveryTextIsReadBackAsTheSameValue, ()) {
  const double tiny = Magnitude(-9, 8);
  ExpectRoundTrip(FormatSeconds(Seconds(tiny)), Dimension::kTime, tiny);
  const double large = Magnitude(0, 20);
  ExpectRoundTrip(FormatBytes(Bytes(large)), Dimension::kData, large);
  ExpectRoundTrip(FormatBandwidth(BytesPerSecond(large)), Dimension::kBandwidth, large);
  ExpectRoundTrip(FormatFlopRate(FlopPerSecond(large)), Dimension::kCompute, large);
  ExpectRoundTrip(FormatWatts(Watts(large)), Dimension::kPower, large);
}

RC_GTEST_PROP(ParseQuantityProperty, AnyTextIsEitherReadAsAFiniteNumberOrExplained,
              (const std::string& text)) {
  for (int d = 0; d <= static_cast<int>(Dimension::kArea); ++d) {
    const ParsedQuantity parsed = ParseQuantity(text, static_cast<Dimension>(d));
    RC_ASSERT(parsed.si.has_value() == parsed.problem.empty());
    RC_ASSERT(!parsed.si.has_value() || std::isfinite(*parsed.si));
    RC_ASSERT(parsed.problem.find('\n') == std::string::npos);
  }
}

RC_GTEST_PROP(ParseQuantityProperty, AByteIsEightBits, ()) {
  const int number = *rc::gen::inRange(1, 1000000);
  const double bits = Parse(std::to_string(number) + " Gbps", Dimension::kBandwidth);
  const double bytes = Parse(std::to_string(number) + " GBps", Dimension::kBandwidth);
  RC_ASSERT(bits * 8.0 == bytes);
}

}  // namespace
}  // namespace gridlock
