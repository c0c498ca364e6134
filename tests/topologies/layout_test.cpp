// Counts and capacities of the fabric against closed forms and hand calculations.

#include <cmath>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/clos_of.h"
#include "tests/topologies/sites.h"
#include "topologies/clos/topology.h"
#include "topologies/network.h"

namespace gridlock {
namespace {

using ::testing::DoubleEq;

double TotalCapacity(const ClosTopology& fabric, TierIndex tier) {
  double total = 0.0;
  for (const LinkIndex link : LinksOf(fabric, tier)) {
    total += fabric.capacity(link).si();
  }
  return total;
}

TEST(Precision, NamesAndBytesFollowTheEnumeration) {
  EXPECT_STREQ(PrecisionName(Precision::kFp32), "fp32");
  EXPECT_STREQ(PrecisionName(Precision::kTf32), "tf32");
  EXPECT_STREQ(PrecisionName(Precision::kBf16), "bf16");
  EXPECT_STREQ(PrecisionName(Precision::kFp8), "fp8");
  EXPECT_STREQ(PrecisionName(Precision::kFp4), "fp4");
  EXPECT_STREQ(PrecisionName(Precision::kInt8), "int8");
  EXPECT_EQ(PrecisionBytes(Precision::kFp32), 4.0);
  EXPECT_EQ(PrecisionBytes(Precision::kTf32), 4.0);
  EXPECT_EQ(PrecisionBytes(Precision::kBf16), 2.0);
  EXPECT_EQ(PrecisionBytes(Precision::kFp8), 1.0);
  EXPECT_EQ(PrecisionBytes(Precision::kFp4), 0.5);
  EXPECT_EQ(PrecisionBytes(Precision::kInt8), 1.0);
}

class KAry : public ::testing::TestWithParam<int> {};

// Al-Fares et al. 2008, section 3: k pods of k/2 edge and k/2 aggregation switches, k^2/4 cores.
TEST_P(KAry, FatTreeHasKCubedOverFourHosts) {
  const int k = GetParam();
  const ClosTopology fabric(KAryFatTree(k));
  EXPECT_EQ(fabric.accelerators(), k * k * k / 4);
  EXPECT_EQ(fabric.pods(), k);
  EXPECT_EQ(fabric.leaves(), k * k / 2);
  EXPECT_EQ(fabric.spines(), k * k / 2);
  EXPECT_EQ(fabric.spines_per_pod(), k / 2);
  EXPECT_EQ(fabric.cores(), k * k / 4);
  EXPECT_EQ(fabric.uplinks_per_leaf(), k / 2);
  EXPECT_EQ(fabric.uplinks_per_spine(), k / 2);
  EXPECT_THAT(fabric.leaf_oversubscription(), DoubleEq(1.0));
  EXPECT_THAT(fabric.spine_oversubscription(), DoubleEq(1.0));
}

TEST_P(KAry, FatTreeUsesEveryPortOfEverySwitch) {
  const int k = GetParam();
  const ClosLayout layout = LayOutClos(KAryFatTree(k));
  EXPECT_EQ(layout.nics_per_leaf * layout.ports_per_nic + layout.uplinks_per_leaf, k);
  EXPECT_EQ(layout.leaves_per_pod * layout.links_per_spine + layout.uplinks_per_spine, k);
  EXPECT_EQ(layout.pods, k);
}

INSTANTIATE_TEST_SUITE_P(EvenRadices, KAry, ::testing::Values(2, 4, 6, 8, 16, 24, 48));

// 2 servers x 8 NICs = 16 down and 16 / 0.5 = 32 up per leaf. 192 leaves x 32 = 6,144 links into
// spines of 576 ports: 8 spines would need 768 down each; 16 need 384 down and 384 / 7 -> 55 up.
TEST(UnevenPods, SixteenThousandAcceleratorsAreFiveAndAThirdPods) {
  const ClosTopology fabric(UnevenPods(Routing::kSpray));
  EXPECT_EQ(fabric.accelerators(), 16384);
  EXPECT_EQ(fabric.leaves(), 1024);
  EXPECT_EQ(fabric.pods(), 6);
  EXPECT_EQ(fabric.pod_of_leaf(1023), 5);
  EXPECT_EQ(fabric.leaves() - 5 * fabric.leaves_per_pod(), 64);  // a third of 192
  EXPECT_EQ(fabric.uplinks_per_leaf(), 32);
  EXPECT_EQ(fabric.spines_per_pod(), 16);
  EXPECT_EQ(fabric.layout().links_per_spine, 2);
  EXPECT_EQ(fabric.uplinks_per_spine(), 55);
  EXPECT_EQ(fabric.spines(), 96);
  // 6 pods x 55 links are 330 of the 576 ports of a core: one core carries a plane.
  EXPECT_EQ(fabric.cores(), 16);
  EXPECT_THAT(fabric.leaf_oversubscription(), DoubleEq(0.5));
  EXPECT_THAT(fabric.spine_oversubscription(), DoubleEq(384.0 / 55.0));
}

TEST(UnevenPods, BundlesCarryTheSumOfTheirLinks) {
  const ClosTopology fabric(UnevenPods(Routing::kSpray));
  EXPECT_EQ(fabric.links(), 2 * 16384 + 2 * 16384 + 2 * 1024 + 2 * 6);
  for (const LinkIndex link : LinksOf(fabric, ClosTiers::kLeaf)) {
    ASSERT_EQ(fabric.capacity(link).si(), 32 * kNic400);
  }
  // The partly filled pod is built in full, so its bundle is as wide as the others.
  for (const LinkIndex link : LinksOf(fabric, ClosTiers::kSpine)) {
    ASSERT_EQ(fabric.capacity(link).si(), 16 * 55 * kNic400);
  }
}

TEST(UnevenPods, EcmpHasEveryUplinkOnItsOwn) {
  const ClosTopology fabric(UnevenPods(Routing::kEcmp));
  EXPECT_EQ(LinksOf(fabric, ClosTiers::kLeaf).size(), 2U * 1024 * 32);
  EXPECT_EQ(LinksOf(fabric, ClosTiers::kSpine).size(), 2U * 96 * 55);
}

TEST(Links, StandInTheirFixedOrder) {
  SiteSpec site = EightWaySite(9);  // three leaves of four servers, the last with one
  ClosOf(site).leaves_per_pod = 2;
  const ClosTopology fabric(site);
  EXPECT_EQ(fabric.links(), 4 * 72 + 2 * 3 + 2 * 2);
  EXPECT_EQ(fabric.name({0}), "scale_up_out[0]");
  EXPECT_EQ(fabric.name({72}), "scale_up_in[0]");
  EXPECT_EQ(fabric.name({2 * 72 + 17}), "nic_up[17]");
  EXPECT_EQ(fabric.name({3 * 72}), "nic_down[0]");
  EXPECT_EQ(fabric.name({4 * 72 + 2}), "leaf_up[2]");
  EXPECT_EQ(fabric.name({4 * 72 + 3}), "leaf_down[0]");
  EXPECT_EQ(fabric.name({4 * 72 + 6}), "spine_up[0]");
  EXPECT_EQ(fabric.name({4 * 72 + 9}), "spine_down[1]");
  EXPECT_EQ(fabric.scale_up_out({5}), LinkIndex{5});
  EXPECT_EQ(fabric.scale_up_in({5}), LinkIndex{77});
}

TEST(Links, NamesAreUnique) {
  for (const Routing routing : {Routing::kSpray, Routing::kEcmp}) {
    SiteSpec site = EightWaySite(40);
    ClosOf(site).leaves_per_pod = 4;
    ClosOf(site).routing = routing;
    const ClosTopology fabric(site);
    std::map<std::string, int> seen;
    for (LinkIndex link{0}; link.value < fabric.links(); ++link.value) {
      EXPECT_EQ(++seen[fabric.name(link)], 1) << fabric.name(link);
    }
  }
}

TEST(Layout, NamesItsTiersFromTheAcceleratorOutwards) {
  const Network network(EightWaySite(8));
  std::vector<std::string> names;
  for (const Tier& tier : network.tiers()) {
    names.push_back(tier.name);
  }
  EXPECT_THAT(names, ::testing::ElementsAre("scale_up", "nic", "leaf", "spine", "wan", "hbm"));
  EXPECT_EQ(network.tiers().Named("leaf"), ClosTiers::kLeaf);
  EXPECT_EQ(network.tiers().Named("spine"), ClosTiers::kSpine);
}

// 64 leaf ports in a pod of 4 leaves: 32 links from each go to 4 x 32 / 64 = 2 spines, not 32.
TEST(Spines, AreAsFewAsTheirPortsAllow) {
  SiteSpec site = EightWaySite(16);
  ClosOf(site).tiers = 2;
  ClosOf(site).leaves_per_pod = 4;
  const ClosTopology fabric(site);
  EXPECT_EQ(fabric.spines_per_pod(), 2);
  EXPECT_EQ(fabric.layout().links_per_spine, 16);
  EXPECT_EQ(fabric.cores(), 0);
  EXPECT_EQ(fabric.spine_oversubscription(), 0.0);
  EXPECT_TRUE(LinksOf(fabric, ClosTiers::kSpine).empty());
}

TEST(Oversubscription, IsWhatRoundingToWholeLinksLeaves) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).leaf_oversubscription = 3;  // 32 / 3 = 10.67 links
  const ClosTopology fabric(site);
  EXPECT_EQ(fabric.uplinks_per_leaf(), 11);
  EXPECT_THAT(fabric.leaf_oversubscription(), DoubleEq(32.0 / 11.0));
}

