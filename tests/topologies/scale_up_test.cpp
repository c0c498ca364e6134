// Links inside servers: rings in closed form, routes, what does not fit together, and the same
// links written out as a graph.

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "tests/clos_of.h"
#include "tests/hybrid_cube_mesh.h"
#include "tests/topologies/sites.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/listed/route_graph.h"
#include "topologies/network.h"
#include "topologies/scale_up/network.h"
#include "topologies/scale_up/rings.h"
#include "topologies/scale_up/topology.h"

namespace gridlock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kLink = 64e9;  // byte/s of one link of a full mesh of eight

ServerSpec MeshServer(int accelerators, int between, std::vector<MeshPair> pairs = {}) {
  ServerSpec server = EightWaySite(1).server;
  server.name = "mesh";
  server.accelerators = accelerators;
  server.nics = accelerators;
  server.accelerator.scale_up_bandwidth = BytesPerSecond(kLink * (accelerators - 1));
  server.network.path = "server.network";
  server.network.links = ScaleUpSpec::Links::kMesh;
  server.network.between = between;
  server.network.pairs = std::move(pairs);
  return server;
}

// The hybrid cube mesh of a DGX-1 with V100: six links each.
ServerSpec CubeMesh() {
  ServerSpec server = MeshServer(8, 0, HybridCubeMesh());
  server.accelerator.scale_up_bandwidth = BytesPerSecond(6 * 25e9);
  return server;
}

// Two sockets, two switches each, two cards under a switch; 32 GB/s a card, 20 between sockets.
ServerSpec PcieServer(bool through_host = false) {
  ServerSpec server = EightWaySite(1).server;
  server.accelerator.scale_up_bandwidth = BytesPerSecond(32e9);
  server.nics = 4;
  server.network.path = "server.network";
  server.network.links = ScaleUpSpec::Links::kNone;
  PcieSpec& pcie = server.network.pcie;
  pcie.given = true;
  pcie.sockets = 2;
  pcie.switches = 4;
  pcie.socket_link = BytesPerSecond(20e9);
  pcie.through_host = through_host;
  pcie.host_memory = BytesPerSecond(through_host ? 100e9 : 0);
  return server;
}

SiteSpec SiteWith(const ServerSpec& server, int servers) {
  SiteSpec site = EightWaySite(servers);
  site.server = server;
  return site;
}

}  // namespace

TEST(RingsOnAFullMesh, RunOnAllLinksBetweenTheMembers) {
  const ServerSpec server = MeshServer(8, 1);
  EXPECT_DOUBLE_EQ(RingPaceOf(server, {0, 1, 2, 3, 4, 5, 6, 7}), 7 * kLink);
  EXPECT_DOUBLE_EQ(RingPaceOf(server, {0, 1, 2, 3}), 3 * kLink);
  EXPECT_DOUBLE_EQ(RingPaceOf(server, {1, 3, 4, 6, 7}), 4 * kLink);
  EXPECT_DOUBLE_EQ(RingPaceOf(server, {2, 5}), kLink);
  const std::vector<BytesPerSecond> paces = RingBandwidths(server);
  ASSERT_EQ(paces.size(), 9U);
  for (int members = 2; members <= 8; ++members) {
    EXPECT_DOUBLE_EQ(paces[members].si(), (members - 1) * kLink);
  }
}

TEST(RingsOnAFullMesh, AreAsFastWhereSomeLinksLeaveTheServer) {
  ServerSpec gaudi = MeshServer(8, 3);
  gaudi.network.links_each = 24;
  gaudi.accelerator.scale_up_bandwidth = BytesPerSecond(24 * 12.5e9);
  EXPECT_DOUBLE_EQ(RingPaceOf(gaudi, {0, 1, 2, 3, 4, 5, 6, 7}), 21 * 12.5e9);
  EXPECT_DOUBLE_EQ(RingPaceOf(gaudi, {0, 7}), 3 * 12.5e9);
}

