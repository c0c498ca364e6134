// Sweeps from texts: the coordinates of each kind of axis, and which cells are left.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/sweep/sweep.h"
#include "tests/fixture_files.h"
#include "tests/sweep/sweep_samples.h"

namespace gridlock {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;
using ::testing::StartsWith;

/// What the coordinates of the first axis set, "a=1 b=2" each.
std::vector<std::string> SetsOf(const Sweep& sweep) {
  std::vector<std::string> sets;
  for (const Coordinate& each : sweep.grid.axes().at(0).coordinates) {
    std::string set = LinesOf(each.point);
    std::replace(set.begin(), set.end(), '\n', ' ');
    sets.push_back(set);
  }
  return sets;
}

TEST(Sweep, WithoutAnAxisHasOnePoint) {
  const Sweep sweep = SweepOf("");
  EXPECT_EQ(sweep.name, "s");
  EXPECT_EQ(sweep.fidelity, Fidelity::kAnalytic);
  EXPECT_THAT(CellsOf(sweep), ElementsAre(0));
  ASSERT_EQ(sweep.bases.size(), 1U);
  EXPECT_EQ(sweep.bases[0].base.At({}).name, "small");
}

TEST(Sweep, PutsItsOverridesOnTheScenario) {
  const Sweep sweep = SweepOf("set: \"site[0].servers=3\" set: \"seed=4\"", {"seed=5"});
  EXPECT_EQ(sweep.bases[0].base.At({}).site().servers, 3);
  EXPECT_EQ(sweep.bases[0].base.At({}).seed, 5U);  // the command line is above the file
}

TEST(Axis, OfValuesSetsItsPathsToThem) {
  const Sweep sweep = SweepOf(
      "axis { name: \"nic\" path: [\"site[0].override.nic_bandwidth\", "
      "\"site[0].override.fabric_nic_bandwidth\"] values: \"100, 200, 400 Gbps\" }");
  const GridAxis& axis = sweep.grid.axes().at(0);
  EXPECT_EQ(axis.units, "byte/s");
  EXPECT_FALSE(axis.is_choice);
  EXPECT_THAT(LabelsOf(axis), ElementsAre("100 Gbps", "200 Gbps", "400 Gbps"));
  EXPECT_THAT(ValuesOf(axis), ElementsAre(1.25e10, 2.5e10, 5e10));
  EXPECT_EQ(SetsOf(sweep)[1],
            "site[0].override.nic_bandwidth=200 Gbps "
            "site[0].override.fabric_nic_bandwidth=200 Gbps");
}

TEST(Axis, OfValuesWithDotsIsEvenlySpaced) {
  const Sweep sweep =
      SweepOf("axis { name: \"n\" path: \"site[0].servers\" values: \"2, 4, ..., 10\" }");
  EXPECT_THAT(LabelsOf(sweep.grid.axes()[0]), ElementsAre("2", "4", "6", "8", "10"));
  EXPECT_EQ(sweep.grid.axes()[0].units, "1");
}

TEST(Axis, OfNamesIsAChoice) {
  const Sweep sweep =
      SweepOf("axis { name: \"server\" path: \"site[0].server\" values: \"dgx_a100, dgx_h100\" }");
  EXPECT_TRUE(sweep.grid.axes()[0].is_choice);
  EXPECT_THAT(ValuesOf(sweep.grid.axes()[0]), ElementsAre(0, 1));
  EXPECT_THAT(SetsOf(sweep), ElementsAre("site[0].server=dgx_a100", "site[0].server=dgx_h100"));
}

TEST(Axis, OfALogRangeHasEqualRatios) {
  const Sweep sweep = SweepOf(
      "axis { name: \"nic\" path: \"site[0].override.nic_bandwidth\" "
      "log { from: \"50 Gbps\" to: \"1.6 Tbps\" points: 6 } }");
  const GridAxis& axis = sweep.grid.axes()[0];
  EXPECT_THAT(LabelsOf(axis),
              ElementsAre("50 Gbps", "100 Gbps", "200 Gbps", "400 Gbps", "800 Gbps", "1600 Gbps"));
  EXPECT_THAT(ValuesOf(axis),
              Pointwise(DoubleNear(1), {6.25e9, 1.25e10, 2.5e10, 5e10, 1e11, 2e11}));
}

TEST(Axis, OfALogRangeOfWholeNumbersHasWholeNumbers) {
  const Sweep sweep = SweepOf(
      "axis { name: \"n\" path: \"site[0].servers\" log { from: \"1\" to: \"1000\" points: 5 } }");
  EXPECT_THAT(LabelsOf(sweep.grid.axes()[0]), ElementsAre("1", "6", "32", "178", "1000"));
}

TEST(Axis, OfSeedsSetsTheSeed) {
  const Sweep sweep = SweepOf("axis { name: \"seed\" seeds { first: 7 count: 3 } }");
  EXPECT_THAT(SetsOf(sweep), ElementsAre("seed=7", "seed=8", "seed=9"));
  EXPECT_THAT(SetsOf(SweepOf("axis { name: \"draw\" seeds { count: 2 } }")),
              ElementsAre("seed=0", "seed=1"));
}

TEST(Axis, IsZippedWithListsAndMultiples) {
  const Sweep sweep = SweepOf(
      "axis { name: \"accelerators\" values: \"8, 64\" "
      "  with { path: \"site[0].servers\" times: 0.125 }"
      "  with { path: \"job[0].pretraining.layout.data\" values: \"4, 32\" } }");
  EXPECT_THAT(SetsOf(sweep), ElementsAre("site[0].servers=1 job[0].pretraining.layout.data=4",
                                         "site[0].servers=8 job[0].pretraining.layout.data=32"));
}

TEST(Axis, IsZippedWithMultiplesThatAreNotOffByRounding) {
  EXPECT_EQ(SetsOf(SweepOf("axis { name: \"n\" values: \"100\" "
                           "with { path: \"site[0].servers\" times: 0.07 } }")),
            std::vector<std::string>{"site[0].servers=7"});
}

TEST(Axis, IsZippedWithMultiplesThatKeepTheUnit) {
  const Sweep sweep = SweepOf(
      "axis { name: \"nic\" path: \"site[0].override.nic_bandwidth\" values: \"100, 200 Gbps\""
      "  with { path: \"site[0].override.fabric_nic_bandwidth\" times: 2 } }");
  EXPECT_EQ(SetsOf(sweep)[1],
            "site[0].override.nic_bandwidth=200 Gbps "
            "site[0].override.fabric_nic_bandwidth=400 Gbps");
}

TEST(Axis, OfChoicesSetsWhatEachSays) {
  const Sweep sweep = SweepOf(
      "axis { name: \"layout\" choice { name: \"as it is\" } choice { name: \"wide\" "
      "set: \"job[0].pretraining.layout={ tensor: 4 pipeline: 1 data: 2 }\" set: \"seed=2\" } }");
  const GridAxis& axis = sweep.grid.axes()[0];
  EXPECT_TRUE(axis.is_choice);
  EXPECT_THAT(LabelsOf(axis), ElementsAre("as it is", "wide"));
  EXPECT_THAT(
      SetsOf(sweep),
      ElementsAre("", "job[0].pretraining.layout={ tensor: 4 pipeline: 1 data: 2 } seed=2"));
  const Scenario wide = sweep.bases[0].base.At(sweep.grid.PointAt({1}));
  EXPECT_EQ(wide.training().layout.tensor, 4);
  EXPECT_EQ(wide.training().layout.data, 2);
}

TEST(Axis, OfChoicesMayStartFromScenariosOfTheirOwn) {
  setenv("GRIDLOCK_CATALOG", (kSweepFixtures + "/catalog").c_str(), 1);
  const Sweep sweep =
      ReadSweepText(kSweepFixtures + "/right/sweep.textproto",
                    "schema_version: 1 name: \"s\" axis { name: \"run\" "
                    "choice { name: \"step\" scenario: \"small.textproto\" } "
                    "choice { name: \"life\" scenario: \"life.textproto\" } "
                    "choice { name: \"again\" scenario: \"./small.textproto\" set: \"seed=2\" } }",
                    {});
  ASSERT_EQ(sweep.bases.size(), 2U);
  EXPECT_EQ(sweep.grid.BaseAt({0}), 0U);
  EXPECT_EQ(sweep.grid.BaseAt({1}), 1U);
  EXPECT_EQ(sweep.grid.BaseAt({2}), 0U);
}

TEST(Axis, OfACapSetsWhatTheCapSets) {
  const Sweep sweep =
      SweepOf("axis { name: \"links\" cap: \"scale_up\" values: \"400, 200, 100 GBps\" }");
  const GridAxis& axis = sweep.grid.axes()[0];
  // Vendors print both directions; the axis is per direction.
  EXPECT_THAT(LabelsOf(axis), ElementsAre("200 GB/s", "100 GB/s", "50 GB/s"));
  EXPECT_THAT(ValuesOf(axis), ElementsAre(2e11, 1e11, 5e10));
  EXPECT_EQ(axis.units, "byte/s");
  EXPECT_EQ(SetsOf(sweep)[0], "site[0].override.scale_up.bidirectional=400 GBps");
  EXPECT_EQ(
      sweep.bases[0].base.At(sweep.grid.PointAt({1})).site().server.accelerator.scale_up_bandwidth,
      BytesPerSecond(1e11));
}

TEST(Axis, OfACapMayBeALogRange) {
  const Sweep sweep = SweepOf(
      "axis { name: \"nic\" cap: \"nic\" log { from: \"100 Gbps\" to: \"25 Gbps\" points: 3 } }");
  EXPECT_THAT(LabelsOf(sweep.grid.axes()[0]), ElementsAre("100 Gbps", "50 Gbps", "25 Gbps"));
  EXPECT_THAT(SetsOf(sweep)[0], StartsWith("site[0].override.nic_bandwidth=100 Gbps"));
}

TEST(Axis, OfPlainNumbersMakesCoordinatesOfAnyValue) {
  const Sweep sweep = SweepOf(
      "axis { name: \"nic\" path: \"site[0].override.nic_bandwidth\" values: \"100, 200, 400 Gbps\""
      "  with { path: \"site[0].override.fabric_nic_bandwidth\" times: 2 } }");
  const GridAxis& axis = sweep.grid.axes()[0];
  ASSERT_TRUE(axis.make);
  const Coordinate made = axis.make(1.875e10);
  EXPECT_EQ(made.label, "150 Gbps");
  EXPECT_DOUBLE_EQ(made.si, 1.875e10);
  EXPECT_EQ(LinesOf(made.point),
            "site[0].override.nic_bandwidth=150 Gbps\n"
            "site[0].override.fabric_nic_bandwidth=300 Gbps");
  for (const double value : {1.0, 1.23456789e6, 1.23456789e12, 1e-3}) {  // and reads them back
    EXPECT_NEAR(axis.make(value).si, value, 1e-3 * value);
  }
}

TEST(Axis, OfWholeNumbersMakesWholeNumbers) {
  const Sweep sweep =
      SweepOf("axis { name: \"n\" path: \"site[0].servers\" values: \"1, 8, 64\" }");
  const Coordinate made = sweep.grid.axes()[0].make(22.6);
  EXPECT_EQ(made.label, "23");
  EXPECT_EQ(made.si, 23);
  EXPECT_EQ(LinesOf(made.point), "site[0].servers=23");
  EXPECT_EQ(sweep.grid.axes()[0].make(1234567.8).label, "1234568");
}

TEST(Axis, OfACapMakesCapsOfAnyValue) {
  for (const std::string& cap : {std::string("scale_up\" values: \"400, 200, 100 GBps"),
                                 std::string("nic\" values: \"200, 100, 50 Gbps"),
                                 std::string("hbm\" values: \"2, 1.5, 1 TB/s"),
                                 std::string("flops\" values: \"100, 80, 60 %"),
                                 std::string("power\" values: \"400, 350, 300 W")}) {
    const Sweep sweep = SweepOf("axis { name: \"c\" cap: \"" + cap + "\" }");
    const GridAxis& axis = sweep.grid.axes()[0];
    ASSERT_TRUE(axis.make) << cap;
    const double value = 0.6 * axis.coordinates[0].si + 0.4 * axis.coordinates[1].si;
    const Coordinate made = axis.make(value);
    EXPECT_NEAR(made.si, value, 5e-3 * value) << cap;
    EXPECT_NO_THROW((void)sweep.bases[0].base.At(made.point)) << cap;
  }
}

TEST(Axis, WithAListOrNamesOrSeedsMakesNone) {
  for (const std::string& axis :
       {std::string("values: \"1, 2, 4\" with { path: \"seed\" values: \"1, 2, 3\" }"),
        std::string("choice { name: \"a\" } choice { name: \"b\" set: \"seed=2\" }"),
        std::string("seeds { count: 3 }")}) {
    EXPECT_FALSE(SweepOf("axis { name: \"n\" " + axis + " }").grid.axes()[0].make) << axis;
  }
}

constexpr const char* kTwoAxes =
    "axis { name: \"servers\" path: \"site[0].servers\" values: \"1, 2, 4\" }"
    "axis { name: \"kind\" choice { name: \"plain\" } choice { name: \"odd one\" set: \"seed=3\" } "
    "}";

TEST(Only, KeepsTheCellsWhereEveryFormulaHolds) {
  EXPECT_EQ(CellsOf(SweepOf(kTwoAxes)).size(), 6U);
  EXPECT_THAT(CellsOf(SweepOf(std::string(kTwoAxes) + "only: \"servers > 1 || kind == plain\"")),
              ElementsAre(0, 2, 3, 4, 5));
  EXPECT_THAT(
      CellsOf(SweepOf(std::string(kTwoAxes) + "only: \"servers > 1\" only: \"kind == odd_one\"")),
      ElementsAre(3, 5));
  EXPECT_THAT(CellsOf(SweepOf(std::string(kTwoAxes) + "only: \"servers > 9\"")), ElementsAre());
}

TEST(Only, TakesUnitsOfItsAxes) {
  const Sweep sweep = SweepOf(
      "axis { name: \"nic\" path: \"site[0].override.nic_bandwidth\" values: \"100, 200, 400 "
      "Gbps\" }"
      "only: \"nic >= 200 Gbps\" only: \"nic < 50 GBps\"");
  EXPECT_THAT(CellsOf(sweep), ElementsAre(1));
}

TEST(Only, LeavesOutWhereItIsNotDefined) {
  EXPECT_THAT(CellsOf(SweepOf(std::string(kTwoAxes) + "only: \"0 * kind / kind == 0\"")),
              ElementsAre(1, 3, 5));
}

TEST(Question, FindsItsPlacesAndOutputs) {
  const Sweep sweep = SweepOf(std::string(kTwoAxes) +
                              "verdict { claim: \"c\" value { name: \"a\" output: "
                              "\"breakdown.data_comm\" at: \"servers = 4\" at: \"kind=odd one\" "
                              "pick: MEAN } holds_when: \"a > 0\" each: \"kind\" }");
  ASSERT_EQ(sweep.verdicts.size(), 1U);
  const SweepVerdict& verdict = sweep.verdicts[0];
  EXPECT_EQ(verdict.each, 1);
  ASSERT_EQ(verdict.values.size(), 1U);
  EXPECT_EQ(verdict.values[0].output, "breakdown");
  EXPECT_EQ(verdict.values[0].element, "data_comm");
  EXPECT_EQ(verdict.values[0].pick, SweepPick::kMean);
  using Place = std::pair<std::size_t, std::size_t>;
  EXPECT_THAT(verdict.values[0].at, ElementsAre(Place(0, 2), Place(1, 1)));
}

TEST(Sweep, ReportsAllItsMistakesTogether) {
  const std::string refusals = RefusalsOf([] {
    SweepOf(
        "axis { name: \"a\" path: \"seed\" } axis { name: \"b\" values: \"1\" }\n"
        "show: \"no_such_output\"");
  });
  EXPECT_EQ(std::count(refusals.begin(), refusals.end(), '\n'), 3) << refusals;
}

}  // namespace
}  // namespace gridlock
