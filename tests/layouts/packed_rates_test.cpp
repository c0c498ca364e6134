#include "sim/layouts/packed_rates.h"

#include <gtest/gtest.h>

#include "sim/study/evaluate.h"
#include "tests/layouts/scenarios.h"

namespace gridlock {
namespace {

TEST(PackedRates, AreTheAnalyticStepWhereverTheJobLies) {
  const Scenario scenario = TwoServers().At({});
  const StepRecord record = EvaluateStep(scenario, Fidelity::kAnalytic, {});
  PackedRates rates;
  for (const std::int32_t first : {0, 1}) {
    const Placement placement = {{SiteIndex{0}, ServerIndex{first}, 1},
                                 {SiteIndex{0}, ServerIndex{1 - first}, 1}};
    const Situation situation{&scenario.sites, &scenario.wans, {{&scenario.training(), placement}}};
    const StepRate rate = rates.RatesOf(situation).front();
    EXPECT_DOUBLE_EQ(rate.step_time.si(), record.step_time.si());
    EXPECT_NEAR(rate.energy / record.energy, 1, 1e-9);
  }
}

}  // namespace
}  // namespace gridlock