TEST(RingsOnACubeMesh, UseAllSixLinksOfEachAccelerator) {
  EXPECT_DOUBLE_EQ(RingPaceOf(CubeMesh(), {0, 1, 2, 3, 4, 5, 6, 7}), 6 * 25e9);
  EXPECT_DOUBLE_EQ(RingPaceOf(CubeMesh(), {0, 1, 2, 3}), 4 * 25e9) << "two have four links there";
  EXPECT_DOUBLE_EQ(RingPaceOf(CubeMesh(), {0, 3}), 2 * 25e9);
  EXPECT_DOUBLE_EQ(RingPaceOf(CubeMesh(), {0, 1}), 25e9);
}

TEST(RingsWithoutAWayOverLinks, GoOverTheLinksOfOthers) {
  // 0 and 5 are two links apart, so a ring of the two is two relays.
  EXPECT_DOUBLE_EQ(RingPaceOf(CubeMesh(), {0, 5}), 25e9);
}

// Every set of rings is a circulation: as many come as go, and no link carries more than it has.
TEST(PackedRings, VisitEveryMemberOnceEach) {
  const LinkCounts wheel{
      5, {0, 1, 1, 1, 1, 1, 0, 2, 0, 1, 1, 2, 0, 1, 0, 1, 0, 1, 0, 2, 1, 1, 0, 2, 0}};
  const RingSet set = PackRings(wheel);
  ASSERT_GT(set.rings, 0);
  for (int a = 0; a < wheel.n; ++a) {
    std::int32_t out = 0, in = 0;
    for (int b = 0; b < wheel.n; ++b) {
      out += set.uses[a * wheel.n + b];
      in += set.uses[b * wheel.n + a];
      EXPECT_TRUE(wheel.At(a, b) > 0 || set.uses[a * wheel.n + b] == 0);
    }
    EXPECT_EQ(out, set.rings);
    EXPECT_EQ(in, set.rings);
  }
}

// A GroqRack: 8 nodes of 8, a link of every two of a node, 4 of every two nodes. Each node has 28
// links to others, so that its accelerators have 10 or 11. No more than ten rings, five each way,
// can be without two on one link; eight are found.
ServerSpec Rack() {
  ServerSpec rack = MeshServer(64, 1);
  rack.network.links_each = 16;
  rack.network.mesh_group = 8;
  rack.network.between_groups = 4;
  rack.accelerator.scale_up_bandwidth = BytesPerSecond(16 * 14e9);
  return rack;
}

TEST(AMeshOfGroups, SpreadsTheLinksOfTwoGroupsOverTheirAccelerators) {
  const LinkCounts counts = CountsWithoutPairs(Rack().network, 64);
  std::vector<int> between(64);  // by pair of groups
  for (int a = 0; a < 64; ++a) {
    EXPECT_THAT(counts.Of(a), testing::AnyOf(10, 11)) << a;
    for (int b = 0; b < 64; ++b) {
      EXPECT_EQ(counts.At(a, b), counts.At(b, a));
      between[a / 8 * 8 + b / 8] += a / 8 == b / 8 ? 0 : counts.At(a, b);
    }
  }
  for (int pair = 0; pair < 64; ++pair) {
    EXPECT_EQ(between[pair], pair / 8 == pair % 8 ? 0 : 4);
  }
}

TEST(AMeshOfGroups, RunsAsManyRingsAsLinksAllow) {
  std::vector<int> all(64);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_DOUBLE_EQ(RingPaceOf(Rack(), all), 8 * 14e9);
  EXPECT_DOUBLE_EQ(RingPaceOf(Rack(), {0, 1, 2, 3, 4, 5, 6, 7}), 7 * 14e9) << "one node";
  EXPECT_DOUBLE_EQ(RingPaceOf(Rack(), {0, 1}), 14e9);
}

TEST(AMeshOfGroups, IsRefusedWithoutOrWithTooLargeGroups) {
  ServerSpec rack = Rack();
  rack.network.mesh_group = 64;
  EXPECT_THAT(NetworkRefusal(rack), HasSubstr("a group of 64 holds all 64 accelerators"));
  rack.network.mesh_group = 0;
  EXPECT_THAT(NetworkRefusal(rack), HasSubstr("there are no groups"));
}

