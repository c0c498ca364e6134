// The partition itself: how many classes, and that they stand for everything.

#include "sim/plan/fold.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/plan/rank_map.h"
#include "tests/clos_of.h"
#include "tests/engine/fold_cases.h"

namespace gridlock {

namespace {

struct Folding {
  Plan full, folded;
  FoldStatistics statistics;
};

Folding FoldingOf(const SiteSpec& site, const TrainingSpec& job) {
  Folding out;
  out.full = Expand(BuildStepProgram(job, site.server), site);
  out.folded = Fold(out.full, &out.statistics);
  return out;
}

// Bytes that one byte of every route puts on a tier, over all members.
std::map<TierIndex, std::int64_t> Crossings(const Plan& plan) {
  std::map<TierIndex, std::int64_t> sum;
  const auto add = [&](Span route) {
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const Plan::Resource& resource = plan.resources[plan.routes[i].resource];
      sum[resource.tier] += std::llround(static_cast<double>(resource.members) * resource.unit *
                                         plan.routes[i].weight);
    }
  };
  for (const Plan::Agent& agent : plan.agents) {
    add(agent.hbm);
    add(agent.tensor);
  }
  for (const Plan::Flow& flow : plan.flows) {
    add(flow.route);
  }
  for (const Plan::Lay& lay : plan.lays) {
    add(lay.nic);
    add(lay.domain);
  }
  return sum;
}

class Partition : public testing::TestWithParam<FoldCase> {};

class EvenPartition : public testing::TestWithParam<FoldCase> {};

template <typename Items>
std::int64_t Members(const Items& items) {
  std::int64_t sum = 0;
  for (const auto& item : items) {
    sum += item.members;
  }
  return sum;
}

}  // namespace

TEST_P(Partition, StandsForEveryResourceAgentFlowAndGroup) {
  const Folding folding = FoldingOf(GetParam().site, GetParam().job);
  const auto count = [](const auto& items) {
    return static_cast<std::int64_t>(items.size());
  };
  EXPECT_EQ(Members(folding.folded.resources), count(folding.full.resources));
  EXPECT_EQ(Members(folding.folded.agents), count(folding.full.agents));
  EXPECT_EQ(Members(folding.folded.flows), count(folding.full.flows));
  EXPECT_EQ(Members(folding.folded.groups), count(folding.full.groups));
  EXPECT_EQ(folding.folded.accelerators(), folding.full.accelerators());
  EXPECT_EQ(folding.statistics.agents, count(folding.folded.agents));
}

TEST_P(Partition, KeepsEveryCrossingOfEveryClassOfLinks) {
  const Folding folding = FoldingOf(GetParam().site, GetParam().job);
  EXPECT_EQ(Crossings(folding.folded), Crossings(folding.full));
}

TEST_P(EvenPartition, HasOneAgentPerPipelineStageHoweverManyReplicas) {
  const FoldCase& fold_case = GetParam();
  const Folding folding = FoldingOf(fold_case.site, fold_case.job);
  EXPECT_EQ(folding.statistics.agents, fold_case.job.layout.pipeline);

  FoldCase larger = fold_case;
  larger.job.layout.data *= 4;
  larger.job.global_batch *= 4;
  larger.site.servers *= 4;
  if (ClosOf(larger.site).tiers == 2) {
    ClosOf(larger.site).leaves_per_pod *= 4;
  }
  const FoldStatistics four = FoldingOf(larger.site, larger.job).statistics;
  EXPECT_EQ(four.agents, folding.statistics.agents);
  EXPECT_EQ(four.flows, folding.statistics.flows);
  EXPECT_EQ(four.groups, folding.statistics.groups);
  EXPECT_LE(four.resources, folding.statistics.resources + 8);
}

INSTANTIATE_TEST_SUITE_P(Cases, Partition, testing::ValuesIn(AllFoldCases()),
                         [](const auto& named) {
                           return testing::PrintToString(named.param);
                         });
INSTANTIATE_TEST_SUITE_P(Cases, EvenPartition, testing::ValuesIn(EvenCases()),
                         [](const auto& named) {
                           return testing::PrintToString(named.param);
                         });

TEST(PartitionOfFiveAndAThirdPods, HasFewClassesHoweverManyReplicas) {
  const FoldCase small = FiveAndAThirdPods();
  const FoldStatistics of_small = FoldingOf(small.site, small.job).statistics;
  // 16,384 accelerators in pods of 3,072.
  FoldCase large = small;
  large.site.servers = 2048;
  ClosOf(large.site).leaves_per_pod = 192;
  large.job.layout.data = 512;
  large.job.global_batch *= 32;
  const FoldStatistics of_large = FoldingOf(large.site, large.job).statistics;
  EXPECT_EQ(of_large.agents, of_small.agents);
  EXPECT_EQ(of_large.flows, of_small.flows);
  EXPECT_LE(of_large.agents, 4 * large.job.layout.pipeline);
}

TEST(Ranks, OfAJobOnPartOfEachDomainFollowThroughItsServers) {
  const SiteSpec site = OneLeafSite(IdealServer(8, 8), 8);
  const Network network(site);
  RankGrid grid;
  grid.data = 12;
  grid.domain_ranks = 6;
  const Placement placement{{0, 5, 1}, {0, 2, 1}};
  const RankMap ranks(grid, placement, network);
  EXPECT_EQ(ranks.At(0, 0, 0).value, 5 * 8);
  EXPECT_EQ(ranks.At(0, 5, 0).value, 5 * 8 + 5);
  EXPECT_EQ(ranks.At(0, 6, 0).value, 2 * 8);
  EXPECT_EQ(ranks.At(0, 11, 0).value, 2 * 8 + 5);
  StepProgram program;
  program.grid = grid;
  EXPECT_NO_THROW(CheckPlacement({&program, placement}, network));
  program.grid.data = 13;
  EXPECT_THROW(CheckPlacement({&program, placement}, network), UserError);
  program.grid.domain_ranks = 0;
  EXPECT_NO_THROW(CheckPlacement({&program, placement}, network));
}

}  // namespace gridlock
