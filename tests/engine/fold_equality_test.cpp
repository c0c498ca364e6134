// Folded is full: step time, attribution and traffic, to 1e-6, on even and uneven machines. And the
// closed forms are a lower bound of both, exact where nothing is shared.

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/engine/fold_cases.h"
#include "tests/engine/machines.h"

namespace gridlock {

namespace {

void ExpectSameRecord(const StepRecord& full, const StepRecord& folded) {
  const double step = full.step_time.si();
  EXPECT_NEAR(folded.step_time.si(), step, kTolerance * step);
  ASSERT_EQ(full.attribution.size(), folded.attribution.size());
  for (std::size_t i = 0; i < full.attribution.size(); ++i) {
    EXPECT_NEAR(folded.attribution[i].time.si(), full.attribution[i].time.si(), kTolerance * step)
        << full.attribution[i].resource;
  }
  for (std::size_t i = 0; i < full.breakdown.size(); ++i) {
    EXPECT_NEAR(folded.breakdown[i].time.si(), full.breakdown[i].time.si(), kTolerance * step)
        << full.breakdown[i].activity;
  }
  for (const UtilisationSeries& series : full.utilisation) {
    const double total = TotalOf(full, series.resource);
    EXPECT_NEAR(TotalOf(folded, series.resource), total, kTolerance * total) << series.resource;
    EXPECT_EQ(SeriesOf(folded, series.resource).members, series.members) << series.resource;
  }
  EXPECT_NEAR(folded.energy.si(), full.energy.si(), kTolerance * full.energy.si());
}

class Folded : public testing::TestWithParam<FoldCase> {};

class Analytic : public testing::TestWithParam<FoldCase> {};

struct Unshared {
  const char* name;
  int tensor, pipeline, chunks, data, servers;
};

std::ostream& operator<<(std::ostream& out, const Unshared& unshared) {
  return out << unshared.name;
}

class AnalyticAlone : public testing::TestWithParam<Unshared> {};

template <typename T>
std::string NameOf(const testing::TestParamInfo<T>& info) {
  return testing::PrintToString(info.param);
}

}  // namespace

TEST_P(Folded, EqualsFull) {
  const Scenario scenario = GetParam().scenario();
  const auto records = Evaluate({{scenario, Fidelity::kFull}, {scenario, Fidelity::kFolded}});
  ExpectSameRecord(records[0], records[1]);
}

TEST_P(Folded, FeelsHalfTheUpperTierAndStillEqualsFull) {
  const Scenario scenario = GetParam().scenario();
  const Scenario half = GetParam().WithHalfTheUpperTier().scenario();
  const auto records =
      Evaluate({{scenario, Fidelity::kFolded}, {half, Fidelity::kFull}, {half, Fidelity::kFolded}});
  ExpectSameRecord(records[1], records[2]);
  EXPECT_GT(records[2].step_time.si(), 1.001 * records[0].step_time.si());
}

TEST_P(Analytic, IsALowerBoundOfFull) {
  const Scenario scenario = GetParam().scenario();
  const auto records = Evaluate({{scenario, Fidelity::kFull}, {scenario, Fidelity::kAnalytic}});
  EXPECT_LE(records[1].step_time.si(), records[0].step_time.si() * (1 + 1e-9));
  EXPECT_GT(records[1].step_time.si(), 0.1 * records[0].step_time.si());
}

INSTANTIATE_TEST_SUITE_P(Even, Folded, testing::ValuesIn(EvenCases()), NameOf<FoldCase>);
INSTANTIATE_TEST_SUITE_P(Uneven, Folded, testing::ValuesIn(UnevenCases()), NameOf<FoldCase>);
INSTANTIATE_TEST_SUITE_P(Experts, Folded, testing::ValuesIn(ExpertCases()), NameOf<FoldCase>);
INSTANTIATE_TEST_SUITE_P(Experts, Analytic, testing::ValuesIn(ExpertCases()), NameOf<FoldCase>);
INSTANTIATE_TEST_SUITE_P(All, Analytic, testing::ValuesIn(AllFoldCases()), NameOf<FoldCase>);

TEST_P(AnalyticAlone, EqualsFullWhereNothingIsShared) {
  const Unshared& sizes = GetParam();
  Layout layout;
  layout.tensor = sizes.tensor;
  layout.pipeline = sizes.pipeline;
  layout.virtual_pipeline = sizes.chunks;
  layout.data = sizes.data;
  TrainingSpec job = SmallJob(layout, 2 * sizes.pipeline * sizes.chunks);
  job.stack.launch_floor_forward = Seconds(5e-6);
  job.stack.step_overhead = Seconds(1e-4);
  // Messages on the wire beside passes share HBM with them: enough HBM that no pass feels it.
  ServerSpec server = RealisticServer(8, 8);
  server.accelerator.hbm_bandwidth = BytesPerSecond(1e16);
  const Scenario scenario = ScenarioOf(OneLeafSite(server, sizes.servers), job);
  const auto records = Evaluate({{scenario, Fidelity::kFull}, {scenario, Fidelity::kAnalytic}});
  const double step = records[0].step_time.si();
  EXPECT_NEAR(records[1].step_time.si(), step, kTolerance * step);
  for (std::size_t i = 0; i < records[0].attribution.size(); ++i) {
    EXPECT_NEAR(records[1].attribution[i].time.si(), records[0].attribution[i].time.si(),
                kTolerance * step)
        << records[0].attribution[i].resource;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, AnalyticAlone,
                         testing::Values(Unshared{"OneAccelerator", 1, 1, 1, 1, 1},
                                         Unshared{"Tensor8InAServer", 8, 1, 1, 1, 1},
                                         Unshared{"Tensor2InAServer", 2, 1, 1, 1, 1},
                                         Unshared{"Pipeline4OfTensor8", 8, 4, 1, 1, 4},
                                         Unshared{"Pipeline4Chunks2OfTensor8", 8, 4, 2, 1, 4},
                                         Unshared{"Pipeline8InAServer", 1, 8, 1, 1, 1}),
                         NameOf<Unshared>);

}  // namespace gridlock
