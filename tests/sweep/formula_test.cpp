// Formulas: their units, names and messages.

#include "sim/sweep/formula.h"

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixture_files.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

double ValueOf(const std::string& text) {
  return Formula(text, {}).At({});
}

std::string RefusalOfFormula(const std::string& text, const std::vector<std::string>& names = {},
                             const std::map<std::string, double>& constants = {}) {
  return RefusalsOf([&] {
    Formula(text, names, constants);
  });
}

TEST(Formula, OfNumbersIsTheirValue) {
  EXPECT_DOUBLE_EQ(ValueOf("1 + 2 * 3"), 7);
  EXPECT_DOUBLE_EQ(ValueOf("2 > 1 && 1 == 0"), 0);
  EXPECT_DOUBLE_EQ(ValueOf("2 > 1 || 1 == 0"), 1);
  EXPECT_DOUBLE_EQ(ValueOf("max(1, 5, 3) - min(4, 2)"), 3);
  EXPECT_DOUBLE_EQ(ValueOf("1 < 2 ? 10 : 20"), 10);
}

TEST(Formula, ReadsUnitsAsSi) {
  const std::map<std::string, double> units = {
      {"400 Gbps", 5e10},     {"8 bps", 1},       {"1.6 Tbps", 2e11}, {"8 Mbps", 1e6},
      {"900 GBps", 9e11},     {"1 TBps", 1e12},   {"2 kB", 2e3},      {"3 MB", 3e6},
      {"80 GB", 8e10},        {"1 PB", 1e15},     {"5 us", 5e-6},     {"7 ns", 7e-9},
      {"2 ms", 2e-3},         {"4 s", 4},         {"2 minutes", 120}, {"36 h", 129600},
      {"2 days", 172800},     {"700 W", 700},     {"20 MW", 2e7},     {"1 GW", 1e9},
      {"989 TFLOPS", 989e12}, {"1 PFLOPS", 1e15}, {"5 percent", 0.05}};
  for (const auto& [text, si] : units) {
    EXPECT_DOUBLE_EQ(ValueOf(text), si) << text;
  }
  EXPECT_DOUBLE_EQ(ValueOf("400 Gbps == 50 GBps"), 1);
}

TEST(Formula, TakesItsNamesInTheOrderGiven) {
  Formula formula("a - 2 * b", {"b", "a"});
  EXPECT_DOUBLE_EQ(formula.At({1, 10}), 8);
  EXPECT_DOUBLE_EQ(formula.At({10, 1}), -19);  // nothing is left of the last values
}

TEST(Formula, KeepsItsValuesWhenItMoves) {
  Formula first("a + b", {"a", "b"});
  Formula second(std::move(first));
  EXPECT_DOUBLE_EQ(second.At({1, 2}), 3);
}

TEST(Formula, KnowsConstantsUnlessANameIsCalledLikeThem) {
  EXPECT_DOUBLE_EQ(Formula("fabric == torus", {"fabric"}, {{"torus", 1}}).At({1}), 1);
  EXPECT_DOUBLE_EQ(Formula("torus", {"torus"}, {{"torus", 1}}).At({7}), 7);
}

TEST(Formula, IsNotANumberWhereItIsNotDefined) {
  EXPECT_TRUE(std::isnan(Formula("0 * a / a", {"a"}).At({0})));
  EXPECT_TRUE(std::isnan(Formula("sqrt(a)", {"a"}).At({-1})));
  EXPECT_TRUE(std::isnan(Formula("a + 1", {"a"}).At({std::nan("")})));
}

TEST(Formula, WithAnUnknownNameNamesTheNearest) {
  EXPECT_EQ(RefusalOfFormula("nik >= 400 Gbps", {"nic", "accelerators"}, {{"torus", 1}}),
            "\"nik\" in the formula \"nik >= 400 Gbps\" is not known; expected nic, accelerators, "
            "torus, or a unit such as Gbps, GB/s, s or km; did you mean \"nic\"?\n");
  EXPECT_EQ(
      RefusalOfFormula("a > 1"),
      "\"a\" in the formula \"a > 1\" is not known; expected a unit such as Gbps, GB/s, s or km\n");
}

TEST(Formula, WithAnUnknownUnitIsRefused) {
  EXPECT_THAT(RefusalOfFormula("nic >= 400 Gbp", {"nic"}), HasSubstr("\"Gbp\""));
}

TEST(Formula, ThatIsNoneSaysWhatOneIs) {
  for (const std::string text : {"", " ", "1 +", "(1", "1)", "&& 1", "1 2", "max(", "\"text\"",
                                 "nic >>= 1", "1 > ", "nic nic", "?", "#"}) {
    EXPECT_THAT(RefusalOfFormula(text, {"nic"}), HasSubstr("; expected ")) << text;
  }
}

TEST(Formula, RefusesAnAssignmentForAComparison) {
  EXPECT_EQ(RefusalOfFormula("nic = 400 Gbps", {"nic"}),
            "\"nic = 400 Gbps\" is not a formula: \"=\" sets nothing here; expected \"==\" to "
            "compare\n");
  for (const std::string text : {"nic += 1", "nic -= 1", "nic *= 2", "nic /= 2", "nic=1"}) {
    EXPECT_THAT(RefusalOfFormula(text, {"nic"}), HasSubstr("is not a formula")) << text;
  }
  EXPECT_DOUBLE_EQ(ValueOf("(1 <= 1) + (2 >= 1) + (1 != 2) + (1 == 1)"), 4);
}

TEST(Formula, RefusesSeveralInOne) {
  EXPECT_THAT(RefusalOfFormula("1 > 0, 1 < 0"), HasSubstr("it is several; expected one"));
}

TEST(Formula, MayHaveANameThatIsAFunctionOrAUnit) {
  EXPECT_DOUBLE_EQ(Formula("max + max(1, 2)", {"max"}).At({5}), 7);
  EXPECT_DOUBLE_EQ(Formula("h > 120 minutes", {"h"}).At({7201}), 1);
}

TEST(FormulaName, HasLettersDigitsAndUnderscores) {
  EXPECT_EQ(FormulaName("torus"), "torus");
  EXPECT_EQ(FormulaName("2024: 16,384 H100"), "_2024_16_384_H100");
  EXPECT_EQ(FormulaName("fat-tree (3 tiers)"), "fat_tree_3_tiers");
  EXPECT_EQ(FormulaName("µs"), "s");
  EXPECT_EQ(FormulaName(""), "_");
  EXPECT_EQ(FormulaName("µ"), "_");
}

TEST(FormulaName, IsANameOfFormulas) {
  for (const std::string text : {"a b", "2024: x", "", "µ", "x__y", "_", "1"}) {
    const std::string name = FormulaName(text);
    EXPECT_DOUBLE_EQ(Formula(name + " + 1", {name}).At({2}), 3) << text;
    EXPECT_EQ(FormulaName(name), name) << text;
  }
}

}  // namespace
}  // namespace gridlock