TEST(PackedRings, AvoidAPairWithoutALink) {
  // K8 without one link: two accelerators have six links, which is as many rings as there can be.
  const ServerSpec broken = MeshServer(8, 1, {{0, 1, 0}});
  EXPECT_DOUBLE_EQ(RingPaceOf(broken, {0, 1, 2, 3, 4, 5, 6, 7}), 6 * kLink);
  EXPECT_DOUBLE_EQ(RingPaceOf(broken, {2, 3, 4, 5, 6, 7}), 5 * kLink);
}

TEST(ASlowLink, SlowsTheRingsThatCrossItAndNoOthers) {
  const ServerSpec slow = MeshServer(8, 1, {{0, 1, 1, 0.5}});
  EXPECT_DOUBLE_EQ(RingPaceOf(slow, {0, 1, 2, 3, 4, 5, 6, 7}), 3.5 * kLink);
  EXPECT_DOUBLE_EQ(RingPaceOf(slow, {0, 1}), 0.5 * kLink);
  EXPECT_DOUBLE_EQ(RingPaceOf(slow, {1, 2, 3, 4}), 3 * kLink);
}

TEST(RingsOverPcie, CrossEachUplinkOnce) {
  EXPECT_DOUBLE_EQ(RingPaceOf(PcieServer(), {0, 1, 2, 3, 4, 5, 6, 7}), 20e9)
      << "between the sockets";
  EXPECT_DOUBLE_EQ(RingPaceOf(PcieServer(), {0, 1, 2, 3}), 32e9) << "one socket";
  EXPECT_DOUBLE_EQ(RingPaceOf(PcieServer(), {0, 2, 4, 6}), 20e9);
  ServerSpec mixed = PcieServer();
  mixed.network.pcie.accelerators_at = {0, 3, 0, 3, 1, 2, 1, 2};
  EXPECT_DOUBLE_EQ(RingPaceOf(mixed, {0, 1, 2, 3, 4, 5, 6, 7}), 20e9) << "in the order of the tree";
}

TEST(RingsOverPcie, ThroughHostMemoryWriteAndReadEveryByteThere) {
  // Four members of a socket: 2 x 4 bytes of its memory for each byte that one of them sends; two
  // members under one switch share its uplink.
  EXPECT_DOUBLE_EQ(RingPaceOf(PcieServer(true), {0, 1, 2, 3}), 100e9 / 8);
  EXPECT_DOUBLE_EQ(RingPaceOf(PcieServer(true), {0, 1}), 32e9 / 2);
  EXPECT_DOUBLE_EQ(RingPaceOf(PcieServer(true), {0, 2}), 100e9 / 4);
}

TEST(RingsOverBridgedPairs, EnterAndLeaveAPairByBothCards) {
  ServerSpec server = PcieServer();
  server.network.links = ScaleUpSpec::Links::kMesh;
  server.network.pairs = {{0, 1, 1}, {2, 3, 1}, {4, 5, 1}, {6, 7, 1}};
  server.accelerator.scale_up_bandwidth = BytesPerSecond(300e9);
  server.network.pcie.link = BytesPerSecond(32e9);
  server.network.pcie.uplink = BytesPerSecond(64e9);
  server.network.pcie.socket_link = BytesPerSecond(1e12);
  EXPECT_DOUBLE_EQ(RingPaceOf(server, {0, 1, 2, 3, 4, 5, 6, 7}), 2 * 32e9);
  EXPECT_DOUBLE_EQ(RingPaceOf(server, {0, 1}), 300e9);
  EXPECT_DOUBLE_EQ(RingPaceOf(server, {0, 2, 4, 6}), 32e9);
}

