// Planes that do not touch, rails without spines, and forwarding between rails by servers.

#include "topologies/clos/planes.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/clos_of.h"
#include "tests/topologies/sites.h"
#include "topologies/listed/topology.h"

namespace gridlock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// DeepSeek's: 32 NICs of a plane under each leaf, 8 leaves and 4 spines in each of 8 planes.
SiteSpec EightPlanes(int servers = 256, Routing routing = Routing::kSpray) {
  SiteSpec site = EightWaySite(servers);
  ClosSpec& clos = ClosOf(site);
  clos.tiers = 2;
  clos.planes = 8;
  clos.rail_optimized = true;
  clos.servers_per_leaf = 32;
  clos.leaves_per_pod = 8;
  clos.routing = routing;
  return site;
}

// Alibaba's: each NIC has a port of half of its bandwidth in each of two planes.
SiteSpec TwoPlanes(Routing routing = Routing::kSpray) {
  SiteSpec site = EightWaySite(32);
  ClosSpec& clos = ClosOf(site);
  clos.tiers = 2;
  clos.planes = 2;
  clos.split_nics = true;
  clos.rail_optimized = true;
  clos.servers_per_leaf = 8;
  clos.leaves_per_pod = 32;
  clos.leaf.port_bandwidth = clos.spine.port_bandwidth = BytesPerSecond(kNic400 / 2);
  clos.routing = routing;
  return site;
}

SiteSpec RailOnly(int servers) {
  SiteSpec site = EightWaySite(servers);
  ClosSpec& clos = ClosOf(site);
  clos.tiers = 1;
  clos.rail_optimized = true;
  clos.rail_forwarding = true;
  clos.servers_per_leaf = 64;
  return site;
}

TEST(EightPlanesOfAServersNics, HaveTheSwitchesThatArePublished) {
  const PlanesTopology planes(EightPlanes());
  const std::vector<Equipment> equipment = planes.equipment();
  ASSERT_EQ(equipment.size(), 2U);
  EXPECT_EQ(equipment[0].count, 64);
  EXPECT_EQ(equipment[1].count, 32);
  const FabricGraph graph = MakeGraph(planes);
  EXPECT_EQ(graph.nodes(ClosNodes::kNic), 2048);
  EXPECT_EQ(graph.nodes(ClosNodes::kLeaf), 64);
  EXPECT_EQ(graph.cables(ClosCables::kNic), 2048);
  EXPECT_EQ(graph.cables(ClosCables::kLeaf), 2048);
  EXPECT_TRUE(Connected(graph));  // over the scale-up links of servers
  EXPECT_EQ(planes.shape(), "8 planes, each of 1 pod of 8 leaves");
  EXPECT_THAT(planes.facts().front(), HasSubstr("planes: 8, which do not touch"));
}

TEST(EightPlanesOfAServersNics, AreLeftOnlyOverTheScaleUpLinksOfTheSender) {
  const PlanesTopology planes(EightPlanes(64));
  EXPECT_THAT(RouteNames(planes, 3, 8 + 3), ElementsAre("plane3.nic_up[0]", "plane3.nic_down[1]"));
  EXPECT_THAT(RouteNames(planes, 3, 40 * 8 + 3),
              ElementsAre("plane3.nic_up[0]", "plane3.leaf_up[0]", "plane3.leaf_down[1]",
                          "plane3.nic_down[40]"));
  EXPECT_THAT(RouteNames(planes, 3, 40 * 8 + 5),
              ElementsAre("scale_up_out[3]", "scale_up_in[5]", "plane5.nic_up[0]",
                          "plane5.leaf_up[0]", "plane5.leaf_down[1]", "plane5.nic_down[40]"));
  EXPECT_THAT(RouteNames(planes, 3, 5), ElementsAre("scale_up_out[3]", "scale_up_in[5]"));
  EXPECT_EQ(planes.parts(), 1);
  EXPECT_NEAR(planes.Latency({3}, {40 * 8 + 5}).si(), 3 * 500e-9, 1e-15);
}

// No link of one plane stands in a route of another.
TEST(Planes, NameTheEndsOfTheirLinksAsTheirGraphDoes) {
  for (const SiteSpec& site : {EightPlanes(), TwoPlanes(), TwoPlanes(Routing::kEcmp)}) {
    EXPECT_EQ(LinksWithOtherEnds(*MakeTopology(site)), "");
  }
}

