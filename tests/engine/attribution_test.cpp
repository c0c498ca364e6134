// Which wall binds: the shares of the critical path sum to the step, and each predicts what a
// slightly faster resource saves.

#include <cmath>
#include <functional>
#include <numeric>

#include <gtest/gtest.h>

#include "sim/plan/fold.h"
#include "tests/engine/fold_cases.h"
#include "tests/engine/machines.h"

namespace gridlock {

namespace {

constexpr double kEpsilon = 1e-4;

// The play with everything that one cause stands for faster by 1 + epsilon.
Play Faster(Play play, Cause cause) {
  constexpr double kFactor = 1 + kEpsilon;
  const auto shorten = [](Seconds& time) {
    time = time / kFactor;
  };
  const TierTable& tiers = play.plan.tiers;
  for (Plan::Resource& resource : play.plan.resources) {
    if (Cause(resource.tier) == cause) {
      resource.capacity = resource.capacity * kFactor;
    }
  }
  if (cause == tiers.hbm()) {
    play.plan.jobs[0].hbm_capacity = play.plan.jobs[0].hbm_capacity * kFactor;
  } else if (cause == Cause::kCompute) {
    for (Pass& pass : play.program.passes) {
      shorten(pass.compute_time);
    }
  } else if (cause == Cause::kLatency) {
    for (Pass& pass : play.program.passes) {
      shorten(pass.tensor_latency);
    }
    for (Plan::Flow& flow : play.plan.flows) {
      flow.latency = static_cast<float>(flow.latency / kFactor);
    }
    for (CollectiveFit* fit : {&play.server.scale_up, &play.server.scale_out}) {
      shorten(fit->base_latency);
      shorten(fit->step_latency);
    }
  } else if (cause == Cause::kLaunch) {
    for (Pass& pass : play.program.passes) {
      shorten(pass.floor);
      shorten(pass.host_wait);
    }
  } else if (cause == Cause::kOverhead) {
    shorten(play.program.delay);
  }
  return play;
}

Play PlayOf(const SiteSpec& site, const TrainingSpec& job) {
  const StepProgram program = BuildStepProgram(job, site.server);
  return {program, Fold(Expand(program, site)), site.server};
}

// Shares against finite differences, in shares of the step, for every cause.
void ExpectSharesPredict(const Play& play, double tolerance) {
  std::vector<Play> plays{play};
  const TierTable& tiers = play.plan.tiers;
  for (int c = 0; c < Cause::Count(tiers); ++c) {
    plays.push_back(Faster(play, Cause::At(c, tiers)));
  }
  const std::vector<PlayResult> outcomes = Simulate(plays);
  const PlayResult& base = outcomes.front();
  EXPECT_NEAR(std::accumulate(base.path.begin(), base.path.end(), 0.0), base.end, 1e-9 * base.end);
  for (int c = 0; c < Cause::Count(tiers); ++c) {
    const double saved = (base.end - outcomes[c + 1].end) / kEpsilon * (1 + kEpsilon);
    EXPECT_NEAR(saved / base.end, base.path[c] / base.end, tolerance)
        << CauseName(Cause::At(c, tiers), tiers);
  }
}

// Large enough that a difference of 1e-4 stands far above a nanosecond.
TrainingSpec LargeJob(const Layout& layout) {
  TrainingSpec job = SmallJob(layout, 4 * layout.pipeline * layout.virtual_pipeline);
  job.model.hidden = 8192;
  job.model.heads = 64;
  job.model.kv_heads = 64;
  job.model.head_dim = 128;
  job.model.ffn = 4 * 8192;
  job.sequence_length = 4096;
  return job;
}

Layout LayoutOf(int tensor, int pipeline, int chunks, int data) {
  Layout layout;
  layout.tensor = tensor;
  layout.pipeline = pipeline;
  layout.virtual_pipeline = chunks;
  layout.data = data;
  return layout;
}

class Shares : public testing::TestWithParam<FoldCase> {};

}  // namespace

TEST_P(Shares, SumToTheStepTime) {
  const Scenario scenario = GetParam().scenario();
  for (const StepRecord& record : Evaluate({{scenario, Fidelity::kFull},
                                            {scenario, Fidelity::kFolded},
                                            {scenario, Fidelity::kAnalytic}})) {
    double sum = 0;
    for (const Attribution& part : record.attribution) {
      EXPECT_GE(part.time.si(), 0.0) << part.resource;
      sum += part.time.si();
    }
    EXPECT_NEAR(sum, record.step_time.si(), 1e-9 * record.step_time.si()) << record.fidelity;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Shares, testing::ValuesIn(AllFoldCases()), [](const auto& named) {
  return testing::PrintToString(named.param);
});

INSTANTIATE_TEST_SUITE_P(Experts, Shares, testing::ValuesIn(ExpertCases()), [](const auto& named) {
  return testing::PrintToString(named.param);
});

TEST(FiniteDifference, EqualsTheShareOfAllToAlls) {
  const SiteSpec site = OneLeafSite(RealisticServer(8, 8), 2);
  TrainingSpec job = LargeJob(LayoutOf(1, 1, 1, 16));
  job.model.mixture.experts = 16;
  job.model.mixture.experts_per_token = 2;
  job.model.mixture.expert_ffn = 1024;
  job.layout.expert = 16;
  job.stack.overlap_gradients = job.stack.overlap_parameters = false;
  ExpectSharesPredict(PlayOf(site, job), 1e-3);  // exposed
  job.stack.expert_overlap = 1;
  SiteSpec thin = site;
  thin.server.nic_bandwidth = BytesPerSecond(kNic / 100);
  ExpectSharesPredict(PlayOf(thin, job), 1e-3);  // hidden, and longer than the compute beside it
  job.stack.launch_floor_forward = Seconds(100);
  job.stack.expert_wait_forward = Seconds(1);
  ExpectSharesPredict(PlayOf(thin, job), 1e-3);  // below the floor forward
}

TEST(FiniteDifference, EqualsTheShareOnOneServer) {
  const SiteSpec site = OneLeafSite(RealisticServer(8, 8), 1);
  TrainingSpec job = LargeJob(LayoutOf(8, 1, 1, 1));
  job.stack.step_overhead = Seconds(0.01);
  ExpectSharesPredict(PlayOf(site, job), 1e-3);
}

TEST(FiniteDifference, EqualsTheShareAlongAPipeline) {
  const SiteSpec site = OneLeafSite(RealisticServer(8, 8), 4);
  ExpectSharesPredict(PlayOf(site, LargeJob(LayoutOf(8, 4, 1, 1))), 1e-3);
  ExpectSharesPredict(PlayOf(site, LargeJob(LayoutOf(8, 4, 2, 1))), 1e-3);
}

TEST(FiniteDifference, EqualsTheShareOfTheLatencyOfMessages) {
  SiteSpec site = OneLeafSite(RealisticServer(8, 8), 4);
  site.server.scale_out.base_latency = Seconds(0.02);
  const Play play = PlayOf(site, LargeJob(LayoutOf(8, 4, 1, 1)));
  const PlayResult result = Simulate(play);
  // Three ways forth and three back are on any path, whatever else is.
  EXPECT_GE(result.path[Cause::kLatency.Position(play.plan.tiers)], 6 * 0.02);
  ExpectSharesPredict(play, 3e-3);  // a flow keeps its latency in 24 bits
}

TEST(FiniteDifference, EqualsTheShareOfExposedGradients) {
  const SiteSpec site = OneLeafSite(RealisticServer(8, 8), 4);
  TrainingSpec job = LargeJob(LayoutOf(8, 1, 1, 4));
  job.stack.overlap_gradients = job.stack.overlap_parameters = false;
  ExpectSharesPredict(PlayOf(site, job), 1e-3);
}

TEST(FiniteDifference, EqualsTheShareOfALaunchFloorThatBinds) {
  const SiteSpec site = OneLeafSite(RealisticServer(8, 8), 1);
  TrainingSpec job = LargeJob(LayoutOf(8, 1, 1, 1));
  // A second a pass is more than its work takes forward, and less than it takes backward.
  job.stack.launch_floor_forward = Seconds(0.2);
  const Play play = PlayOf(site, job);
  ExpectSharesPredict(play, 1e-3);
}

TEST(FiniteDifference, EqualsTheShareOfHiddenCollectivesThatOutlastThePass) {
  SiteSpec site = OneLeafSite(RealisticServer(8, 8), 1);
  site.server.accelerator.scale_up_bandwidth = BytesPerSecond(5e9);
  TrainingSpec job = LargeJob(LayoutOf(8, 1, 1, 1));
  job.stack.tensor_overlap = 0.9;
  ExpectSharesPredict(PlayOf(site, job), 1e-3);
}

TEST(FiniteDifference, IsNearTheShareWhereResourcesAreContended) {
  TrainingSpec job = LargeJob(LayoutOf(8, 2, 1, 8));
  job.stack.gradient_bucket = Bytes(2e8);
  job.stack.tensor_overlap = 0.5;
  for (const double over : {1.0, 3.7}) {
    const SiteSpec site =
        ClosSite(RealisticServer(8, 8),
                 {.servers = 16, .servers_per_leaf = 2, .leaves_per_pod = 8, .leaf_over = over});
    ExpectSharesPredict(PlayOf(site, job), 0.02);
  }
}

TEST(FiniteDifference, IsNearTheShareWhereHbmIsShort) {
  TrainingSpec job = LargeJob(LayoutOf(8, 1, 1, 4));
  job.stack.gradient_bucket = Bytes(2e8);
  job.stack.tensor_overlap = 0.8;
  for (const double hbm : {0.4e12, 0.5e12, 0.6e12, 0.7e12, 0.9e12}) {
    SCOPED_TRACE(hbm);
    SiteSpec site = OneLeafSite(RealisticServer(8, 8), 4);
    site.server.accelerator.hbm_bandwidth = BytesPerSecond(hbm);
    ExpectSharesPredict(PlayOf(site, job), 0.02);
  }
}

}  // namespace gridlock
