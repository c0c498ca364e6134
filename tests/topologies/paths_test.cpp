// How far servers are apart and by how many ways, in closed form for each kind of network.

#include "topologies/paths.h"

#include <cmath>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "tests/clos_of.h"
#include "tests/topologies/router_sites.h"
#include "tests/topologies/sites.h"
#include "topologies/torus/topology.h"

namespace gridlock {
namespace {

constexpr double kExact = 1e-9;

PathLengths PathsOf(const Topology& topology) {
  return PathsBetweenServers(topology, MakeGraph(topology));
}

// The mean over servers from the mean over pairs of different routers: a cable at each end, and
// `each` servers on a router.
double OverServers(double routers_apart, int routers, int each) {
  const double others = static_cast<double>(routers) * each - 1;
  return 2 + routers_apart * (others - (each - 1)) / others;
}

class FatTree : public ::testing::TestWithParam<int> {};

TEST_P(FatTree, HasTheLengthsAndWaysOfItsThreeTiers) {
  const int k = GetParam();
  const ClosTopology clos(KAryFatTree(k));
  const PathLengths paths = PathsOf(clos);
  const double hosts = k * k * k / 4.0;
  const double leaf = k / 2.0 - 1;            // other hosts of a leaf
  const double pod = k * k / 4.0 - k / 2.0;   // of the other leaves of a pod
  const double far = hosts - 1 - leaf - pod;  // of other pods
  EXPECT_TRUE(paths.exact);
  EXPECT_EQ(paths.ends, static_cast<std::int64_t>(hosts));
  EXPECT_EQ(paths.diameter, 6);
  EXPECT_NEAR(paths.mean, (2 * leaf + 4 * pod + 6 * far) / (hosts - 1), kExact);
  EXPECT_EQ(paths.ways_least, 1);
  EXPECT_NEAR(paths.ways_mean, (leaf + pod * k / 2 + far * k * k / 4) / (hosts - 1), kExact);
  const std::vector<int> ports = PortsInUse(MakeGraph(clos));
  EXPECT_EQ(ports[ClosNodes::kLeaf], k);
  EXPECT_EQ(ports[ClosNodes::kSpine], k);
  EXPECT_EQ(ports[ClosNodes::kCore], k);
  EXPECT_EQ(ports[ClosNodes::kNic], 0) << "inside a server";
}

INSTANTIATE_TEST_SUITE_P(EvenRadices, FatTree, ::testing::Values(4, 6, 8));

TEST(Paths, RailsOfAServerAreWaysOfTheirOwn) {
  SiteSpec site = EightWaySite(4);
  ClosOf(site).rail_optimized = true;
  ClosOf(site).servers_per_leaf = 4;
  ClosOf(site).leaves_per_pod = 8;
  ClosOf(site).tiers = 2;
  const PathLengths paths = PathsOf(ClosTopology(site));
  EXPECT_EQ(paths.diameter, 2);
  EXPECT_EQ(paths.ways_least, 8);
}

TEST(Paths, OfATorusAreThoseOfItsRings) {
  for (const std::vector<int>& size :
       {std::vector<int>{4, 4}, std::vector<int>{8, 4}, std::vector<int>{4, 4, 4},
        std::vector<int>{5, 3}, std::vector<int>{2, 6, 3}}) {
    SiteSpec site = EightWaySite(1);
    TorusSpec torus;
    torus.path = "site[0].fabric.torus";
    torus.size = size;
    torus.block.assign(size.size(), 1);
    torus.hop_latency = Seconds(1e-7);
    site.fabric = torus;
    site.server.direct = true;
    site.server.accelerators = site.server.nics = 1;
    int routers = 1, diameter = 0;
    double sum = 0;  // of the mean distances on the rings, a router's own place included
    for (const int n : size) {
      routers *= n;
      diameter += n / 2;
      sum += n % 2 == 0 ? n / 4.0 : (n * n - 1) / (4.0 * n);
    }
    site.servers = routers;
    const PathLengths paths = PathsOf(TorusTopology(site));
    EXPECT_EQ(paths.diameter, diameter) << routers;
    EXPECT_NEAR(paths.mean, sum * routers / (routers - 1), kExact) << routers;
    EXPECT_EQ(paths.ends, routers);
  }
}

// Groups of `a` routers with one global link each: one link between any two groups.
TEST(Paths, OfADragonflyWithOneGlobalLinkARouter) {
  for (const int a : {2, 4, 6}) {
    const DragonflyTopology dragonfly(DragonflySite(a + 1, a, 1, kMinimalEcmp));
    const int routers = a * (a + 1);
    // Own group: 1. The group of the own link: 1 and 2. The others by way of a neighbour: 2 and 3.
    const double sum = (a - 1) + (1 + 2 * (a - 1)) + (a - 1) * (2 + 3 * (a - 1));
    const PathLengths paths = PathsOf(dragonfly);
    EXPECT_EQ(paths.diameter, 5);
    EXPECT_NEAR(paths.mean, OverServers(sum / (routers - 1), routers, 2), kExact) << a;
  }
}

TEST(Paths, OfAHyperXCorrectOneCoordinateALink) {
  for (const std::vector<int>& size : {std::vector<int>{8}, std::vector<int>{4, 4},
                                       std::vector<int>{3, 5}, std::vector<int>{2, 3, 4}}) {
    const HyperXTopology hyperx(HyperXSite(size, kMinimalEcmp));
    int routers = 1;
    double sum = 0;
    for (const int s : size) {
      routers *= s;
      sum += 1 - 1.0 / s;
    }
    const PathLengths paths = PathsOf(hyperx);
    const auto dimensions = static_cast<int>(size.size());
    EXPECT_EQ(paths.diameter, 2 + dimensions);
    EXPECT_NEAR(paths.mean, OverServers(sum * routers / (routers - 1), routers, 1), kExact);
    EXPECT_EQ(paths.ways_least, 1);  // along one dimension
  }
}

TEST(Paths, OfASlimFlyAreTwoRoutersApartAtMost) {
  for (const int q : {3, 5, 7}) {
    const SlimFlyTopology slimfly(SlimFlySite(q, kMinimalEcmp));
    const int routers = 2 * q * q;
    const int delta = q % 4 == 1 ? 1 : -1;
    const double degree = (3.0 * q - delta) / 2;
    const PathLengths paths = PathsOf(slimfly);
    EXPECT_EQ(paths.diameter, 4);
    const double apart = (degree + 2 * (routers - 1 - degree)) / (routers - 1);
    EXPECT_NEAR(paths.mean, OverServers(apart, routers, 1), kExact) << q;
  }
}

// No graph of that degree is shorter: r routers at 1 link, r (r - 1) at 2, and so on (V. Cerf et
// al. 1974). A random one comes within a tenth of it (A. Singla et al., NSDI 2012).
TEST(Paths, OfAJellyfishAreNearTheBoundOfItsDegree) {
  constexpr int kRouters = 64, kDegree = 8;
  const JellyfishTopology jellyfish(JellyfishSite(kRouters, kDegree, 3, kMinimalEcmp));
  double left = kRouters - 1, reached = kDegree, sum = 0;
  for (int hops = 1; left > 0; ++hops, reached *= kDegree - 1) {
    const double here = std::min(left, reached);
    sum += here * hops;
    left -= here;
  }
  const double bound = OverServers(sum / (kRouters - 1), kRouters, 2);
  const PathLengths paths = PathsOf(jellyfish);
  EXPECT_GE(paths.mean, bound - kExact);
  EXPECT_LE(paths.mean, 1.1 * bound);
}

// The same lengths as a search on the whole graph, where all NICs of a server lead to one router:
// no server then is a shorter way.
TEST(Paths, AreThoseOfASearchOnTheWholeGraph) {
  const JellyfishTopology jellyfish(JellyfishSite(20, 4, 5, kMinimalEcmp));
  const FabricGraph graph = MakeGraph(jellyfish);
  double sum = 0;
  int longest = 0;
  const int size = jellyfish.server_size();
  for (int from = 0; from < jellyfish.servers(); ++from) {
    const std::vector<int> hops = HopsOfSearch(graph, from * size);
    for (int to = 0; to < jellyfish.servers(); ++to) {
      if (from != to) {
        const int links = hops[to * size] - 2;  // from the accelerators to their NICs
        sum += links;
        longest = std::max(longest, links);
      }
    }
  }
  const PathLengths paths = PathsBetweenServers(jellyfish, graph);
  EXPECT_EQ(paths.diameter, longest);
  EXPECT_NEAR(paths.mean, sum / (jellyfish.servers() * (jellyfish.servers() - 1)), kExact);
}

TEST(Paths, OfASampleSaySo) {
  const ClosTopology clos(KAryFatTree(8));
  const PathLengths paths = PathsBetweenServers(clos, MakeGraph(clos), /*work_most=*/1);
  EXPECT_FALSE(paths.exact);
  EXPECT_EQ(paths.diameter, 6);
}

TEST(Paths, OfOneServerAreNone) {
  SiteSpec site = EightWaySite(1);
  const PathLengths paths = PathsOf(ClosTopology(site));
  EXPECT_EQ(paths.ends, 1);
  EXPECT_EQ(paths.diameter, 0);
  EXPECT_TRUE(paths.exact);
}

}  // namespace
}  // namespace gridlock
