// What a site that cannot be built is told.

#include <cmath>
#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "tests/clos_of.h"
#include "tests/topologies/sites.h"
#include "topologies/clos/topology.h"

namespace gridlock {

// Found by argument-dependent look-up in the matchers below.
static bool operator==(const Problem& a, const Problem& b) {
  return a.path == b.path && a.message == b.message;
}

static void PrintTo(const Problem& problem, std::ostream* out) {
  *out << problem.path << ": " << problem.message;
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Problem> ProblemsOf(const SiteSpec& site) {
  try {
    const ClosTopology fabric(site);
  } catch (const UserError& error) {
    return error.problems();
  }
  return {};
}

std::vector<std::string> PathsOf(const SiteSpec& site) {
  std::vector<std::string> paths;
  for (const Problem& problem : ProblemsOf(site)) {
    paths.push_back(problem.path);
  }
  return paths;
}

TEST(LeafRadix, SaysWhichPortsAreNeededAndWhatWouldFit) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).servers_per_leaf = 6;
  EXPECT_THAT(ProblemsOf(site),
              ElementsAre(Problem{"site[0].fabric.clos.leaf_switch",
                                  "a leaf of leaf64 has 64 ports; 48 down + 48 up = 96 are needed; "
                                  "lower servers_per_leaf to 4 or raise leaf_oversubscription to "
                                  "3"}));
}

TEST(LeafRadix, RemediesDoFit) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).servers_per_leaf = 2;
  ClosOf(site).leaf_oversubscription = 0.25;
  EXPECT_THAT(ProblemsOf(site),
              ElementsAre(Problem{"site[0].fabric.clos.leaf_switch",
                                  "a leaf of leaf64 has 64 ports; 16 down + 64 up = 80 are needed; "
                                  "lower servers_per_leaf to 1 or raise leaf_oversubscription to "
                                  "0.334"}));
  SiteSpec lowered = site;
  ClosOf(lowered).servers_per_leaf = 1;
  EXPECT_THAT(ProblemsOf(lowered), IsEmpty());
  SiteSpec raised = site;
  ClosOf(raised).leaf_oversubscription = 0.334;
  ClosOf(raised).leaves_per_pod = 32;
  EXPECT_THAT(ProblemsOf(raised), IsEmpty());
}

TEST(LeafRadix, AsksForMorePortsWhenNothingElseHelps) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).servers_per_leaf = 1;
  ClosOf(site).leaf.ports = 8;
  EXPECT_THAT(ProblemsOf(site),
              ElementsAre(Problem{"site[0].fabric.clos.leaf_switch",
                                  "a leaf of leaf64 has 8 ports; 8 down + 8 up = 16 are needed; "
                                  "use a switch with more ports"}));
}

TEST(SpineRadix, SaysWhichPortsAreNeededAndWhatWouldFit) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).leaves_per_pod = 48;
  EXPECT_THAT(ProblemsOf(site),
              ElementsAre(Problem{"site[0].fabric.clos.spine_switch",
                                  "a spine of spine64 has 64 ports; with one link from each leaf "
                                  "48 down + 48 up = 96 are needed; lower leaves_per_pod to 32 or "
                                  "raise spine_oversubscription to 3"}));
  ClosOf(site).spine_oversubscription = 3;
  EXPECT_THAT(ProblemsOf(site), IsEmpty());
}

TEST(CoreRadix, CountsAPortForEachPod) {
  SiteSpec site = EightWaySite(2080);  // 520 leaves of 4 servers, 4 in a pod
  ClosOf(site).leaves_per_pod = 4;
  EXPECT_THAT(ProblemsOf(site),
              ElementsAre(Problem{"site[0].fabric.clos.core_switch",
                                  "a core of core64 has 64 ports, one for each pod; 130 are "
                                  "needed; raise leaves_per_pod to 9 or lower servers to 1024"}));
  ClosOf(site).leaves_per_pod = 9;
  EXPECT_THAT(ProblemsOf(site), IsEmpty());
}

