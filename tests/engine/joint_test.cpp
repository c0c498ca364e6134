// Steps of several jobs side by side: who shares nothing is not slowed, who shares is slowed as
// max-min fairness says, and folded is full.

#include <algorithm>

#include <gtest/gtest.h>

#include "sim/engine/step_engine.h"
#include "sim/oracle/laid_job.h"
#include "sim/plan/fold.h"
#include "sim/process/worker.h"
#include "tests/clos_of.h"
#include "tests/engine/machines.h"

namespace gridlock {

namespace {

struct PlacedSpec {
  TrainingSpec training;
  Placement placement;
};

struct Together {
  SiteSpec site;
  std::vector<PlacedSpec> jobs;
  bool folded = true;
  Repetition repetition = {};
};

// A joint run travels home as a record: RunJobs sends records.
StepRecord RunHere(const Together& together) {
  const Network network(together.site);
  std::vector<LaidJob> laid;
  for (const PlacedSpec& job : together.jobs) {
    laid.push_back(LayJob(job.training, job.placement, network));
  }
  std::vector<PlacedProgram> placed;
  std::vector<JointJob> jobs;
  for (const LaidJob& job : laid) {
    placed.push_back(job.placed());
    jobs.push_back({&job.program, &job.server});
  }
  Plan plan = Expand(placed, network);
  if (together.folded) {
    plan = Fold(plan);
  }
  StepRecord record;
  for (const JointRun& run : RunJoint(jobs, plan, together.repetition)) {
    record.attribution.push_back({"", run.step_time});
    record.collective_seconds.emplace_back("", static_cast<double>(run.steps));
    for (const double bytes : run.bytes) {
      record.collective_seconds.emplace_back("", bytes);
    }
  }
  return record;
}

std::vector<std::vector<JointRun>> RunAll(const std::vector<Together>& many) {
  std::vector<Job> jobs;
  for (const Together& together : many) {
    jobs.push_back([&together](const Progress& /*progress*/) {
      return RunHere(together);
    });
  }
  std::vector<std::vector<JointRun>> out;
  for (const JobResult& result : RunJobs(jobs, {})) {
    EXPECT_TRUE(result.ok) << result.problem;
    std::vector<JointRun>& runs = out.emplace_back();
    auto number = result.record.collective_seconds.begin();
    const std::size_t numbers =
        result.record.collective_seconds.size() / result.record.attribution.size();
    for (const Attribution& part : result.record.attribution) {
      JointRun run;
      run.bytes.resize(numbers - 1);  // the first number is that of the steps
      run.step_time = part.time;
      run.steps = static_cast<std::int64_t>((number++)->second);
      for (double& bytes : run.bytes) {
        bytes = (number++)->second;
      }
      runs.push_back(run);
    }
  }
  return out;
}

// Servers of 8 under thin uplinks, so that bundles follow the ratio exactly; 2 servers to a leaf.
SiteSpec Oversubscribed(int servers, double ratio, const ServerSpec& server = IdealServer(8, 8)) {
  SiteSpec site = ClosSite(server, {.servers = servers,
                                    .servers_per_leaf = 2,
                                    .leaves_per_pod = (servers + 1) / 2,
                                    .leaf_over = ratio});
  ClosOf(site).spine.port_bandwidth = BytesPerSecond(kNic / 8);
  return site;
}

TrainingSpec DataParallel(int tensor, int data, int layers, int sequences) {
  Layout layout;
  layout.tensor = tensor;
  layout.data = data;
  TrainingSpec job = SmallJob(layout, layers);
  job.global_batch = static_cast<std::int64_t>(sequences) * data;
  job.stack.gradient_bucket = Bytes(20e6);
  return job;
}

void ExpectNear(Seconds actual, Seconds expected, double tolerance) {
  EXPECT_NEAR(actual.si(), expected.si(), tolerance * expected.si());
}

Repetition Exactly(std::int64_t steps) {
  return {.least = steps, .most = steps};
}

// One server of each leaf, from `first` on.
Placement EverySecond(int first, int count) {
  Placement placement;
  for (int i = 0; i < count; ++i) {
    placement.push_back({0, first + 2 * i, 1});
  }
  return placement;
}

}  // namespace

TEST(JobsSideBySide, ThatShareNoBindingLinkTakeWhatEachTakesAlone) {
  const SiteSpec site = Oversubscribed(8, 4, RealisticServer(8, 8));
  const PlacedSpec a{DataParallel(8, 4, 4, 2), {{0, 0, 4}}};
  const PlacedSpec b{DataParallel(4, 8, 6, 1), {{0, 4, 4}}};
  // An even fabric: they share bundles, which cannot bind.
  const SiteSpec even = Oversubscribed(8, 1, RealisticServer(8, 8));
  const PlacedSpec c{DataParallel(8, 4, 4, 2), EverySecond(0, 4)};
  const PlacedSpec d{DataParallel(4, 8, 6, 1), EverySecond(1, 4)};
  const auto runs = RunAll({{site, {a}},
                            {site, {b}},
                            {site, {a, b}, true, Exactly(12)},
                            {even, {c}},
                            {even, {d}},
                            {even, {c, d}, true, Exactly(12)}});
  for (const int first : {0, 3}) {
    ExpectNear(runs[first + 2][0].step_time, runs[first][0].step_time, 1e-9);
    ExpectNear(runs[first + 2][1].step_time, runs[first + 1][0].step_time, 1e-9);
    EXPECT_GE(runs[first + 2][0].steps, 12);
  }
}

TEST(AJobAlone, TakesTheStepOfASimulationOfOneStep) {
  const SiteSpec site = Oversubscribed(8, 4, RealisticServer(8, 8));
  const TrainingSpec job = DataParallel(4, 8, 6, 1);
  const auto runs = RunAll({{site, {{job, {{0, 0, 4}}}}}});
  ExpectNear(runs[0][0].step_time, Evaluate(ScenarioOf(site, job), Fidelity::kFolded).step_time,
             1e-12);
  EXPECT_EQ(runs[0][0].steps, 1);
}

TEST(TwoAlikeJobs, OnOneBundleSeeWhatOneSeesWithHalfOfIt) {
  const TrainingSpec job = DataParallel(8, 4, 4, 1);
  const auto runs =
      RunAll({{Oversubscribed(8, 8), {{job, EverySecond(0, 4)}, {job, EverySecond(1, 4)}}},
              {Oversubscribed(8, 16), {{job, EverySecond(0, 4)}}},
              {Oversubscribed(8, 8), {{job, EverySecond(0, 4)}}}});
  ExpectNear(runs[0][0].step_time, runs[1][0].step_time, 1e-6);
  ExpectNear(runs[0][1].step_time, runs[1][0].step_time, 1e-6);
  EXPECT_GT(runs[0][0].step_time.si(), 1.1 * runs[2][0].step_time.si());
}

// A pass hands its all-to-all over again and again, step after step.
TEST(AJobWithExperts, TakesTheSameInEveryStepFoldedAndInFull) {
  const SiteSpec site = Oversubscribed(8, 4, RealisticServer(8, 8));
  TrainingSpec experts = DataParallel(2, 16, 4, 2);
  experts.model.mixture = {.experts = 16, .experts_per_token = 2, .expert_ffn = 1024};
  experts.layout.expert = 8;  // shared by two servers
  experts.stack.expert_overlap = 0.5;
  const PlacedSpec a{experts, {{0, 0, 4}}};
  const PlacedSpec b{DataParallel(8, 4, 4, 2), {{0, 4, 4}}};
  const auto runs =
      RunAll({{site, {a}}, {site, {a, b}, true, Exactly(12)}, {site, {a, b}, false, Exactly(4)}});
  ExpectNear(runs[1][0].step_time, runs[0][0].step_time, 1e-9);
  ExpectNear(runs[2][0].step_time, runs[0][0].step_time, 1e-6);
  ExpectNear(runs[0][0].step_time, Evaluate(ScenarioOf(site, experts), Fidelity::kFull).step_time,
             1e-6);
}

// All ends of steps fall together: every job still goes on, or stops, as a whole.
TEST(ManyAlikeJobs, EndTheirStepsTogetherAndAreOfOnePace) {
  const SiteSpec site = Oversubscribed(16, 8);
  const TrainingSpec job = DataParallel(8, 4, 4, 1);
  const auto runs = RunAll({{site,
                             {{job, EverySecond(0, 4)},
                              {job, EverySecond(1, 4)},
                              {job, EverySecond(8, 4)},
                              {job, EverySecond(9, 4)}},
                             false,
                             Exactly(5)}});
  for (const JointRun& run : runs[0]) {
    EXPECT_EQ(run.steps, 5);
    ExpectNear(run.step_time, runs[0][0].step_time, 1e-9);
  }
}

class DifferentJobs : public testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] static std::vector<PlacedSpec> Jobs() {
    TrainingSpec a = DataParallel(8, 4, 4, 2);
    TrainingSpec b = DataParallel(4, 6, 6, 1);
    b.model.tied_embeddings = true;
    if (GetParam()) {
      return {{a, EverySecond(0, 4)}, {b, EverySecond(1, 3)}};
    }
    return {{a, {{0, 0, 1}, {0, 2, 3}}}, {b, {{0, 5, 3}}}};
  }
};

