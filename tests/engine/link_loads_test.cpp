// What single links carry in a step: the sums are those of the engine, and the hottest link is the
// one that paper says.

#include "sim/measure/link_loads.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "sim/plan/fold.h"
#include "tests/engine/fold_cases.h"
#include "tests/engine/machines.h"
#include "workloads/program/collective_test.h"

namespace gridlock {
namespace {

// The bytes that the engine moved over the links of each tier are those of its links.
void ExpectTheBytesOfTheEngine(const Play& play) {
  const PlayResult result = Simulate(play);
  const std::vector<Bytes> carried = CarriedByResources(play.program, play.plan, play.server);
  std::vector<double> sums(result.bytes.size());
  for (std::size_t r = 0; r < carried.size(); ++r) {
    const Plan::Resource& resource = play.plan.resources[r];
    sums[static_cast<std::size_t>(resource.tier.value)] +=
        carried[r].si() * static_cast<double>(resource.members);
  }
  const TierIndex hbm = play.plan.tiers.hbm();
  for (int tier = 0; tier < play.plan.tiers.size(); ++tier) {
    if (TierIndex{tier} != hbm) {
      const double moved = result.bytes[static_cast<std::size_t>(tier)];
      EXPECT_NEAR(sums[static_cast<std::size_t>(tier)], moved, kTolerance * moved)
          << play.plan.tiers[{tier}].name;
    }
  }
}

namespace {

std::vector<LinkUse> HottestLinks(const StepProgram& program, const Plan& plan,
                                  const ServerSpec& server, const Network& network, Seconds step) {
  const std::vector<Bytes> carried = CarriedByResources(program, plan, server);
  std::vector<LinkUse> hottest;
  for (const std::int32_t r : HottestResources(plan, carried, kHottestKept)) {
    hottest.push_back(UseOf(plan, r, network, carried[r], step));
  }
  return hottest;
}

}  // namespace

class Links : public testing::TestWithParam<FoldCase> {};

TEST_P(Links, CarryWhatTheEngineMoves) {
  const FoldCase& given = GetParam();
  const StepProgram program = BuildStepProgram(given.job, given.site.server);
  const Network network(given.site);
  ExpectTheBytesOfTheEngine(
      {program, FoldedPlan({{&program, WholeSite(network, 0)}}, network), given.site.server});
}

INSTANTIATE_TEST_SUITE_P(OfCases, Links, testing::ValuesIn(AllFoldCases()), [](const auto& named) {
  return named.param.name;
});

TEST(Links, CarryWhatTheEngineMovesWhereNothingIsFolded) {
  const FoldCase given = UnevenCases().front();
  const StepProgram program = BuildStepProgram(given.job, given.site.server);
  ExpectTheBytesOfTheEngine({program, Expand(program, given.site), given.site.server});
}

// Two servers of four on a leaf: of a ring all-reduce of S bytes every NIC sends 2 (7/8) S / 4.
TEST(HottestLinks, OfARingAreItsNics) {
  const SiteSpec site = OneLeafSite(IdealServer(4, 4), 2);
  CollectiveTestSpec test;
  test.path = "job[0].collective_test";
  test.sizes = {Bytes(1e9)};
  test.algorithm = &kRing;
  test.ranks = 8;
  const StepProgram program = BuildCollectiveTest(test, site.server);
  const Network network(site);
  const double bytes = 2 * 7.0 / 8 * 1e9 / 4;
  const Seconds step(bytes / kNic);
  for (const Plan& plan :
       {Expand(program, site), FoldedPlan({{&program, WholeSite(network, 0)}}, network)}) {
    const std::vector<LinkUse> hottest = HottestLinks(program, plan, site.server, network, step);
    ASSERT_FALSE(hottest.empty());
    const LinkUse& first = hottest.front();
    EXPECT_EQ(first.tier, "nic");
    EXPECT_NEAR(first.use, 1, 1e-9);
    EXPECT_NEAR(first.carried.si(), bytes, 1e-9 * bytes);
    EXPECT_NEAR(first.capacity.si(), kNic, 1e-6);
    EXPECT_LE(hottest.size(), kHottestKept);
    if (plan.folded) {
      EXPECT_GT(first.alike, 1) << "one stands for those alike";
    } else {
      EXPECT_EQ(first.alike, 1);
    }
  }
}

// Two flows of three meet on one uplink: it is named, and twice as hot as the other.
TEST(HottestLinks, UnderEcmpAreThoseWhereFlowsMeet) {
  SiteSpec site = ClosSite(
      IdealServer(8, 8),
      {.servers = 4, .servers_per_leaf = 2, .leaves_per_pod = 2, .routing = Routing::kEcmp});
  CollectiveTestSpec test;
  test.path = "job[0].collective_test";
  test.sizes = {Bytes(1e9)};
  test.algorithm = &kRing;
  test.ranks = 32;
  const StepProgram program = BuildCollectiveTest(test, site.server);
  const Network network(site);
  const Plan plan = Expand(program, site);
  const std::vector<LinkUse> hottest =
      HottestLinks(program, plan, site.server, network, Seconds(1));
  std::vector<int> flows(static_cast<std::size_t>(network.links()), 0);
  for (int a = 0; a < network.accelerators(); ++a) {
    std::vector<LinkIndex> route;
    (void)network.AppendRoute({a}, {(a + 8) % 32}, route);
    for (const LinkIndex link : route) {
      ++flows[static_cast<std::size_t>(link.value)];
    }
  }
  const auto fullest = std::max_element(flows.begin(), flows.end());
  ASSERT_GT(*fullest, 1) << "no flows meet: another seed is needed";
  EXPECT_EQ(hottest.front().name,
            network.name({static_cast<std::int32_t>(fullest - flows.begin())}));
  EXPECT_NEAR(hottest.front().carried.si(), *fullest * 2 * 31.0 / 32 * 1e9 / 8, 1);
}

}  // namespace
}  // namespace gridlock
