// SimGrid reads the platforms that are written for it, and finds the same routes. One platform a
// process: SimGrid keeps one engine.

#include "topologies/simgrid_xml.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <simgrid/s4u.hpp>

#include "sim/base/check.h"
#include "sim/platform/engine_options.h"
#include "tests/clos_of.h"
#include "tests/topologies/router_sites.h"
#include "tests/topologies/sites.h"
#include "topologies/torus/topology.h"

namespace gridlock {
namespace {

namespace sg4 = simgrid::s4u;

std::string XmlOf(const Topology& topology) {
  std::ostringstream text;
  WriteSimGridXml(topology, 1e15, text);
  return text.str();
}

sg4::Host* HostOf(int accelerator) {
  return sg4::Host::by_name("accelerator" + std::to_string(accelerator));
}

// Every pair of accelerators: latency, links and their bandwidths.
void ExpectSameRoutes(const Topology& topology) {
  const auto engine = MakeEngine({});
  const std::string file = std::filesystem::temp_directory_path() /
                           ("gridlock_platform_" + std::to_string(::getpid()) + ".xml");
  std::ofstream(file) << XmlOf(topology);
  engine->load_platform(file);
  std::filesystem::remove(file);
  ASSERT_EQ(engine->get_host_count(), static_cast<std::size_t>(topology.accelerators()));
  EXPECT_NEAR(HostOf(0)->get_speed(), 1e15, 1);
  for (int from = 0; from < topology.accelerators(); ++from) {
    for (int to = 0; to < topology.accelerators(); ++to) {
      if (from == to) {
        continue;
      }
      std::vector<sg4::Link*> links;
      double latency = 0;
      HostOf(from)->route_to(HostOf(to), links, &latency);
      EXPECT_NEAR(latency, topology.Latency({from}, {to}).si(), 1e-12);
      std::erase_if(links, [](const sg4::Link* link) {
        return link->get_sharing_policy() == sg4::Link::SharingPolicy::FATPIPE;
      });
      const std::vector<LinkIndex> route = RouteOf(topology, from, to);
      ASSERT_EQ(links.size(), route.size()) << from << " to " << to;
      for (std::size_t i = 0; i < route.size(); ++i) {
        ASSERT_EQ(links[i]->get_name(), topology.name(route[i]));
        ASSERT_NEAR(links[i]->get_bandwidth() / topology.capacity(route[i]).si(), 1, 1e-9);
      }
    }
  }
}

TEST(SimGridXml, OfAClosLoadsWithTheSameRoutes) {
  SiteSpec site = EightWaySite(4);
  ClosOf(site).servers_per_leaf = 2;
  ClosOf(site).leaves_per_pod = 1;
  ExpectSameRoutes(ClosTopology(site));
}

TEST(SimGridXml, OfATorusLoadsWithTheSameRoutes) {
  SiteSpec site = EightWaySite(8);
  TorusSpec torus;
  torus.path = "site[0].fabric.torus";
  torus.size = {4, 4};
  torus.block = {2, 1};
  torus.hop_latency = Seconds(1e-7);
  site.fabric = torus;
  site.server.direct = true;
  site.server.accelerators = site.server.nics = 2;
  ExpectSameRoutes(TorusTopology(site));
}

TEST(SimGridXml, OfADragonflyLoadsWithTheSameRoutes) {
  SiteSpec site = DragonflySite(3, 2, 1, kMinimalEcmp);
  site.server.accelerators = site.server.nics = 2;
  ExpectSameRoutes(DragonflyTopology(site));
}

TEST(SimGridXml, OfAManyThousandPairsIsRefused) {
  const ClosTopology clos(EightWaySite(65));
  std::ostringstream text;
  try {
    WriteSimGridXml(clos, 1e15, text);
    FAIL() << "520 accelerators were written";
  } catch (const UserError& error) {
    EXPECT_EQ(error.problems().front().message,
              "a platform of SimGrid has the route of every pair, and 520 accelerators are too "
              "many; expected at most 512");
  }
}

}  // namespace
}  // namespace gridlock
