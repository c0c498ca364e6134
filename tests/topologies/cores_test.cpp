// Accelerators that are cores of a chip and share its links.

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "tests/topologies/sites.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/scale_up/network.h"
#include "topologies/topology.h"

namespace gridlock {
namespace {

// Two cores share the links of each chip of a torus of 4 x 4.
ServerSpec CoreServer(double core_link) {
  ServerSpec server = EightWaySite(1).server;
  server.name = "cores";
  server.accelerators = 32;
  server.nics = 4;
  server.network.path = "server.network";
  server.network.links = ScaleUpSpec::Links::kMesh;
  server.accelerator.scale_up_bandwidth = BytesPerSecond(200e9);  // four links of 100 GB/s a chip
  server.network.torus = {4, 4};
  server.network.cores = 2;
  server.network.core_link = BytesPerSecond(core_link);
  return server;
}

}  // namespace

TEST(CoresOfAChip, ShareItsLinks) {
  const ServerSpec server = CoreServer(600e9);
  std::vector<int> all(32);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_NEAR(RingPaceOf(server, all), 400e9, 1) << "all links of a chip, whichever core sends";
  EXPECT_NEAR(RingPaceOf(server, {0, 1}), 600e9, 1) << "within the chip";
  EXPECT_NEAR(RingPaceOf(server, {0, 2, 4, 6}), 200e9, 1) << "a row of chips, both ways round";
  EXPECT_NEAR(RingPaceOf(server, {0, 1, 2, 3, 4, 5, 6, 7}), 200e9, 1) << "with both cores of each";
  EXPECT_NEAR(RingPaceOf(CoreServer(150e9), all), 150e9, 1) << "as slow as a core reaches its chip";
  const std::vector<BytesPerSecond> paces = RingBandwidths(server);
  ASSERT_EQ(paces.size(), 33U);
  EXPECT_NEAR(paces[2].si(), 600e9, 1);
  EXPECT_NEAR(paces[8].si(), 200e9, 1);
  EXPECT_NEAR(paces[32].si(), 400e9, 1);
}

// A core's way is that of its chip, and its own link at either end.
TEST(CoresOfAChip, RouteAsTheirChipsDo) {
  ServerSpec chips = CoreServer(600e9);
  chips.accelerators = 16;
  chips.network.cores = 1;
  chips.network.core_link = {};
  const ServerNetwork cores(CoreServer(600e9)), plain(chips);
  std::vector<int> route, between;
  for (int from = 0; from < 32; ++from) {
    for (int to = 0; to < 32; ++to) {
      route.clear();
      between.clear();
      if (from != to) {
        cores.AppendRoute(from, to, route);
        if (from / 2 != to / 2) {
          plain.AppendRoute(from / 2, to / 2, between);
        }
        ASSERT_EQ(route.size(), between.size() + 2);
        EXPECT_TRUE(std::equal(between.begin(), between.end(), route.begin() + 1));
        EXPECT_EQ(cores.links()[route.front()].kind, ServerNetwork::Kind::kChip);
        EXPECT_EQ(cores.links()[route.front()].from, from);
        EXPECT_EQ(cores.links()[route.back()].to, to);
      }
    }
  }
}

TEST(CoresOfAChip, AreDrawnBehindIt) {
  SiteSpec site = EightWaySite(3);
  site.server = CoreServer(600e9);
  const std::shared_ptr<const Topology> topology = MakeTopology(site);
  EXPECT_TRUE(Connected(FabricGraph(topology->wiring())));
  EXPECT_EQ(LinksWithOtherEnds(*topology), "");
  EXPECT_EQ(
      RouteNames(*topology, 33, 36),
      (std::vector<std::string>{"chip_out[33]", "mesh[16->17]", "mesh[17->18]", "chip_in[36]"}));
}

TEST(CoresOfAChip, AreRefusedWhereTheyDoNotFit) {
  ServerSpec cores = CoreServer(0);
  EXPECT_EQ(NetworkRefusal(cores),
            "server.network.mesh.core_link: accelerators are cores of chips, and what a core "
            "reaches on its chip is missing; expected a bandwidth");
  cores = CoreServer(600e9);
  cores.network.cores = 3;
  EXPECT_EQ(NetworkRefusal(cores),
            "server.network.mesh.cores: 32 accelerators are no whole chips of 3 cores; expected a "
            "number that divides 32");
  cores = CoreServer(600e9);
  cores.network.open = {2};
  EXPECT_EQ(NetworkRefusal(cores),
            "server.network.mesh.open: a torus of 4 x 4 has no axis 2; expected numbers from 0 to "
            "1");
  cores.network.open.clear();
  cores.network.torus = {4, 8};
  EXPECT_EQ(NetworkRefusal(cores),
            "server.network.mesh.torus: a torus of 4 x 8 has room for 32 chips, and server cores "
            "has 16; expected sides whose product is 16");
}

}  // namespace gridlock
