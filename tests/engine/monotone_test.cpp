// A faster resource does not make the step of a single job longer, but for sharing anomalies.

#include <utility>

#include <gtest/gtest.h>

#include "tests/engine/fold_cases.h"
#include "tests/engine/machines.h"

namespace gridlock {

namespace {

// A rate of a server that a sweep scales.
struct Rate {
  const char* name;
  void (*scale)(ServerSpec& server, double factor);
};

constexpr Rate kRates[] = {
    {"scale_up",
     [](ServerSpec& server, double factor) {
       BytesPerSecond& rate = server.accelerator.scale_up_bandwidth;
       rate = rate * factor;
     }},
    {"nic",
     [](ServerSpec& server, double factor) {
       server.nic_bandwidth = server.nic_bandwidth * factor;
     }},
    {"hbm",
     [](ServerSpec& server, double factor) {
       server.accelerator.hbm_bandwidth = server.accelerator.hbm_bandwidth * factor;
     }},
    {"flops",
     [](ServerSpec& server, double factor) {
       for (MatrixRate& rate : server.accelerator.rates) {
         rate.peak = rate.peak * factor;
       }
     }},
};

struct Sweep {
  FoldCase fold_case;
  Rate rate;
};

std::ostream& operator<<(std::ostream& out, const Sweep& sweep) {
  return out << sweep.fold_case.name << "_" << sweep.rate.name;
}

std::vector<Sweep> Sweeps() {
  std::vector<Sweep> sweeps;
  const std::vector<FoldCase> cases = AllFoldCases();
  for (const std::size_t i :
       {std::size_t{2}, std::size_t{4}, std::size_t{8}, std::size_t{14}, std::size_t{17}}) {
    for (const Rate& rate : kRates) {
      sweeps.push_back({cases[i], rate});
    }
  }
  return sweeps;
}

std::vector<StepRecord> Swept(const Scenario& scenario, const Rate& rate) {
  std::vector<Evaluation> points;
  for (const double factor : {0.1, 0.15, 0.22, 0.33, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0}) {
    Scenario scaled = scenario;
    rate.scale(scaled.site().server, factor);
    points.push_back({std::move(scaled), Fidelity::kFolded});
  }
  return Evaluate(points);
}

class MoreBandwidth : public testing::TestWithParam<Sweep> {};

}  // namespace

TEST_P(MoreBandwidth, IsNeverSlower) {
  const auto& [fold_case, rate] = GetParam();
  const std::vector<StepRecord> records = Swept(fold_case.scenario(), rate);
  for (std::size_t i = 1; i < records.size(); ++i) {
    EXPECT_LE(records[i].step_time.si(), records[i - 1].step_time.si() * (1 + 1e-9))
        << "point " << i;
  }
  EXPECT_LT(records.back().step_time.si(), records.front().step_time.si());
}

INSTANTIATE_TEST_SUITE_P(Sweeps, MoreBandwidth, testing::ValuesIn(Sweeps()), [](const auto& named) {
  return testing::PrintToString(named.param);
});

// Where messages of several stages and gradients share a saturated upper tier, fair sharing has
// anomalies, as list scheduling has: a transfer that starts earlier may take from one that matters
// more. Full and folded agree on them; they stay within a few percent.
TEST(MoreBandwidthOfASharedUpperTier, IsSlowerByAFewPercentAtMost) {
  const Scenario scenario = FiveAndAThirdPods().scenario();
  for (const Rate& rate : kRates) {
    const std::vector<StepRecord> records = Swept(scenario, rate);
    for (std::size_t i = 1; i < records.size(); ++i) {
      EXPECT_LE(records[i].step_time.si(), records[i - 1].step_time.si() * 1.03)
          << rate.name << ", point " << i;
    }
    EXPECT_LT(records.back().step_time.si(), records.front().step_time.si());
  }
}

}  // namespace gridlock
