// The cap: what its values mean, that it changes one thing, and that it obeys the rules of --set.

#include "sim/study/cap.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/scenario/load_text.h"
#include "sim/study/value_list.h"
#include "tests/source_dir.h"

namespace gridlock {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two servers of H100: NVLink 450 GB/s per direction, 400 Gbps NICs, 3.35 TB/s of HBM, 700 W.
const std::string kExample = GRIDLOCK_SOURCE_DIR "/examples/01-two-servers/scenario.textproto";
// Two sites of them with a link of 12.8 Tbps.
const std::string kTwoSites = GRIDLOCK_SOURCE_DIR "/examples/05-two-sites/scenario.textproto";

const ScenarioBase& Base() {
  static const ScenarioBase base = ScenarioBase::FromFile(kExample, {});
  return base;
}

std::vector<CapPoint> PointsOf(const std::string& link, const std::string& values,
                               const ScenarioBase& base = Base()) {
  return CapPoints(CapTargetOf(link, base.At({})), values, base);
}

std::vector<double> ValuesOf(const std::string& link, const std::string& values) {
  std::vector<double> si;
  for (const CapPoint& point : PointsOf(link, values)) {
    si.push_back(point.si);
  }
  return si;
}

// The messages of a refusal, one a line.
std::string ProblemsOf(const std::string& link, const std::string& values,
                       const ScenarioBase& base = Base()) {
  std::string problems;
  try {
    PointsOf(link, values, base);
  } catch (const UserError& error) {
    for (const Problem& problem : error.problems()) {
      problems += (problems.empty() ? "" : "\n") + problem.message;
    }
  }
  return problems;
}

// What `--set` says to an assignment, without its place.
std::string ProblemOfSet(const std::string& assignment) {
  try {
    (void)LoadScenario(kExample, {assignment});
  } catch (const UserError& error) {
    const std::string& message = error.problems().front().message;
    return message.substr(message.find("': ") + 3);
  }
  return "";
}

// Every number that a cap can change.
std::vector<double> Rates(const Scenario& scenario) {
  const ServerSpec& server = scenario.site().server;
  const AcceleratorSpec& chip = server.accelerator;
  std::vector<double> rates = {chip.scale_up_bandwidth.si(),
                               server.nic_bandwidth.si(),
                               chip.hbm_bandwidth.si(),
                               chip.power.limit.si(),
                               server.fabric_nic_bandwidth.si(),
                               chip.hbm_capacity.si(),
                               chip.hbm_efficiency,
                               chip.sustained_clock,
                               chip.power.idle.si()};
  for (const MatrixRate& rate : chip.rates) {
    rates.push_back(rate.peak.si());
  }
  return rates;
}

}  // namespace

TEST(CapValues, OfScaleUpAreReadAsVendorsPrintThem) {
  const auto points = PointsOf("scale_up", "900,800,...,100GBps");
  ASSERT_EQ(points.size(), 9U);
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(points[i].si, (900.0 - 100.0 * static_cast<double>(i)) / 2 * 1e9);
  }
  EXPECT_EQ(points[0].label, "scale_up 450 GB/s");
  EXPECT_EQ(points[1].as_typed, "800 GBps");
  EXPECT_EQ(points[0].note,
            "scale_up 900 GB/s is read as vendors print it, both directions added: 450 GB/s per "
            "direction");
  EXPECT_EQ(LinesOf(points[1].point), "site[0].override.scale_up.bidirectional=800 GBps");
}

TEST(CapValues, PerDirectionAreTakenAsTheyAre) {
  for (const std::string text : {"400GBps/dir", "400 GB/s per direction", "400 GB/s/dir"}) {
    const auto points = PointsOf("scale_up", text);
    ASSERT_EQ(points.size(), 1U) << text;
    EXPECT_EQ(points[0].si, 400e9) << text;
    EXPECT_EQ(points[0].note, "") << text;
    EXPECT_EQ(points[0].as_typed, "") << text;
  }
}

TEST(CapValues, InPercentAreOfTheScenariosOwn) {
  EXPECT_EQ(ValuesOf("scale_up", "100%,50%"), (std::vector<double>{450e9, 225e9}));
  EXPECT_EQ(ValuesOf("hbm", "100,75,...,25%"),
            (std::vector<double>{3.35e12, 0.75 * 3.35e12, 0.5 * 3.35e12, 0.25 * 3.35e12}));
  EXPECT_EQ(ValuesOf("power", "100%,33%"), (std::vector<double>{700, 231}));
  EXPECT_EQ(ValuesOf("nic", "37%"), (std::vector<double>{18.5e9}));
  EXPECT_EQ(ValuesOf("flops", "50%"), (std::vector<double>{494.5e12}));
  EXPECT_EQ(PointsOf("hbm", "75%")[0].as_typed, "75 %");
}

