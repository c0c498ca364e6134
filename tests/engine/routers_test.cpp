// Steps and collectives on dragonflies, Jellyfish and slim flies: times in closed form, folded =
// full, and what one slower link changes.

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "sim/plan/fold.h"
#include "tests/engine/folded_is_full.h"
#include "tests/engine/machines.h"
#include "topologies/dragonfly/topology.h"
#include "topologies/network.h"

namespace gridlock {

namespace {

constexpr double kRouterLink = kNic / 2;  // byte/s of one link between two routers in one direction
constexpr double kRouterDelay = 0.5e-6;

SwitchSpec Router(double latency = 0) {
  SwitchSpec router;
  router.name = "router";
  router.ports = 1024;
  router.port_bandwidth = BytesPerSecond(kRouterLink);
  router.latency = Seconds(latency);
  return router;
}

SiteSpec SiteOf(const ServerSpec& server, int servers, FabricSpec fabric) {
  SiteSpec site;
  site.path = "site";
  site.name = "test";
  site.server = server;
  site.servers = servers;
  site.fabric = std::move(fabric);
  return site;
}

FabricSpec Dragonfly(int groups, int routers, int global_links, RouterRouting routing = {},
                     int spines = 0) {
  DragonflySpec spec;
  spec.path = "site.fabric.dragonfly";
  spec.groups = groups;
  spec.routers_per_group = routers;
  spec.spines_per_group = spines;
  spec.servers_per_router = 1;
  spec.global_links = global_links;
  spec.router = spec.spine = Router(kRouterDelay);
  spec.routing = routing;
  return spec;
}

FabricSpec Jellyfish(int routers, int links, RouterRouting routing = {}) {
  JellyfishSpec spec;
  spec.path = "site.fabric.jellyfish";
  spec.routers = routers;
  spec.router_links = links;
  spec.servers_per_router = 1;
  spec.seed = 4;
  spec.router = Router(kRouterDelay);
  spec.routing = routing;
  return spec;
}

FabricSpec SlimFly(int q, RouterRouting routing = {}) {
  SlimFlySpec spec;
  spec.path = "site.fabric.slimfly";
  spec.q = q;
  spec.servers_per_router = 1;
  spec.router = Router(kRouterDelay);
  spec.routing = routing;
  return spec;
}

FabricSpec HyperX(const std::vector<int>& size, RouterRouting routing) {
  HyperXSpec spec;
  spec.path = "site.fabric.hyperx";
  spec.size = size;
  spec.servers_per_router = 1;
  spec.router = Router(kRouterDelay);
  spec.routing = routing;
  return spec;
}

constexpr RouterRouting kMinimalEcmp{Paths::kMinimal, Routing::kEcmp};
constexpr RouterRouting kValiantSpray{Paths::kValiant, Routing::kSpray};
constexpr RouterRouting kValiantEcmp{Paths::kValiant, Routing::kEcmp};
constexpr RouterRouting kUgal{Paths::kUgal, Routing::kSpray};
constexpr RouterRouting kAdaptive{Paths::kAdaptive, Routing::kSpray};

struct FoldedNetwork {
  FabricSpec fabric;
  int servers, accelerators, nics;
};

class FoldedRouters : public testing::TestWithParam<FoldedNetwork> {};

// An all-reduce of all accelerators, 1 GB.
StepProgram AllReduceOfAll(const SiteSpec& site) {
  return OneAllReduce(1, site.servers * site.server.accelerators, 1e9);
}

// The links of a network that a plan of all its servers uses, in the order of its resources.
std::vector<LinkIndex> LinksOfPlan(const Network& network, const std::vector<int>& ring) {
  std::set<std::int32_t> used;
  for (std::size_t i = 0; i < ring.size(); ++i) {
    std::vector<LinkShare> shares;
    network.AppendShares({ring[i]}, {ring[(i + 1) % ring.size()]}, {}, shares);
    for (const LinkShare& share : shares) {
      used.insert(share.link.value);
    }
  }
  std::vector<LinkIndex> links;
  for (const std::int32_t link : used) {
    links.push_back({link});
  }
  return links;
}

}  // namespace

// A ring of two servers in two groups of a dragonfly. The flow of each direction is spread over the
// K links between the groups, so it runs at K kRouterLink, until the NIC is full.
TEST(TwoGroupsOfADragonfly, AreAsFarApartAsTheLinksBetweenThem) {
  constexpr double kBytes = 1e9;
  for (const int between : {1, 2, 4}) {
    const SiteSpec two = SiteOf(IdealServer(1, 1), 2, Dragonfly(2, 1, between));
    const StepProgram program = AllReduceOfAll(two);
    // A second router, once for each half of the ring.
    const double seconds = kBytes / std::min(between * kRouterLink, kNic) + 2 * kRouterDelay;
    EXPECT_NEAR(Simulate({program, Expand(program, two), two.server}).end, seconds, 1e-9 * seconds);
  }
}

// With a halved link among the two of a pair, half of each flow crosses a quarter of the NIC: the
// flows that are spread over it slow down to half, and a ring that does not cross it stays.
TEST(AHalvedGlobalLink, SlowsOnlyWhatIsSpreadOverIt) {
  const SiteSpec site = SiteOf(IdealServer(1, 1), 12, Dragonfly(3, 4, 1));
  const Network network(site);
  const auto& topology = dynamic_cast<const DragonflyTopology&>(network.fabric(SiteIndex{0}));
  ASSERT_EQ(topology.links_between_groups(), 2);
  const auto [exit, entry] = topology.GlobalLink(0, 1, 0);
  const LinkIndex halved = topology.LinkBetween(exit, entry);
  const auto seconds = [&](int first, int stride, bool slower) {
    // Ranks 0 and 1 of the job sit on these two servers.
    const Placement placement = {{SiteIndex{0}, {first}, 1}, {SiteIndex{0}, {first + stride}, 1}};
    const StepProgram program = OneAllReduce(1, 2, 1e9);
    Plan plan = Expand({{&program, placement}}, network);
    const std::vector<LinkIndex> links = LinksOfPlan(network, {first, first + stride});
    const auto at = std::find(links.begin(), links.end(), halved);
    if (slower && at != links.end()) {
      Plan::Resource& resource = plan.resources[static_cast<std::size_t>(at - links.begin())];
      EXPECT_NEAR(resource.capacity.si() * resource.unit, kRouterLink, 1);
      resource.capacity = resource.capacity / 2;
    }
    return Simulate({program, plan, site.server}).end;
  };
  const double more = 2 * (network.Latency({2}, {6}).si() - kRouterDelay);
  EXPECT_NEAR(seconds(2, 4, false), 1e9 / kNic + more, 1e-9);
  EXPECT_NEAR(seconds(2, 4, true), 2e9 / kNic + more, 1e-9);      // groups 0 and 1
  EXPECT_NEAR(seconds(6, 4, true), seconds(6, 4, false), 1e-12);  // groups 1 and 2
  EXPECT_NEAR(seconds(8, 1, true), seconds(8, 1, false), 1e-12);  // within group 2
}

// Every group sends to the next one: minimal routing puts all of its flows on the one link between,
// and Valiant spreads them over all groups.
TEST(TheWorstPatternOfADragonfly, IsWhatValiantIsFor) {
  constexpr double kBytes = 1e9;
  const auto seconds = [&](RouterRouting routing) {
    const SiteSpec site = SiteOf(IdealServer(1, 1), 36, Dragonfly(9, 4, 2, routing));
    // Replicas of a model on four servers are four servers apart: the next group.
    const StepProgram program = OneAllReduce(4, 9, kBytes);
    return Simulate({program, Expand(program, site), site.server}).end;
  };
  const double ring = 2.0 * 8 / 9 * kBytes;
  // Each of the 2 x 8 steps of the slowest ring passes two routers beyond the first one.
  EXPECT_NEAR(seconds({}), ring * 4 / kRouterLink + 16 * 2 * kRouterDelay,
              1e-9 * ring / kRouterLink);
  EXPECT_LT(seconds(kValiantSpray), 0.75 * seconds({}));
  EXPECT_LT(seconds(kUgal), seconds({}));
}

TEST_P(FoldedRouters, TakesTheStepOfTheFullOne) {
  const SiteSpec site = SiteOf(RealisticServer(GetParam().accelerators, GetParam().nics),
                               GetParam().servers, GetParam().fabric);
  const std::string own = Network(site).tiers()[TierTable::kFirstOwn].name;
  for (const FullAndFolded& pair : ExpectFoldedIsFull({site})) {
    EXPECT_GT(TotalOf(pair.full, own), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Networks, FoldedRouters,
    testing::Values(FoldedNetwork{Dragonfly(5, 2, 2), 10, 2, 2},
                    FoldedNetwork{Dragonfly(5, 4, 3), 20, 1, 1},
                    FoldedNetwork{Dragonfly(5, 2, 2, kValiantSpray), 10, 2, 1},
                    FoldedNetwork{Dragonfly(5, 2, 2, kMinimalEcmp), 10, 2, 2},
                    FoldedNetwork{Dragonfly(5, 2, 2, kUgal), 10, 2, 2},
                    FoldedNetwork{Dragonfly(5, 4, 3, kAdaptive), 20, 1, 1},
                    FoldedNetwork{Dragonfly(4, 2, 3, {}, 2), 8, 2, 2},
                    FoldedNetwork{Dragonfly(4, 2, 3, kValiantEcmp, 2), 8, 2, 2},
                    FoldedNetwork{Jellyfish(12, 4), 12, 2, 2},
                    FoldedNetwork{Jellyfish(12, 3, kValiantSpray), 12, 1, 1},
                    FoldedNetwork{HyperX({3, 4}, {}), 12, 2, 2},
                    FoldedNetwork{HyperX({4, 3}, kValiantSpray), 12, 1, 1},
                    FoldedNetwork{HyperX({8}, kUgal), 8, 2, 2}, FoldedNetwork{SlimFly(3), 18, 1, 1},
                    FoldedNetwork{SlimFly(3, kUgal), 18, 2, 1}));

// The same for a collective alone, where every part of every flow counts.
TEST(FoldedAllReduces, TakeTheTimeOfTheFullOnes) {
  for (const FabricSpec& fabric :
       {Dragonfly(5, 4, 3), Dragonfly(9, 4, 2, kValiantSpray), Dragonfly(5, 4, 2, {}, 4),
        Jellyfish(20, 5), Jellyfish(20, 5, kValiantSpray), SlimFly(3), SlimFly(3, kUgal)}) {
    const Network alone(SiteOf(IdealServer(1, 1), 1, fabric));
    const auto servers = static_cast<int>(alone.fabric(SiteIndex{0}).equipment().front().count);
    const SiteSpec site = SiteOf(IdealServer(1, 1), servers, fabric);
    for (const int rings : {1, 2}) {
      if (servers % rings != 0) {
        continue;
      }
      const StepProgram program = OneAllReduce(rings, servers / rings, 1e9);
      const Plan plan = Expand(program, site);
      const PlayResult full = Simulate({program, plan, site.server});
      const PlayResult folded = Simulate({program, Fold(plan), site.server});
      EXPECT_NEAR(folded.end, full.end, 1e-9 * full.end) << TitleOf(fabric);
      for (std::size_t tier = 0; tier < full.bytes.size(); ++tier) {
        EXPECT_NEAR(folded.bytes[tier], full.bytes[tier], 1e-9 * full.bytes[tier]);
      }
    }
  }
}

}  // namespace gridlock