TEST(Oversubscription, ThatDividesEvenlyNeedsNoLinkMore) {
  SiteSpec site = EightWaySite(29);
  site.server.accelerators = site.server.nics = 1;
  ClosOf(site).servers_per_leaf = 29;
  ClosOf(site).leaf_oversubscription = 0.145;  // 29 / 0.145 is 200.00000000000003 in binary
  ClosOf(site).leaves_per_pod = 1;
  ClosOf(site).leaf.ports = ClosOf(site).spine.ports = ClosOf(site).core.ports = 512;
  EXPECT_EQ(ClosTopology(site).uplinks_per_leaf(), 200);
}

TEST(Uplinks, RunAtTheSlowerOfTheirTwoPorts) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).leaf_oversubscription = 2;
  ClosOf(site).spine.port_bandwidth = BytesPerSecond(2 * kNic400);
  ClosOf(site).core.port_bandwidth = BytesPerSecond(4 * kNic400);
  const ClosTopology fabric(site);
  EXPECT_EQ(fabric.layout().leaf_uplink.si(), kNic400);
  EXPECT_EQ(fabric.layout().spine_uplink.si(), 2 * kNic400);
  EXPECT_THAT(fabric.spine_oversubscription(), DoubleEq(1.0));
}

TEST(Nics, SharedByAcceleratorsKeepTheirOwnBandwidth) {
  SiteSpec site = EightWaySite(16);
  site.server.nics = 2;
  const ClosTopology fabric(site);
  EXPECT_EQ(fabric.nics(), 32);
  EXPECT_EQ(fabric.nic_of({3}), 0);
  EXPECT_EQ(fabric.nic_of({4}), 1);
  EXPECT_EQ(fabric.nic_of({8 * 5 + 7}), 11);
  EXPECT_EQ(fabric.capacity(LinksOf(fabric, TierTable::kNic).front()).si(), kNic400);
}