TEST(CapValues, OfOtherTargetsArePerDirection) {
  EXPECT_EQ(ValuesOf("nic", "400,200Gbps"), (std::vector<double>{50e9, 25e9}));
  EXPECT_EQ(ValuesOf("hbm", "2 TB/s"), (std::vector<double>{2e12}));
  EXPECT_EQ(ValuesOf("flops", "500 TFLOPS"), (std::vector<double>{5e14}));
  EXPECT_EQ(ValuesOf("power", "700,0.6kW"), (std::vector<double>{700e3, 600}));
}

TEST(CapValues, OfFlopsAreOfTheWholePartWhateverTheScenarioCutsFromIt) {
  for (const char* cut :
       {"site[0].override.flops_factor=0.5", "site[0].override.comply_with.rule=OCTOBER_2023"}) {
    const ScenarioBase base = ScenarioBase::FromFile(kExample, {cut});
    const double own = CapBaseline(CapTargetOf("flops", base.At({})), base.At({}));
    EXPECT_LT(own, 600e12) << cut;
    EXPECT_EQ(PointsOf("flops", "100 TFLOPS", base)[0].si, 100e12) << cut;
    EXPECT_NEAR(PointsOf("flops", "50%", base)[0].si, own / 2, 1e-12 * own) << cut;
  }
}

TEST(CapValues, AboveWhatAnExportRuleLetsThroughAreCutLikeThoseOfSet) {
  const ScenarioBase base =
      ScenarioBase::FromFile(kExample, {"site[0].override.comply_with.rule=OCTOBER_2022"});
  const double own = CapBaseline(CapTargetOf("scale_up", base.At({})), base.At({}));
  EXPECT_LT(own, 300e9);
  EXPECT_EQ(PointsOf("scale_up", "900 GBps", base)[0].si, own);
}

TEST(ValueLists, ThatAreJunkAreRefusedWithAReason) {
  const auto ProblemOf = [](const std::string& text) -> std::string {
    try {
      (void)ParseValueList(text, "--values");
    } catch (const UserError& error) {
      return error.problems().front().message;
    }
    return "";
  };
  const std::string list = "; expected a list such as \"900,800,...,100GBps\"";
  EXPECT_EQ(ProblemOf(""), "--values: \"\" is not a positive number" + list);
  EXPECT_EQ(ProblemOf("fast"), "--values: \"fast\" is not a positive number" + list);
  EXPECT_EQ(ProblemOf("900,,100GBps"), "--values: \"\" is not a positive number" + list);
  EXPECT_EQ(ProblemOf("-5GBps"), "--values: \"-5GBps\" is not a positive number" + list);
  EXPECT_EQ(ProblemOf("0GBps"), "--values: \"0GBps\" is not a positive number" + list);
  EXPECT_EQ(ProblemOf("nan GBps"), "--values: \"nan GBps\" is not a positive number" + list);
  EXPECT_EQ(ProblemOf("1e999GBps"), "--values: \"1e999GBps\" is not a positive number" + list);
  const std::string dots =
      "--values: \"...\" needs two values before it and one behind it, as in "
      "\"900,800,...,100GBps\"";
  EXPECT_EQ(ProblemOf("...,100GBps"), dots);
  EXPECT_EQ(ProblemOf("900,...,100GBps"), dots);
  EXPECT_EQ(ProblemOf("900,800,..."), dots);
  EXPECT_EQ(ProblemOf("900,800,...,...,100GBps"), dots);
  EXPECT_EQ(ProblemOf("900,800,...,150GBps"),
            "--values: \"...\" does not lead from 800 to 150 in steps of -100");
  EXPECT_EQ(ProblemOf("900,800,...,1000GBps"),
            "--values: \"...\" does not lead from 800 to 1000 in steps of -100");
  EXPECT_EQ(ProblemOf("900,900,...,100GBps"),
            "--values: \"...\" does not lead from 900 to 100 in steps of 0");
  EXPECT_EQ(ProblemOf("1,2,...,50000GBps"),
            "--values: \"...\" from 2 to 50000 in steps of 1 makes 49998 values; expected at most "
            "10000");
}