TEST(TwoTiers, NameTheMostThatTheyCarry) {
  SiteSpec site = EightWaySite(257);
  ClosOf(site).tiers = 2;
  ClosOf(site).leaves_per_pod = 64;
  EXPECT_THAT(
      ProblemsOf(site),
      ElementsAre(Problem{"site[0].fabric.clos.tiers",
                          "two tiers are one pod, but 65 leaves of 64 per pod make 2 pods; two "
                          "tiers of leaf64 and spine64 carry at most 2048 accelerators (32 under "
                          "each leaf, 64 leaves), and the site has 2056; use tiers: 3"}));
  site.servers = 256;  // 2,048 accelerators: what was said to fit does
  EXPECT_THAT(ProblemsOf(site), IsEmpty());
}

TEST(TwoTiers, AskForWiderPodsWhenTheSiteWouldFit) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).tiers = 2;
  ClosOf(site).leaves_per_pod = 4;
  ASSERT_EQ(ProblemsOf(site).size(), 1U);
  EXPECT_THAT(ProblemsOf(site)[0].message, ::testing::EndsWith("; raise leaves_per_pod to 16"));
  ClosOf(site).leaves_per_pod = 16;
  EXPECT_THAT(ProblemsOf(site), IsEmpty());
}

TEST(Rails, MustStayTogetherInAPod) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).rail_optimized = true;
  ClosOf(site).leaves_per_pod = 12;
  EXPECT_THAT(ProblemsOf(site),
              ElementsAre(Problem{"site[0].fabric.clos.leaves_per_pod",
                                  "12 leaves do not hold whole groups of 8 rails; use a multiple "
                                  "of 8"}));
}

TEST(Problems, AreAllReportedAtOnce) {
  SiteSpec site = EightWaySite(50000);
  ClosOf(site).servers_per_leaf = 6;
  ClosOf(site).leaves_per_pod = 60;
  EXPECT_THAT(PathsOf(site),
              ElementsAre("site[0].fabric.clos.leaf_switch", "site[0].fabric.clos.spine_switch",
                          "site[0].fabric.clos.core_switch"));
}

TEST(Sizes, ThatAreNotPositiveAreRefusedByName) {
  SiteSpec site = EightWaySite(0);
  site.server.nics = 0;
  site.server.nic_bandwidth = BytesPerSecond(0);
  ClosOf(site).leaves_per_pod = -1;
  ClosOf(site).leaf_oversubscription = std::nan("");
  ClosOf(site).core.ports = 0;
  EXPECT_THAT(
      PathsOf(site),
      ElementsAre("site[0].servers", "site[0].server.nics", "site[0].server.nic_bandwidth",
                  "site[0].fabric.clos.leaves_per_pod", "site[0].fabric.clos.leaf_oversubscription",
                  "site[0].fabric.clos.core_switch"));
}

TEST(Sizes, BeyondAnyMachineAreRefusedAndDoNotOverflow) {
  constexpr int kHuge = 2147483647;
  SiteSpec site = EightWaySite(kHuge);
  site.server.accelerators = kHuge;
  site.server.nics = kHuge;
  ClosOf(site).servers_per_leaf = kHuge;
  ClosOf(site).leaves_per_pod = kHuge;
  ClosOf(site).leaf.ports = kHuge;
  EXPECT_EQ(PathsOf(site).size(), 7U);
  site = EightWaySite(64);
  site.server.nic_bandwidth = BytesPerSecond(1e300);
  EXPECT_THAT(PathsOf(site), ElementsAre("site[0].fabric.clos.leaf_switch"));
}

TEST(Sizes, OfTiersAreOneToThree) {
  SiteSpec site = EightWaySite(8);
  ClosOf(site).tiers = 4;
  EXPECT_THAT(ProblemsOf(site),
              ElementsAre(Problem{
                  "site[0].fabric.clos.tiers",
                  "4 given; a Clos has 1 (leaf), 2 (leaf, spine) or 3 (leaf, spine, core)"}));
}

TEST(Nics, MayBeInAnyNumber) {
  for (const int nics : {1, 3, 5, 8, 12, 24}) {
    SiteSpec site = EightWaySite(2);
    site.server.nics = nics;
    ClosOf(site).servers_per_leaf = 1;
    EXPECT_THAT(ProblemsOf(site), IsEmpty()) << nics;
  }
}

TEST(ThirdTier, OfOnePodIsAllowed) {
  EXPECT_THAT(ProblemsOf(EightWaySite(1)), IsEmpty());
}

}  // namespace
}  // namespace gridlock