TEST(LinksOfAServer, HaveNamesThroughTheSite) {
  const Network mesh(SiteWith(MeshServer(8, 1), 2));
  EXPECT_THAT(RouteNames(mesh.fabric(SiteIndex{0}), 8, 11), ElementsAre("mesh[8->11]"));
  EXPECT_THAT(RouteNames(mesh.fabric(SiteIndex{0}), 0, 8), ElementsAre("nic_up[0]", "nic_down[8]"));
  const Network pcie(SiteWith(PcieServer(), 2));
  const Topology& fabric = pcie.fabric(SiteIndex{0});
  EXPECT_THAT(RouteNames(fabric, 8, 9), ElementsAre("pcie_up[8]", "pcie_down[9]"));
  EXPECT_THAT(RouteNames(fabric, 8, 10), ElementsAre("pcie_up[8]", "pcie_switch_up[4]",
                                                     "pcie_switch_down[5]", "pcie_down[10]"));
  EXPECT_THAT(RouteNames(fabric, 15, 8),
              ElementsAre("pcie_up[15]", "pcie_switch_up[7]", "socket_link[3->2]",
                          "pcie_switch_down[4]", "pcie_down[8]"));
  EXPECT_THAT(RouteNames(fabric, 0, 15),
              ElementsAre("pcie_up[0]", "pcie_nic_down[0]", "nic_up[0]", "nic_down[7]",
                          "pcie_nic_up[7]", "pcie_down[15]"));
}

TEST(LinksOfAServer, LeadToANicAcrossTheSockets) {
  ServerSpec server = PcieServer();
  server.nics = 1;
  server.network.pcie.nics_at = {0};
  const Network network(SiteWith(server, 2));
  EXPECT_THAT(RouteNames(network.fabric(SiteIndex{0}), 0, 15),
              ElementsAre("pcie_up[0]", "pcie_nic_down[0]", "nic_up[0]", "nic_down[1]",
                          "pcie_nic_up[1]", "pcie_switch_up[4]", "socket_link[2->3]",
                          "pcie_switch_down[7]", "pcie_down[15]"));
}

TEST(LinksOfAServer, CrossHostMemoryTwice) {
  const Network network(SiteWith(PcieServer(true), 1));
  EXPECT_THAT(RouteNames(network.fabric(SiteIndex{0}), 4, 5),
              ElementsAre("pcie_up[4]", "pcie_switch_up[2]", "host_memory[1]", "host_memory[1]",
                          "pcie_switch_down[2]", "pcie_down[5]"));
}

TEST(PairsWithoutALink, GoOverOneOtherAccelerator) {
  const Network network(SiteWith(CubeMesh(), 1));
  EXPECT_THAT(RouteNames(network.fabric(SiteIndex{0}), 0, 5),
              ElementsAre("mesh[0->4]", "mesh[4->5]"));
  ServerSpec with_pcie = CubeMesh();
  with_pcie.network.pcie = PcieServer().network.pcie;
  with_pcie.network.pcie.link = BytesPerSecond(16e9);
  const Network both(SiteWith(with_pcie, 1));
  EXPECT_THAT(RouteNames(both.fabric(SiteIndex{0}), 0, 5),
              ElementsAre("pcie_up[0]", "pcie_switch_up[0]", "socket_link[0->1]",
                          "pcie_switch_down[2]", "pcie_down[5]"));
}

TEST(TwoTiersOfScaleUpSwitches, ShareWhatLeavesAGroup) {
  ServerSpec server = EightWaySite(1).server;
  server.accelerator.scale_up_bandwidth = BytesPerSecond(100e9);
  server.network.group = 4;
  server.network.oversubscription = 8;
  const Network network(SiteWith(server, 2));
  const Topology& fabric = network.fabric(SiteIndex{0});
  EXPECT_THAT(RouteNames(fabric, 0, 3), ElementsAre("scale_up_out[0]", "scale_up_in[3]"));
  EXPECT_THAT(RouteNames(fabric, 8, 15), ElementsAre("scale_up_out[8]", "scale_up_spine_out[2]",
                                                     "scale_up_spine_in[3]", "scale_up_in[15]"));
  EXPECT_DOUBLE_EQ(RingPaceOf(server, {0, 1, 2, 3}), 100e9);
  EXPECT_DOUBLE_EQ(RingPaceOf(server, {0, 1, 2, 3, 4, 5, 6, 7}), 4 * 100e9 / 8);
}