TEST(Cap, IsRefusedWhereSetIsAndInTheSameWords) {
  struct Case {
    const char* link;
    const char* values;
    const char* value;  // as the assignment has it
    const char* path;
  };

  for (const Case& each :
       {Case{"power", "0.5W", "0.5 W", "power_limit"},
        Case{"power", "50 W", "50 W", "power_limit"},    // below idle
        Case{"power", "110 W", "110 W", "power_limit"},  // below what it draws while it is held
        Case{"nic", "900", "900", "nic_bandwidth"}, Case{"nic", "900 W", "900 W", "nic_bandwidth"},
        Case{"hbm", "900 furlongs", "900 furlongs", "hbm_bandwidth"},
        Case{"scale_up", "50% GBps", "50 % GBps", "scale_up.bidirectional"}}) {
    const std::string problem =
        ProblemOfSet(std::string("site[0].override.") + each.path + "=" + each.value);
    EXPECT_NE(problem, "");
    EXPECT_EQ(ProblemsOf(each.link, each.values),
              std::string("--values '") + each.value + "': " + problem);
  }
  EXPECT_EQ(ProblemsOf("flops", "900 W"),
            "--values '900 W': \"900 W\" is a power; expected a compute rate such as \"989 "
            "TFLOPS\" or \"1.2 PFLOPS\"");
}

TEST(Cap, NamesEveryValueThatIsRefused) {
  EXPECT_EQ(ProblemsOf("power", "2MW,700W,0.5W"),
            "--values '2 MW': \"2 MW\" is too large; expected a power from 1 W to 1 MW\n"
            "--values '0.5 W': \"0.5 W\" is too small; expected a power from 1 W to 1 MW");
}

TEST(CapTargets, AreKnownByNameAndTheNearestIsNamed) {
  const Scenario scenario = Base().At({});
  EXPECT_STREQ(CapTargetOf("hbm", scenario).name, "hbm");
  try {
    CapTargetOf("scaleup", scenario);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.problems().front().message,
              "--link: no resource is called \"scaleup\"; expected one of scale_up, nic, wan, hbm, "
              "flops, power, site_power, servers (did you mean \"scale_up\"?)");
  }
}

TEST(CapTargets, ThatAreNamedExistWhereTheJobSpansSites) {
  const ScenarioBase base = ScenarioBase::FromFile(kTwoSites, {});
  for (const std::string& name : CapTargetNames()) {
    if (name == "site_power" || name == "servers") {
      continue;  // of lives
    }
    const auto points = PointsOf(name, "50%", base);
    const double own = CapBaseline(CapTargetOf(name, base.At({})), base.At({}));
    EXPECT_EQ(points[0].si, own / 2) << name;
  }
}

TEST(CapTargets, OfLinksBetweenSitesNeedAJobThatSpansThem) {
  EXPECT_EQ(ProblemsOf("wan", "1 Tbps"),
            "--link wan: the job runs on one site; expected a job that spans sites with a wan { "
            "... } between them");
}

TEST(Cap, OfAJobOnSeveralSitesCapsEachOfThem) {
  const ScenarioBase base = ScenarioBase::FromFile(
      kTwoSites, {"site[1].override.hbm_bandwidth=2 TB/s", "wan[0].bandwidth=10 Tbps"});
  EXPECT_EQ(LinesOf(PointsOf("hbm", "1 TB/s", base)[0].point),
            "site[0].override.hbm_bandwidth=1 TB/s\nsite[1].override.hbm_bandwidth=1 TB/s");
  const CapPoint half = PointsOf("hbm", "50%", base)[0];
  const Scenario scenario = base.At(half.point);
  EXPECT_EQ(scenario.sites[0].server.accelerator.hbm_bandwidth, BytesPerSecond(1.675e12));
  EXPECT_EQ(scenario.sites[1].server.accelerator.hbm_bandwidth, BytesPerSecond(1e12));
  EXPECT_EQ(half.si, 1e12);  // the slower site sets the pace
  EXPECT_EQ(LinesOf(PointsOf("wan", "1 Tbps", base)[0].point), "wan[0].bandwidth=1 Tbps");
}

TEST(Cap, ChangesWhatItSaysAndNothingElse) {
  const std::vector<double> before = Rates(Base().At({}));
  const char* const links[] = {"scale_up", "nic", "hbm", "power"};
  for (std::size_t t = 0; t < std::size(links); ++t) {
    const CapPoint point = PointsOf(links[t], "50%")[0];
    std::vector<double> expected = before;
    expected[t] /= 2;
    EXPECT_EQ(Rates(Base().At(point.point)), expected) << links[t];
  }
  const std::vector<double> halved = Rates(Base().At(PointsOf("flops", "50%")[0].point));
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_DOUBLE_EQ(halved[i], i >= 9 ? before[i] / 2 : before[i]) << i;
  }
}

TEST(Cap, OfNicsLeavesTheFabricAsItIsBuiltForThem) {
  const ScenarioBase base =
      ScenarioBase::FromFile(kExample, {"site[0].override.nic_bandwidth=800 Gbps"});
  const CapPoint point = PointsOf("nic", "100 Gbps", base)[0];
  EXPECT_EQ(LinesOf(point.point),
            "site[0].override.nic_bandwidth=100 Gbps\n"
            "site[0].override.fabric_nic_bandwidth=800 Gbps");
}

}  // namespace gridlock