TEST_P(DifferentJobs, FoldedTakeWhatTheyTakeInFull) {
  const SiteSpec site = Oversubscribed(8, 16, RealisticServer(8, 8));
  const std::vector<PlacedSpec> jobs = Jobs();
  const auto runs = RunAll({{site, jobs, false, Exactly(6)}, {site, jobs, true, Exactly(6)}});
  for (const int job : {0, 1}) {
    EXPECT_EQ(runs[1][job].steps, runs[0][job].steps);
    ExpectNear(runs[1][job].step_time, runs[0][job].step_time, 1e-6);
    for (std::size_t c = 0; c < runs[1][job].bytes.size(); ++c) {
      EXPECT_NEAR(runs[1][job].bytes[c], runs[0][job].bytes[c], 1e-6 * runs[0][job].bytes[c]);
    }
  }
}

TEST_P(DifferentJobs, OverManyStepsKeepTheRateThatTheirFirstStepsSettleAt) {
  const SiteSpec site = Oversubscribed(8, 16, RealisticServer(8, 8));
  const std::vector<PlacedSpec> jobs = Jobs();
  const auto runs = RunAll(
      {{site, jobs, false, Exactly(40)}, {site, jobs}, {site, {jobs[0]}}, {site, {jobs[1]}}});
  for (const int job : {0, 1}) {
    ExpectNear(runs[1][job].step_time, runs[0][job].step_time, 0.01);
    EXPECT_GT(runs[0][job].step_time.si(), 1.01 * runs[2 + job][0].step_time.si());
  }
}

