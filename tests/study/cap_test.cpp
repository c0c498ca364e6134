// The cap: what its values mean, and that it changes one thing.

#include "sim/study/cap.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/engine/machines.h"

namespace gridlock {

namespace {

Scenario Base() {
  Layout layout;
  layout.tensor = 8;
  return ScenarioOf(OneLeafSite(IdealServer(8, 8), 1), SmallJob(layout, 2));
}

std::vector<double> ValuesOf(const std::string& text, CapTarget target) {
  std::vector<double> values;
  for (const CapPoint& point : ParseCapValues(text, target, Base())) {
    values.push_back(point.si);
  }
  return values;
}

std::string ProblemOf(const std::string& text, CapTarget target = CapTarget::kScaleUp) {
  try {
    ParseCapValues(text, target, Base());
  } catch (const UserError& error) {
    return error.problems().front().message;
  }
  return "";
}

// Every number that a cap can change.
std::vector<double> Rates(const Scenario& scenario) {
  const ServerSpec& server = scenario.site().server;
  const AcceleratorSpec& chip = server.accelerator;
  std::vector<double> rates = {chip.scale_up_bandwidth.si(), server.nic_bandwidth.si(),
                               chip.hbm_bandwidth.si(),      chip.power.limit.si(),
                               chip.hbm_capacity.si(),       chip.hbm_efficiency,
                               chip.sustained_clock,         chip.power.idle.si()};
  for (const MatrixRate& rate : chip.rates) {
    rates.push_back(rate.peak.si());
    rates.push_back(rate.attention_efficiency);
  }
  return rates;
}

}  // namespace

TEST(CapValues, OfScaleUpAreReadAsVendorsPrintThem) {
  const auto points = ParseCapValues("900,800,...,100GBps", CapTarget::kScaleUp, Base());
  ASSERT_EQ(points.size(), 9U);
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_DOUBLE_EQ(points[i].si, (900.0 - 100.0 * static_cast<double>(i)) / 2 * 1e9);
  }
  EXPECT_EQ(points[0].label, "scale_up 450 GB/s");
  EXPECT_EQ(points[0].note,
            "scale_up 900 GB/s is read as vendors print it, both directions added: 450 GB/s per "
            "direction");
}

TEST(CapValues, PerDirectionAreTakenAsTheyAre) {
  for (const std::string text : {"450GBps/dir", "450 GB/s per direction", "450 GB/s/dir"}) {
    const auto points = ParseCapValues(text, CapTarget::kScaleUp, Base());
    ASSERT_EQ(points.size(), 1U) << text;
    EXPECT_DOUBLE_EQ(points[0].si, 450e9) << text;
    EXPECT_EQ(points[0].note, "") << text;
  }
}

TEST(CapValues, InPercentAreOfTheScenariosOwn) {
  EXPECT_EQ(ValuesOf("100%,50%", CapTarget::kScaleUp),
            (std::vector<double>{kScaleUp, kScaleUp / 2}));
  EXPECT_EQ(ValuesOf("100,75,...,25%", CapTarget::kHbm),
            (std::vector<double>{kHbm, 0.75 * kHbm, 0.5 * kHbm, 0.25 * kHbm}));
}

TEST(CapValues, OfOtherTargetsArePerDirection) {
  EXPECT_EQ(ValuesOf("400,200Gbps", CapTarget::kNic), (std::vector<double>{50e9, 25e9}));
  EXPECT_EQ(ValuesOf("2 TB/s", CapTarget::kHbm), (std::vector<double>{2e12}));
  EXPECT_EQ(ValuesOf("500 TFLOPS", CapTarget::kFlops), (std::vector<double>{5e14}));
  EXPECT_EQ(ValuesOf("700,0.6kW", CapTarget::kPower), (std::vector<double>{700e3, 600}));
}

TEST(CapValues, ThatAreJunkAreRefusedWithAReason) {
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
  EXPECT_EQ(ProblemOf("1,2,...,5000GBps"),
            "--values: \"...\" does not lead from 2 to 5000 in steps of 1");
  for (const std::string text : {"900", "900 W", "900 furlongs", "50% GBps"}) {
    EXPECT_EQ(ProblemOf(text).rfind("--values: ", 0), 0U) << text;
  }
}

TEST(CapTargets, AreKnownByNameAndTheNearestIsNamed) {
  EXPECT_EQ(ParseCapTarget("hbm"), CapTarget::kHbm);
  try {
    ParseCapTarget("scaleup");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.problems().front().message,
              "--link: no resource is called \"scaleup\"; expected one of scale_up, nic, wan, hbm, "
              "flops, power (did you mean \"scale_up\"?)");
  }
  EXPECT_THROW(ParseCapTarget("wan"), UserError);
}

TEST(Cap, ChangesWhatItSaysAndNothingElse) {
  const Scenario base = Base();
  const std::vector<double> before = Rates(base);
  const CapTarget targets[] = {CapTarget::kScaleUp, CapTarget::kNic, CapTarget::kHbm,
                               CapTarget::kPower};
  for (std::size_t t = 0; t < std::size(targets); ++t) {
    const Scenario capped = WithCap(base, targets[t], 123.0);
    EXPECT_EQ(CapBaseline(targets[t], capped), 123.0);
    std::vector<double> expected = before;
    expected[t] = 123.0;
    EXPECT_EQ(Rates(capped), expected);
    EXPECT_EQ(capped.site().servers, base.site().servers);
    EXPECT_EQ(capped.training().global_batch, base.training().global_batch);
    EXPECT_EQ(capped.name, base.name);
  }
  const std::vector<double> halved = Rates(WithCap(base, CapTarget::kFlops, kPeak / 2));
  for (std::size_t i = 0; i < before.size(); ++i) {
    const bool is_peak = i >= 8 && i % 2 == 0;
    EXPECT_DOUBLE_EQ(halved[i], is_peak ? before[i] / 2 : before[i]) << i;
  }
}

}  // namespace gridlock