TEST(Nics, SeveralPerAcceleratorActAsOneOfTheirSumOnTheirPorts) {
  SiteSpec site = EightWaySite(16);
  site.server.nics = 16;
  ClosOf(site).servers_per_leaf = 2;
  const ClosTopology fabric(site);
  EXPECT_EQ(fabric.nics(), 16 * 8);
  EXPECT_EQ(fabric.nic_of({13}), 13);
  EXPECT_EQ(fabric.layout().ports_per_nic, 2);
  EXPECT_EQ(fabric.uplinks_per_leaf(), 32);
  EXPECT_EQ(fabric.capacity(LinksOf(fabric, TierTable::kNic).front()).si(), 2 * kNic400);
}

TEST(Nics, FasterThanALeafPortTakeSeveralPorts) {
  SiteSpec site = EightWaySite(16);
  site.server.nic_bandwidth = BytesPerSecond(2 * kNic400);
  ClosOf(site).servers_per_leaf = 2;
  EXPECT_EQ(LayOutClos(site).ports_per_nic, 2);
  site.server.nic_bandwidth = BytesPerSecond(0.5 * kNic400);  // a slow one still takes a port
  EXPECT_EQ(LayOutClos(site).ports_per_nic, 1);
  EXPECT_EQ(LayOutClos(site).uplinks_per_leaf, 8);
}