TEST(Planes, DoNotTouch) {
  for (const Routing routing : {Routing::kSpray, Routing::kEcmp}) {
    const PlanesTopology planes(EightPlanes(64, routing));
    std::set<std::string> names;
    for (LinkIndex link{0}; link.value < planes.links(); ++link.value) {
      EXPECT_TRUE(names.insert(planes.name(link)).second);
    }
    for (int from = 0; from < planes.accelerators(); from += 37) {
      for (int to = 0; to < planes.accelerators(); to += 11) {
        if (planes.server_of({from}) == planes.server_of({to})) {
          continue;
        }
        for (const std::string& name : RouteNames(planes, from, to, MixHash(from + 99 * to))) {
          EXPECT_TRUE(name.starts_with("scale_up") ||
                      name.starts_with("plane" + std::to_string(to % 8) + "."))
              << name;
        }
      }
    }
  }
}

// Each plane alone is the Clos of its sizes.
TEST(APlane, HasTheRoutesOfAClosOfItsOwn) {
  const PlanesTopology planes(EightPlanes(64, Routing::kEcmp));
  const ClosTopology& one = planes.plane();
  EXPECT_EQ(one.accelerators(), 64);
  for (int from = 0; from < 64; ++from) {
    for (int to = 0; to < 64; ++to) {
      if (from == to) {
        continue;
      }
      std::vector<std::string> expected = RouteNames(one, from, to, 7);
      for (std::string& name : expected) {
        name = "plane2." + name;
      }
      EXPECT_EQ(RouteNames(planes, from * 8 + 2, to * 8 + 2, 7), expected);
    }
  }
}

TEST(TwoPlanesOfSplitNics, CarryHalfOfASprayedFlowEach) {
  const PlanesTopology planes(TwoPlanes());
  ASSERT_EQ(planes.parts(), 2);
  std::vector<LinkShare> shares;
  planes.AppendShares({3}, {20 * 8 + 3}, 0, {}, shares);
  std::map<std::string, int> parts;
  for (const LinkShare& share : shares) {
    parts[planes.name(share.link)] += share.parts;
    EXPECT_DOUBLE_EQ(
        planes.tier(share.link) == TierTable::kNic ? planes.capacity(share.link).si() : kNic400 / 2,
        kNic400 / 2);
  }
  EXPECT_EQ(parts.size(), 8U);
  for (const char* name : {"plane0.nic_up[3]", "plane1.nic_up[3]", "plane0.leaf_up[3]",
                           "plane1.leaf_down[19]", "plane0.nic_down[163]"}) {
    EXPECT_EQ(parts[name], 1) << name;
  }
  const FabricGraph graph = MakeGraph(planes);
  EXPECT_EQ(graph.nodes(ClosNodes::kNic), 256);
  EXPECT_EQ(graph.cables(ClosCables::kNic), 512);
  EXPECT_EQ(planes.equipment()[0].count, 2 * 32);
}

TEST(TwoPlanesOfSplitNics, HaveEachHashedFlowInOne) {
  const PlanesTopology planes(TwoPlanes(Routing::kEcmp));
  EXPECT_EQ(planes.parts(), 1);
  std::map<char, int> flows;
  for (std::uint64_t flow = 0; flow < 200; ++flow) {
    const std::vector<std::string> names = RouteNames(planes, 3, 163, MixHash(flow));
    for (const std::string& name : names) {
      EXPECT_EQ(name.substr(0, 6), names.front().substr(0, 6));
    }
    ++flows[names.front()[5]];
  }
  EXPECT_NEAR(flows['0'], 100, 30);
  EXPECT_EQ(flows['0'] + flows['1'], 200);
}

// Half of the servers of one plane: 8 leaves x 32 uplinks over all planes; both planes carry half.
TEST(Planes, AreCutInClosedForm) {
  EXPECT_DOUBLE_EQ(BestKnownCut(PlanesTopology(EightPlanes(64)).cut_problem()).best.bandwidth.si(),
                   64 / 2 * 8 * kNic400);
  EXPECT_DOUBLE_EQ(BestKnownCut(PlanesTopology(TwoPlanes()).cut_problem()).best.bandwidth.si(),
                   32 / 2 * 8 * kNic400);
}

TEST(ARailOnlyNetwork, HasOneLeafForEachRailAndNoSpine) {
  const ClosTopology rails(RailOnly(64));
  EXPECT_EQ(rails.leaves(), 8);
  EXPECT_EQ(rails.spines(), 0);
  EXPECT_EQ(rails.equipment().size(), 1U);
  EXPECT_EQ(rails.shape(), "8 leaves, one for each rail");
  EXPECT_THAT(RouteNames(rails, 1, 9), ElementsAre("nic_up[1]", "nic_down[9]"));
  EXPECT_THAT(RouteNames(rails, 1, 10),
              ElementsAre("scale_up_out[1]", "scale_up_in[2]", "nic_up[2]", "nic_down[10]"));
  EXPECT_TRUE(Connected(MakeGraph(rails)));
  EXPECT_NEAR(rails.LatencyToBorder().si(), 500e-9, 1e-15);
  std::vector<LinkIndex> border;
  rails.AppendExit({1}, 0, border);
  EXPECT_EQ(border.size(), 1U);
}