TEST_P(DifferentJobs, StandStillTogether) {
  const SiteSpec site = Oversubscribed(8, 16, RealisticServer(8, 8));
  const auto runs = RunAll({{site, Jobs()}});
  const auto whole = [&](int job) {
    return runs[0][job].step_time.si() * static_cast<double>(runs[0][job].steps);
  };
  const double longest = std::max(runs[0][0].step_time.si(), runs[0][1].step_time.si());
  EXPECT_LT(std::abs(whole(0) - whole(1)), 1.5 * longest);
}

INSTANTIATE_TEST_SUITE_P(Placements, DifferentJobs, testing::Values(true, false),
                         [](const auto& named) {
                           return named.param ? "Interleaved" : "Packed";
                         });

TEST(APlacement, ShiftedByWholePodsTakesTheSameTime) {
  SiteSpec site = ClosSite(RealisticServer(8, 8), {.servers = 16,
                                                   .servers_per_leaf = 2,
                                                   .leaves_per_pod = 2,
                                                   .tiers = 3,
                                                   .leaf_over = 2,
                                                   .spine_over = 4});
  ClosOf(site).leaf.latency = ClosOf(site).spine.latency = Seconds(1e-6);
  const TrainingSpec job = DataParallel(4, 10, 4, 1);
  const Placement zigzag{{0, 0, 1}, {0, 8, 1}, {0, 1, 1}, {0, 9, 1}, {0, 2, 1}};
  const auto runs = RunAll({{site, {{job, {{0, 0, 5}}}}, false},
                            {site, {{job, {{0, 8, 5}}}}, false},
                            {site, {{job, {{0, 8, 4}, {0, 0, 1}}}}},
                            {site, {{job, zigzag}}}});
  ExpectNear(runs[1][0].step_time, runs[0][0].step_time, 1e-9);
  ExpectNear(runs[2][0].step_time, runs[0][0].step_time, 1e-6);
  // A ring that goes to and fro between pods crosses their bundles more often.
  EXPECT_GT(runs[3][0].step_time.si(), 1.05 * runs[0][0].step_time.si());
}

}  // namespace gridlock
