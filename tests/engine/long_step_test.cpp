// A long step of which only the head, some repetitions and the tail are simulated is the step that
// simulating all of it gives.

#include "sim/measure/long_step.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "sim/analytic/analytic_step.h"
#include "sim/engine/step_engine.h"
#include "sim/plan/fold.h"
#include "sim/process/worker.h"
#include "tests/engine/fold_cases.h"
#include "tests/sampled.h"
#include "topologies/network.h"
#include "workloads/schedule.h"

namespace gridlock {

namespace {

constexpr double kOfSteps = 1e-9;

enum class How { kFull, kFolded, kAnalytic };

// `first` micro-batches are simulated first; all of the step when it is that many.
StepRecord RunHere(const FoldCase& of, How how, std::int64_t first) {
  const Network network(of.site);
  const StepProgram program = BuildStepProgram(of.job, of.site.server, first);
  Plan plan = Expand({{&program, WholeSite(network, 0)}}, network);
  if (how != How::kFull) {
    plan = Fold(plan);
  }
  std::optional<StepSimulator> simulator;
  if (how != How::kAnalytic) {
    simulator.emplace(plan);
  }
  constexpr int kIntervals = 64;
  SimulatedStep step =
      SimulateStep({program, plan, 0, of.site.server}, of.job, kIntervals,
                   [&](const StepProgram& program_now, const StepOptions& options) {
                     return simulator ? simulator->Run(program_now, of.site.server, options, {})
                                      : RunAnalyticStep(program_now, plan, of.site.server, options);
                   });
  StepRecord record = Summarise(of.job, step.program, plan, of.site.server, step.run);
  record.classes = step.program.micro_batches;  // for the tests: what was simulated last
  return record;
}

struct WholeAndLong {
  StepRecord whole, extended;
};

WholeAndLong Compare(const FoldCase& of, How how, std::int64_t first) {
  const std::int64_t all = MicroBatches(of.job);
  const auto results = RunJobs({[&](const auto&) {
                                  return RunHere(of, how, all);
                                },
                                [&](const auto&) {
                                  return RunHere(of, how, first);
                                }},
                               {});
  for (const JobResult& result : results) {
    EXPECT_TRUE(result.ok) << result.problem;
  }
  return {results[0].record, results[1].record};
}

void ExpectSameStep(const StepRecord& whole, const StepRecord& extended) {
  const double step = whole.step_time.si();
  // The simulated clock itself is known to kInstant, and steps last a second.
  const double nearly = kOfSteps * step + kInstant;
  EXPECT_NEAR(extended.step_time.si(), step, nearly);
  EXPECT_NEAR(extended.energy.si() / whole.energy.si(), 1, nearly / step);
  EXPECT_EQ(extended.tokens, whole.tokens);
  EXPECT_EQ(extended.model_flop, whole.model_flop);
  for (std::size_t i = 0; i < whole.breakdown.size(); ++i) {
    EXPECT_NEAR(extended.breakdown[i].time.si(), whole.breakdown[i].time.si(), nearly)
        << whole.breakdown[i].activity;
  }
  for (std::size_t i = 0; i < whole.attribution.size(); ++i) {
    EXPECT_NEAR(extended.attribution[i].time.si(), whole.attribution[i].time.si(), 1e-6 * step)
        << whole.attribution[i].resource;
  }
  ASSERT_EQ(extended.interval, whole.interval);
  for (const UtilisationSeries& series : whole.utilisation) {
    const UtilisationSeries& other = SeriesOf(extended, series.resource);
    ASSERT_EQ(other.share.size(), series.share.size());
    EXPECT_NEAR(TotalOf(extended, series.resource), TotalOf(whole, series.resource),
                kOfSteps * TotalOf(whole, series.resource))
        << series.resource;
    for (std::size_t i = 0; i < series.share.size(); ++i) {
      EXPECT_NEAR(other.share[i], series.share[i], 0.01) << series.resource << " " << i;
    }
  }
}

FoldCase WithMicroBatches(FoldCase of, std::int64_t micro_batches) {
  of.job.global_batch = micro_batches * of.job.micro_batch * of.job.layout.data;
  return of;
}

class LongStep : public testing::TestWithParam<FoldCase> {};

FoldCase CaseNamed(const std::string& name) {
  std::vector<FoldCase> all = AllFoldCases();
  for (FoldCase& of : ExpertCases()) {
    all.push_back(std::move(of));
  }
  const auto of = std::find_if(all.begin(), all.end(), [&](const FoldCase& one) {
    return one.name == name;
  });
  EXPECT_NE(of, all.end()) << name;
  return *of;
}

// Data, tensor and pipeline parallel; interleaved; with experts, inside a domain and across them;
// with gradients and parameters hidden, exposed, and sharded; stages of unequal work.
std::vector<FoldCase> Cases() {
  std::vector<FoldCase> cases;
  for (const char* name :
       {"Tensor2Data16", "Tensor4Pipeline2Data4", "Tensor8Pipeline2Data4",
        "Tensor8Pipeline4Chunks2Data2", "ThreeTiersTensor8Data8", "ThreeTiersTensor4Pipeline4Data4",
        "ReplicasThatStraddlePods", "OddDataPipeline2", "SharedNicsOddPipeline4", "InADomain",
        "AcrossDomains", "Tensor2AcrossDomainsPipeline2", "InterleavedAcrossPods"}) {
    cases.push_back(CaseNamed(name));
  }
  FoldCase zero_bubble = CaseNamed("ThreeTiersTensor4Pipeline4Data4");
  zero_bubble.name = "ZeroBubble";
  zero_bubble.job.layout.schedule = Schedule::kZeroBubble;
  cases.push_back(zero_bubble);
  for (const char* name : {"ZeroBubbleInAV", "DualPipeInAV", "InterleavedZeroBubble"}) {
    cases.push_back(CaseNamed(name));
  }
  FoldCase sharded = CaseNamed("Tensor4Pipeline2Data4");
  sharded.name = "Zero3";
  sharded.job.zero = 3;
  cases.push_back(sharded);
  FoldCase uneven = CaseNamed("ThreeTiersTensor4Pipeline4Data4");
  uneven.name = "UnevenStages";
  uneven.job.model.layers = 7;
  uneven.job.layout.uneven_layers = true;
  cases.push_back(uneven);
  return cases;
}

std::string NameOfCase(const testing::TestParamInfo<FoldCase>& info) {
  return info.param.name;
}

}  // namespace

TEST_P(LongStep, IsTheStepThatSimulatingAllOfItGives) {
  const FoldCase of = WithMicroBatches(GetParam(), 1680);
  for (const How how : {How::kFolded, How::kAnalytic}) {
    const WholeAndLong steps = Compare(of, how, 256);
    ExpectSameStep(steps.whole, steps.extended);
    EXPECT_LT(steps.extended.classes, 840) << "no stretch was found";
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, LongStep, testing::ValuesIn(Sampled(Cases())), NameOfCase);

TEST(LongSteps, AreAlikeWhenEveryAcceleratorIsSimulated) {
  const FoldCase of = WithMicroBatches(CaseNamed("Tensor8Pipeline4Chunks2Data2"), 1680);
  const WholeAndLong steps = Compare(of, How::kFull, 256);
  ExpectSameStep(steps.whole, steps.extended);
  EXPECT_LT(steps.extended.classes, 840);
}

TEST(LongSteps, AreSimulatedWholeWhereReplicasDoNotKeepStep) {
  // Groups of 6 in servers of 8: those that lie in one server are faster than those in two.
  const FoldCase of = WithMicroBatches(CaseNamed("GroupsThatStraddle"), 1680);
  const WholeAndLong steps = Compare(of, How::kAnalytic, 256);
  EXPECT_EQ(steps.extended.classes, 1680);
  EXPECT_EQ(steps.extended.fingerprint, steps.whole.fingerprint);
}

TEST(LongSteps, AreSimulatedWholeWhereGradientsFallBehind) {
  // With ZeRO 2 every micro-batch reduces its gradients, in longer than it computes them; nobody
  // waits for them before the end of the step.
  FoldCase of = WithMicroBatches(CaseNamed("Tensor4Pipeline2Data4"), 1680);
  of.job.zero = 2;
  const WholeAndLong steps = Compare(of, How::kAnalytic, 256);
  EXPECT_EQ(steps.extended.classes, 1680);
  EXPECT_EQ(steps.extended.fingerprint, steps.whole.fingerprint);
}

TEST(LongSteps, ThatDoNotSettleAndAreTooLongNameTheBatch) {
  const FoldCase of = WithMicroBatches(CaseNamed("GroupsThatStraddle"), 100'000'000);
  const auto results = RunJobs({[&](const auto&) {
                                 return RunHere(of, How::kAnalytic, 256);
                               }},
                               {});
  EXPECT_FALSE(results[0].ok);
  EXPECT_NE(results[0].problem.find("global_batch"), std::string::npos) << results[0].problem;
}

TEST(LongSteps, TakeNoLongerToSimulateForMoreMicroBatches) {
  const FoldCase some = WithMicroBatches(CaseNamed("Tensor4Pipeline2Data4"), 10'000);
  const FoldCase many = WithMicroBatches(CaseNamed("Tensor4Pipeline2Data4"), 10'000'000);
  const StepRecord first = Evaluate(some.scenario(), Fidelity::kFolded);
  const StepRecord second = Evaluate(many.scenario(), Fidelity::kFolded);
  EXPECT_EQ(second.activities, first.activities);
  EXPECT_NEAR(second.step_time.si() / first.step_time.si(), 1000, 1);
  EXPECT_NEAR(second.energy.si() / first.energy.si(), 1000, 1);
}

}  // namespace gridlock