// With spines, too, traffic then stays in the receiver's rail.
TEST(ForwardingBetweenRails, KeepsTrafficOffTheSpinesOfAGroup) {
  SiteSpec site = EightWaySite(16);
  ClosOf(site).rail_optimized = true;
  ClosOf(site).servers_per_leaf = 8;
  ClosOf(site).rail_forwarding = true;
  const ClosTopology clos(site);
  EXPECT_THAT(RouteNames(clos, 1, 10),
              ElementsAre("scale_up_out[1]", "scale_up_in[2]", "nic_up[2]", "nic_down[10]"));
  EXPECT_THAT(RouteNames(clos, 1, 64 + 10),
              ElementsAre("scale_up_out[1]", "scale_up_in[2]", "nic_up[2]", "leaf_up[2]",
                          "leaf_down[10]", "nic_down[74]"));
  ClosOf(site).rail_forwarding = false;
  EXPECT_THAT(RouteNames(ClosTopology(site), 1, 10),
              ElementsAre("nic_up[1]", "leaf_up[1]", "leaf_down[2]", "nic_down[10]"));
}

// A server whose accelerators are a full mesh: what goes to another plane takes a link of the mesh.
TEST(PlanesOfServersWithLinksOfTheirOwn, AreReachedOverTheLinksOfTheServer) {
  SiteSpec site = EightPlanes(64);
  site.server.network.path = "site[0].server.network";
  site.server.network.links = ScaleUpSpec::Links::kMesh;
  site.server.network.between = 1;
  site.server.accelerator.scale_up_bandwidth = BytesPerSecond(7 * 64e9);
  const auto planes = MakeTopology(site);
  EXPECT_THAT(RouteNames(*planes, 3, 40 * 8 + 5),
              ElementsAre("mesh[3->5]", "plane5.nic_up[0]", "plane5.leaf_up[0]",
                          "plane5.leaf_down[1]", "plane5.nic_down[40]"));
  EXPECT_THAT(RouteNames(*planes, 3, 8 + 3), ElementsAre("plane3.nic_up[0]", "plane3.nic_down[1]"));

  site = TwoPlanes();
  ClosOf(site).rail_forwarding = true;
  site.server.network.path = "site[0].server.network";
  site.server.network.links = ScaleUpSpec::Links::kMesh;
  site.server.network.between = 1;
  site.server.accelerator.scale_up_bandwidth = BytesPerSecond(7 * 64e9);
  const auto split = MakeTopology(site);
  ASSERT_EQ(split->parts(), 2);
  std::vector<LinkShare> shares;
  split->AppendShares({3}, {20 * 8 + 5}, 0, {}, shares);
  std::map<std::string, int> parts;
  for (const LinkShare& share : shares) {
    parts[split->name(share.link)] += share.parts;
  }
  EXPECT_EQ(parts.size(), 9U);
  EXPECT_EQ(parts["mesh[3->5]"], 2);
  EXPECT_EQ(parts["plane0.nic_up[5]"], 1);
  EXPECT_EQ(parts["plane1.nic_down[165]"], 1);
}

TEST(Planes, AreRefusedWhereNicsCannotBeSharedOut) {
  SiteSpec site = EightPlanes();
  ClosOf(site).planes = 3;
  EXPECT_EQ(TopologyRefusal(site),
            "site[0].fabric.clos.planes: 8 NICs of a server, each of other accelerators, cannot be "
            "shared out over 3 planes; expected a number that divides 8, or split_nics: true");
  EXPECT_THAT(TopologyRefusal(EightPlanes(512)),
              HasSubstr("site[0].fabric.clos.tiers: in each plane: two tiers are one pod, but 16 "
                        "leaves of 8 per pod make 2 pods"));
  site = RailOnly(65);
  EXPECT_EQ(TopologyRefusal(site),
            "site[0].fabric.clos.tiers: one tier is one leaf for each rail, and 65 servers with 64 "
            "under each need 2; lower servers to 64 or use tiers: 2");
  site = RailOnly(64);
  ClosOf(site).rail_forwarding = false;
  EXPECT_EQ(TopologyRefusal(site),
            "site[0].fabric.clos.tiers: without spines one rail reaches another only through a "
            "server; use rail_forwarding: true or tiers: 2");
}

}  // namespace
}  // namespace gridlock