// A torus inside a server has the routes of a torus of the same size whose accelerators are
// routers.
TEST(ATorusInAServer, RoutesAsATorusOfRoutersDoes) {
  for (const std::vector<int>& sides : {std::vector<int>{4, 4}, {4, 3, 2}, {2, 5}}) {
    int count = 1;
    for (const int side : sides) {
      count *= side;
    }
    ServerSpec server = MeshServer(count, 0);
    server.nics = 1;
    server.network.torus = sides;
    SiteSpec site = EightWaySite(1);
    site.server = server;
    site.server.network = {};
    site.server.direct = true;
    TorusSpec torus;
    torus.path = "site[0].fabric.torus";
    torus.size = torus.block = sides;
    site.fabric = torus;
    const std::shared_ptr<const Topology> routers = MakeTopology(site);
    const std::shared_ptr<const Topology> inside = MakeTopology(SiteWith(server, 1));
    const double link =
        server.accelerator.scale_up_bandwidth.si() / (2.0 * static_cast<double>(sides.size()));
    for (int from = 0; from < count; ++from) {
      for (int to = 0; to < count; ++to) {
        if (from != to) {
          const std::vector<LinkIndex> route = RouteOf(*inside, from, to);
          EXPECT_EQ(route.size(), RouteOf(*routers, from, to).size()) << from << " to " << to;
          EXPECT_GE(inside->capacity(route.front()).si(), link * (1 - 1e-12));
        }
      }
    }
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    const double port = server.accelerator.scale_up_bandwidth.si();
    EXPECT_NEAR(RingPaceOf(server, all), port, 1e-9 * port) << "all links at once";
    EXPECT_NEAR(RingPaceOf(server, {0, 1}), link * (sides[0] == 2 ? 2 : 1), 1e-9 * port);
  }
}

TEST(ATorusInAServer, IsTheFabricWhereTheFabricIsATorus) {
  ServerSpec server = MeshServer(8, 0);
  server.network.torus = {2, 2, 2};
  server.direct = true;
  SiteSpec site = EightWaySite(8);
  site.server = server;
  TorusSpec torus;
  torus.path = "site[0].fabric.torus";
  torus.size = {4, 4, 4};
  torus.block = {2, 2, 2};
  site.fabric = torus;
  EXPECT_EQ(MakeTopology(site)->links(), 6 * 64 + 2 * 64);
  EXPECT_TRUE(RingBandwidths(server).empty());
  site.server.network = MeshServer(8, 1).network;
  try {
    (void)MakeTopology(site);
    ADD_FAILURE() << "accepted";
  } catch (const UserError& error) {
    EXPECT_EQ(error.problems().front().path, "site[0].fabric");
    EXPECT_THAT(error.problems().front().message,
                HasSubstr("here the accelerators are routers and their links those of the fabric"));
  }
}

TEST(AServerWithLinksOfItsOwn, KeepsTheLinksBetweenServers) {
  const SiteSpec plain = EightWaySite(40);
  SiteSpec meshed = plain;
  meshed.server.network = MeshServer(8, 1).network;
  const Network a(plain), b(meshed);
  const Topology& ports = a.fabric(SiteIndex{0});
  const Topology& mesh = b.fabric(SiteIndex{0});
  EXPECT_EQ(mesh.links(), ports.links() - 2 * 320 + 40 * 8 * 7);
  for (const auto& [from, to] : {std::pair{0, 9}, {3, 300}, {8, 319}}) {
    EXPECT_EQ(RouteNames(mesh, from, to), RouteNames(ports, from, to));
    for (const LinkIndex link : RouteOf(mesh, from, to)) {
      EXPECT_GT(mesh.capacity(link).si(), 0);
    }
  }
}

