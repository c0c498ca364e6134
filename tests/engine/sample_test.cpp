// A sample of the replicas: all of them are the step itself, and some come close to it where flows
// are hashed.

#include "sim/plan/sample.h"

#include <map>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/engine/machines.h"

namespace gridlock {
namespace {

TrainingSpec JobOf(int data) {
  Layout layout;
  layout.tensor = 4;
  layout.pipeline = 4;
  layout.data = data;
  TrainingSpec job = SmallJob(layout, 8);
  job.zero = 1;
  return job;
}

// Two servers hold a replica, and a leaf holds four servers: neighbours in a pipeline meet others
// on hashed uplinks.
SiteSpec HashedSite(int replicas) {
  return ClosSite(RealisticServer(8, 8), {.servers = 2 * replicas,
                                          .servers_per_leaf = 1,
                                          .leaves_per_pod = 2 * replicas,
                                          .routing = Routing::kEcmp});
}

struct Sampled {
  StepProgram program;
  Plan full, sample;
};

Sampled SampleOf(const SiteSpec& site, int data, int replicas) {
  Sampled sampled;
  sampled.program = BuildStepProgram(JobOf(data), site.server);
  sampled.full = Expand(sampled.program, site);
  sampled.sample = SamplePlan(sampled.full, sampled.program.grid, replicas);
  return sampled;
}

TEST(Sample, OfAllReplicasIsTheStep) {
  const SiteSpec site = HashedSite(6);
  const Sampled all = SampleOf(site, 6, 6);
  const std::vector<PlayResult> results = Simulate(std::vector<Play>{
      {all.program, all.full, site.server}, {all.program, all.sample, site.server}});
  EXPECT_NEAR(results[1].end, results[0].end, 1e-9 * results[0].end);
  for (std::size_t tier = 0; tier < results[0].bytes.size(); ++tier) {
    EXPECT_NEAR(results[1].bytes[tier], results[0].bytes[tier], 1e-9 * results[0].bytes[tier]);
  }
}

TEST(Sample, OfSomeReplicasComesCloseWhereFlowsAreHashed) {
  const SiteSpec site = HashedSite(32);
  const Sampled few = SampleOf(site, 32, 8);
  const std::vector<PlayResult> results = Simulate(std::vector<Play>{
      {few.program, few.full, site.server}, {few.program, few.sample, site.server}});
  // Messages take most of this step, and those of other stages that meet on a link are not counted.
  EXPECT_NEAR(results[1].end, results[0].end, 0.08 * results[0].end);
  EXPECT_EQ(few.sample.agents.size(), 4U * 8);
}

TEST(Sample, StandsForAllReplicas) {
  const Sampled few = SampleOf(HashedSite(13), 13, 4);
  EXPECT_EQ(few.sample.accelerators(), few.full.accelerators());
  const auto members = [](const auto& all) {
    return std::accumulate(all.begin(), all.end(), std::int64_t{0},
                           [](std::int64_t sum, const auto& one) {
                             return sum + one.members;
                           });
  };
  EXPECT_EQ(members(few.sample.groups), members(few.full.groups));
  EXPECT_EQ(members(few.sample.flows), members(few.full.flows));
  std::map<int, std::int64_t> by_tier;
  for (const Plan::Resource& resource : few.full.resources) {
    by_tier[resource.tier.value] += resource.members;
  }
  for (const Plan::Resource& resource : few.sample.resources) {
    by_tier[resource.tier.value] -= resource.members;
  }
  for (const auto& [tier, left] : by_tier) {
    EXPECT_EQ(left, 0) << few.full.tiers[{tier}].name;
  }
}

// By the command's own way: a few replicas take the folded step, more are sampled.
TEST(Sample, IsAFidelity) {
  const Scenario few = ScenarioOf(HashedSite(6), JobOf(6));
  const StepRecord folded = Evaluate(few, Fidelity::kFolded);
  const StepRecord sampled = Evaluate(few, Fidelity::kSampled);
  EXPECT_DOUBLE_EQ(sampled.step_time.si(), folded.step_time.si());
  EXPECT_EQ(sampled.fidelity, "sampled");
  const StepRecord many = Evaluate(ScenarioOf(HashedSite(24), JobOf(24)), Fidelity::kSampled);
  EXPECT_EQ(many.classes, 32);
  EXPECT_EQ(many.accelerators, 24 * 16);
}

}  // namespace
}  // namespace gridlock