TEST(Rails, TakeNicIOfEveryServerOfAGroupToLeafI) {
  SiteSpec site = EightWaySite(70);  // groups of 32 servers: two full ones and one of six
  ClosOf(site).rail_optimized = true;
  ClosOf(site).servers_per_leaf = 32;
  const ClosTopology fabric(site);
  EXPECT_EQ(fabric.leaves(), 3 * 8);
  EXPECT_EQ(fabric.uplinks_per_leaf(), 32);
  for (AcceleratorIndex a{0}; a.value < fabric.accelerators(); ++a.value) {
    const int group = fabric.server_of(a) / 32;
    ASSERT_EQ(fabric.leaf_of_nic(fabric.nic_of(a)), group * 8 + a.value % 8);
  }
}

TEST(ClosTopology, OfAHundredThousandAcceleratorsIsLaidOutWhole) {
  SiteSpec site = UnevenPods(Routing::kSpray);
  site.servers = 16384;
  const ClosTopology fabric(site);
  EXPECT_EQ(fabric.accelerators(), 131072);
  EXPECT_EQ(fabric.pods(), 43);
}

RC_GTEST_PROP(FabricLaws, SprayedBundlesAreTheSumOfTheEcmpLinks, ()) {
  SiteSpec site = RandomSite(*rc::gen::arbitrary<std::uint64_t>());
  ClosOf(site).routing = Routing::kSpray;
  const ClosTopology sprayed(site);
  ClosOf(site).routing = Routing::kEcmp;
  const ClosTopology hashed(site);
  for (const TierIndex tier :
       {TierTable::kScaleUp, TierTable::kNic, ClosTiers::kLeaf, ClosTiers::kSpine}) {
    const double bundles = TotalCapacity(sprayed, tier);
    RC_ASSERT(std::abs(TotalCapacity(hashed, tier) - bundles) <= 1e-12 * bundles);
  }
}

RC_GTEST_PROP(FabricLaws, EveryTierIsAsOversubscribedAsAskedOrLess, ()) {
  const SiteSpec site = RandomSite(*rc::gen::arbitrary<std::uint64_t>());
  const ClosTopology fabric(site);
  constexpr double kRounding = 1e-9;
  RC_ASSERT(fabric.leaf_oversubscription() <= ClosOf(site).leaf_oversubscription + kRounding);
  RC_ASSERT(fabric.spine_oversubscription() <= ClosOf(site).spine_oversubscription + kRounding);
  // One link fewer would be too few: nothing is built that was not asked for.
  const auto& layout = fabric.layout();
  RC_ASSERT((layout.uplinks_per_leaf - 1) * layout.leaf_uplink *
                ClosOf(site).leaf_oversubscription <
            layout.nics_per_leaf * layout.nic_bandwidth);
}

RC_GTEST_PROP(FabricLaws, NoSwitchHasMoreLinksThanPorts, ()) {
  const SiteSpec site = RandomSite(*rc::gen::arbitrary<std::uint64_t>());
  const ClosLayout layout = LayOutClos(site);
  RC_ASSERT(layout.nics_per_leaf * layout.ports_per_nic + layout.uplinks_per_leaf <=
            ClosOf(site).leaf.ports);
  RC_ASSERT(layout.leaves_per_pod * layout.links_per_spine + layout.uplinks_per_spine <=
            ClosOf(site).spine.ports);
  RC_ASSERT(layout.links_per_spine * layout.spines_per_pod == layout.uplinks_per_leaf);
  RC_ASSERT(layout.pods * layout.links_per_core <= ClosOf(site).core.ports);
  RC_ASSERT(layout.links_per_core * layout.cores_per_plane == layout.uplinks_per_spine);
}

TEST(CappedNics, LeaveTheFabricAboveThemAsItWasBuilt) {
  const ClosTopology built(UnevenPods(Routing::kSpray));
  SiteSpec site = UnevenPods(Routing::kSpray);
  site.server.fabric_nic_bandwidth = site.server.nic_bandwidth;
  site.server.nic_bandwidth = site.server.nic_bandwidth / 3;
  const ClosTopology capped(site);
  ASSERT_EQ(capped.links(), built.links());
  EXPECT_EQ(capped.cores(), built.cores());
  for (int link = 0; link < built.links(); ++link) {
    const double share = built.tier({link}) == TierTable::kNic ? 1.0 / 3 : 1.0;
    EXPECT_DOUBLE_EQ(capped.capacity({link}).si(), share * built.capacity({link}).si());
  }
}

}  // namespace
}  // namespace gridlock