TEST(AServerWithLinksOfItsOwn, IsDrawnAsItIs) {
  for (const ServerSpec& server : {MeshServer(8, 1), CubeMesh(), PcieServer()}) {
    const std::shared_ptr<const Topology> topology = MakeTopology(SiteWith(server, 3));
    const FabricGraph graph(topology->wiring());
    EXPECT_TRUE(Connected(graph));
    EXPECT_EQ(LinksWithOtherEnds(*topology), "");
    const RouteGraph routes = topology->route_graph();
    std::map<std::string, double> capacity;
    for (const RouteGraph::Edge& edge : routes.edges) {
      EXPECT_TRUE(capacity.emplace(edge.id, edge.capacity.si()).second) << edge.id;
      EXPECT_GE(edge.from, 0);
      EXPECT_GE(edge.to, 0);
    }
    // Every route is a way from the sender to the receiver.
    std::map<std::string, std::pair<int, int>> ends;
    for (const RouteGraph::Edge& edge : routes.edges) {
      ends[edge.id] = {edge.from, edge.to};
    }
    const bool attached = server.network.pcie.given;
    for (const auto& [from, to] : {std::pair{0, 1}, {0, 7}, {3, 4}, {1, 9}}) {
      int at = from;
      for (const std::string& name : RouteNames(*topology, from, to)) {
        const auto& [a, b] = ends.at(name);
        EXPECT_TRUE(a == at || (!attached && name.starts_with("nic_up"))) << name;
        at = b;
      }
      EXPECT_TRUE(at == to || (!attached && to > 7));
    }
  }
}

TEST(NicsInAnyNumber, AreSharedOutInBlocks) {
  SiteSpec site = EightWaySite(2);
  site.server.nics = 3;
  const ClosTopology three(site);
  std::vector<int> nics;
  for (AcceleratorIndex a{0}; a.value < 16; ++a.value) {
    nics.push_back(three.nic_of(a));
  }
  EXPECT_THAT(nics, ElementsAre(0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5));
  site.server.nics = 12;
  ClosOf(site).servers_per_leaf = 1;
  const ClosTopology twelve(site);
  EXPECT_EQ(twelve.nics(), 16);
  EXPECT_DOUBLE_EQ(twelve.capacity(LinksOf(twelve, TierTable::kNic).front()).si(), 1.5 * kNic400);
}

TEST(WrongNetworksOfServers, AreRefused) {
  EXPECT_EQ(
      NetworkRefusal(MeshServer(8, 1, {{0, 8, 1}})),
      "server.network.mesh.pair[0]: accelerators 0 and 8 are no pair of the 8 of server mesh; "
      "expected two different numbers from 0 to 7");
  EXPECT_EQ(NetworkRefusal(MeshServer(8, 1, {{0, 1, 2}, {1, 0, 1}})),
            "server.network.mesh.pair[1]: accelerators 1 and 0 are a pair already; expected each "
            "pair once, with all its links");
  EXPECT_EQ(NetworkRefusal(MeshServer(4, 0, {{0, 1, 1}, {1, 2, 1}})),
            "server.network.mesh: no link joins accelerator 3 to others; expected links from every "
            "accelerator, or pcie beside the mesh");
  EXPECT_EQ(NetworkRefusal(MeshServer(4, 0, {{0, 1, 1}, {2, 3, 1}})),
            "server.network.mesh: no way over links leads from accelerator 2 to accelerator 0; "
            "expected a mesh in one piece, or pcie beside it");
  ServerSpec few = MeshServer(8, 1);
  few.network.links_each = 6;
  EXPECT_EQ(
      NetworkRefusal(few),
      "server.network.mesh.links: accelerator 0 has 7 links to others, and an accelerator has "
      "6; expected at least 7 links, or fewer between pairs");
  ServerSpec pcie = PcieServer();
  pcie.network.pcie.socket_link = BytesPerSecond(0);
  EXPECT_EQ(NetworkRefusal(pcie),
            "server.network.pcie.socket_link: 2 sockets, and no link between them; expected the "
            "bandwidth of all links between two sockets together");
  pcie = PcieServer();
  pcie.network.pcie.accelerators_at = {0, 1, 2, 4, 0, 1, 2, 3};
  EXPECT_EQ(NetworkRefusal(pcie),
            "server.network.pcie.accelerators_at: there is no PCIe switch 4; expected numbers from "
            "0 to 3");
  pcie.network.pcie.accelerators_at = {0};
  EXPECT_EQ(NetworkRefusal(pcie),
            "server.network.pcie.accelerators_at: 1 places for 8 accelerators; expected one for "
            "each");
  pcie = PcieServer();
  pcie.network.pcie.through_host = true;
  EXPECT_THAT(NetworkRefusal(pcie),
              HasSubstr("its bandwidth is missing; expected that of one socket"));
}

}  // namespace gridlock
