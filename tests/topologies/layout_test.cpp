// Counts and capacities of the fabric against closed forms and hand calculations.

#include <cmath>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/topologies/sites.h"
#include "topologies/fabric.h"

namespace gridlock {
namespace {

using ::testing::DoubleEq;

double TotalCapacity(const Fabric& fabric, LinkClass link_class) {
  double total = 0.0;
  for (const LinkIndex link : LinksOf(fabric, link_class)) {
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
  const Fabric fabric(KAryFatTree(k));
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
  const Fabric fabric(UnevenPods(Routing::kSpray));
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
  const Fabric fabric(UnevenPods(Routing::kSpray));
  EXPECT_EQ(fabric.links(), 2 * 16384 + 2 * 16384 + 2 * 1024 + 2 * 6);
  for (const LinkIndex link : LinksOf(fabric, LinkClass::kLeaf)) {
    ASSERT_EQ(fabric.capacity(link).si(), 32 * kNic400);
  }
  // The partly filled pod is built in full, so its bundle is as wide as the others.
  for (const LinkIndex link : LinksOf(fabric, LinkClass::kSpine)) {
    ASSERT_EQ(fabric.capacity(link).si(), 16 * 55 * kNic400);
  }
}

TEST(UnevenPods, EcmpHasEveryUplinkOnItsOwn) {
  const Fabric fabric(UnevenPods(Routing::kEcmp));
  EXPECT_EQ(LinksOf(fabric, LinkClass::kLeaf).size(), 2U * 1024 * 32);
  EXPECT_EQ(LinksOf(fabric, LinkClass::kSpine).size(), 2U * 96 * 55);
}

TEST(Links, StandInTheirFixedOrder) {
  SiteSpec site = EightWaySite(9);  // three leaves of four servers, the last with one
  site.clos.leaves_per_pod = 2;
  const Fabric fabric(site);
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
    site.clos.leaves_per_pod = 4;
    site.clos.routing = routing;
    const Fabric fabric(site);
    std::map<std::string, int> seen;
    for (LinkIndex link{0}; link.value < fabric.links(); ++link.value) {
      EXPECT_EQ(++seen[fabric.name(link)], 1) << fabric.name(link);
    }
  }
}

TEST(Links, ClassNamesAreStable) {
  EXPECT_STREQ(LinkClassName(LinkClass::kScaleUp), "scale_up");
  EXPECT_STREQ(LinkClassName(LinkClass::kNic), "nic");
  EXPECT_STREQ(LinkClassName(LinkClass::kLeaf), "leaf");
  EXPECT_STREQ(LinkClassName(LinkClass::kSpine), "spine");
}

// 64 leaf ports in a pod of 4 leaves: 32 links from each go to 4 x 32 / 64 = 2 spines, not 32.
TEST(Spines, AreAsFewAsTheirPortsAllow) {
  SiteSpec site = EightWaySite(16);
  site.clos.tiers = 2;
  site.clos.leaves_per_pod = 4;
  const Fabric fabric(site);
  EXPECT_EQ(fabric.spines_per_pod(), 2);
  EXPECT_EQ(fabric.layout().links_per_spine, 16);
  EXPECT_EQ(fabric.cores(), 0);
  EXPECT_EQ(fabric.spine_oversubscription(), 0.0);
  EXPECT_TRUE(LinksOf(fabric, LinkClass::kSpine).empty());
}

TEST(Oversubscription, IsWhatRoundingToWholeLinksLeaves) {
  SiteSpec site = EightWaySite(64);
  site.clos.leaf_oversubscription = 3;  // 32 / 3 = 10.67 links
  const Fabric fabric(site);
  EXPECT_EQ(fabric.uplinks_per_leaf(), 11);
  EXPECT_THAT(fabric.leaf_oversubscription(), DoubleEq(32.0 / 11.0));
}

TEST(Oversubscription, ThatDividesEvenlyNeedsNoLinkMore) {
  SiteSpec site = EightWaySite(29);
  site.server.accelerators = site.server.nics = 1;
  site.clos.servers_per_leaf = 29;
  site.clos.leaf_oversubscription = 0.145;  // 29 / 0.145 is 200.00000000000003 in binary
  site.clos.leaves_per_pod = 1;
  site.clos.leaf.ports = site.clos.spine.ports = site.clos.core.ports = 512;
  EXPECT_EQ(Fabric(site).uplinks_per_leaf(), 200);
}

TEST(Uplinks, RunAtTheSlowerOfTheirTwoPorts) {
  SiteSpec site = EightWaySite(64);
  site.clos.leaf_oversubscription = 2;
  site.clos.spine.port_bandwidth = BytesPerSecond(2 * kNic400);
  site.clos.core.port_bandwidth = BytesPerSecond(4 * kNic400);
  const Fabric fabric(site);
  EXPECT_EQ(fabric.layout().leaf_uplink.si(), kNic400);
  EXPECT_EQ(fabric.layout().spine_uplink.si(), 2 * kNic400);
  EXPECT_THAT(fabric.spine_oversubscription(), DoubleEq(1.0));
}

TEST(Nics, SharedByAcceleratorsKeepTheirOwnBandwidth) {
  SiteSpec site = EightWaySite(16);
  site.server.nics = 2;
  const Fabric fabric(site);
  EXPECT_EQ(fabric.nics(), 32);
  EXPECT_EQ(fabric.nic_of({3}), 0);
  EXPECT_EQ(fabric.nic_of({4}), 1);
  EXPECT_EQ(fabric.nic_of({8 * 5 + 7}), 11);
  EXPECT_EQ(fabric.capacity(LinksOf(fabric, LinkClass::kNic).front()).si(), kNic400);
}

TEST(Nics, SeveralPerAcceleratorActAsOneOfTheirSumOnTheirPorts) {
  SiteSpec site = EightWaySite(16);
  site.server.nics = 16;
  site.clos.servers_per_leaf = 2;
  const Fabric fabric(site);
  EXPECT_EQ(fabric.nics(), 16 * 8);
  EXPECT_EQ(fabric.nic_of({13}), 13);
  EXPECT_EQ(fabric.layout().ports_per_nic, 2);
  EXPECT_EQ(fabric.uplinks_per_leaf(), 32);
  EXPECT_EQ(fabric.capacity(LinksOf(fabric, LinkClass::kNic).front()).si(), 2 * kNic400);
}

TEST(Nics, FasterThanALeafPortTakeSeveralPorts) {
  SiteSpec site = EightWaySite(16);
  site.server.nic_bandwidth = BytesPerSecond(2 * kNic400);
  site.clos.servers_per_leaf = 2;
  EXPECT_EQ(LayOutClos(site).ports_per_nic, 2);
  site.server.nic_bandwidth = BytesPerSecond(0.5 * kNic400);  // a slow one still takes a port
  EXPECT_EQ(LayOutClos(site).ports_per_nic, 1);
  EXPECT_EQ(LayOutClos(site).uplinks_per_leaf, 8);
}

TEST(Rails, TakeNicIOfEveryServerOfAGroupToLeafI) {
  SiteSpec site = EightWaySite(70);  // groups of 32 servers: two full ones and one of six
  site.clos.rail_optimized = true;
  site.clos.servers_per_leaf = 32;
  const Fabric fabric(site);
  EXPECT_EQ(fabric.leaves(), 3 * 8);
  EXPECT_EQ(fabric.uplinks_per_leaf(), 32);
  for (AcceleratorIndex a{0}; a.value < fabric.accelerators(); ++a.value) {
    const int group = fabric.server_of(a) / 32;
    ASSERT_EQ(fabric.leaf_of_nic(fabric.nic_of(a)), group * 8 + a.value % 8);
  }
}

TEST(Fabric, OfAHundredThousandAcceleratorsIsLaidOutWhole) {
  SiteSpec site = UnevenPods(Routing::kSpray);
  site.servers = 16384;
  const Fabric fabric(site);
  EXPECT_EQ(fabric.accelerators(), 131072);
  EXPECT_EQ(fabric.pods(), 43);
}

RC_GTEST_PROP(FabricLaws, SprayedBundlesAreTheSumOfTheEcmpLinks, ()) {
  SiteSpec site = RandomSite(*rc::gen::arbitrary<std::uint64_t>());
  site.clos.routing = Routing::kSpray;
  const Fabric sprayed(site);
  site.clos.routing = Routing::kEcmp;
  const Fabric hashed(site);
  for (const LinkClass link_class :
       {LinkClass::kScaleUp, LinkClass::kNic, LinkClass::kLeaf, LinkClass::kSpine}) {
    const double bundles = TotalCapacity(sprayed, link_class);
    RC_ASSERT(std::abs(TotalCapacity(hashed, link_class) - bundles) <= 1e-12 * bundles);
  }
}

RC_GTEST_PROP(FabricLaws, EveryTierIsAsOversubscribedAsAskedOrLess, ()) {
  const SiteSpec site = RandomSite(*rc::gen::arbitrary<std::uint64_t>());
  const Fabric fabric(site);
  constexpr double kRounding = 1e-9;
  RC_ASSERT(fabric.leaf_oversubscription() <= site.clos.leaf_oversubscription + kRounding);
  RC_ASSERT(fabric.spine_oversubscription() <= site.clos.spine_oversubscription + kRounding);
  // One link fewer would be too few: nothing is built that was not asked for.
  const auto& layout = fabric.layout();
  RC_ASSERT((layout.uplinks_per_leaf - 1) * layout.leaf_uplink * site.clos.leaf_oversubscription <
            layout.nics_per_leaf * layout.nic_bandwidth);
}

RC_GTEST_PROP(FabricLaws, NoSwitchHasMoreLinksThanPorts, ()) {
  const SiteSpec site = RandomSite(*rc::gen::arbitrary<std::uint64_t>());
  const ClosLayout layout = LayOutClos(site);
  RC_ASSERT(layout.nics_per_leaf * layout.ports_per_nic + layout.uplinks_per_leaf <=
            site.clos.leaf.ports);
  RC_ASSERT(layout.leaves_per_pod * layout.links_per_spine + layout.uplinks_per_spine <=
            site.clos.spine.ports);
  RC_ASSERT(layout.links_per_spine * layout.spines_per_pod == layout.uplinks_per_leaf);
  RC_ASSERT(layout.pods * layout.links_per_core <= site.clos.core.ports);
  RC_ASSERT(layout.links_per_core * layout.cores_per_plane == layout.uplinks_per_spine);
}

TEST(CappedNics, LeaveTheFabricAboveThemAsItWasBuilt) {
  const Fabric built(UnevenPods(Routing::kSpray));
  SiteSpec site = UnevenPods(Routing::kSpray);
  site.server.fabric_nic_bandwidth = site.server.nic_bandwidth;
  site.server.nic_bandwidth = site.server.nic_bandwidth / 3;
  const Fabric capped(site);
  ASSERT_EQ(capped.links(), built.links());
  EXPECT_EQ(capped.cores(), built.cores());
  for (int link = 0; link < built.links(); ++link) {
    const double share = built.link_class({link}) == LinkClass::kNic ? 1.0 / 3 : 1.0;
    EXPECT_DOUBLE_EQ(capped.capacity({link}).si(), share * built.capacity({link}).si());
  }
}

}  // namespace
}  // namespace gridlock
