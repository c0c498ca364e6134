// The torus: routes against a search on the written-out graph, balance, bisection in closed form,
// and what does not fit together.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/topologies/sites.h"
#include "topologies/network.h"
#include "topologies/torus/topology.h"

namespace gridlock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kIciLink = 50e9;  // byte/s per direction, six of which make a TPU v4's 300 GB/s

SiteSpec TorusSite(const std::vector<int>& size, const std::vector<int>& block) {
  SiteSpec site = EightWaySite(1);
  site.server.direct = true;
  site.server.accelerators = 1;
  for (const int b : block) {
    site.server.accelerators *= b;
  }
  int routers = 1;
  for (const int s : size) {
    routers *= s;
  }
  site.servers = routers / site.server.accelerators;
  site.server.nics = site.server.accelerators;
  site.server.accelerator.scale_up_bandwidth =
      BytesPerSecond(2.0 * static_cast<double>(size.size()) * kIciLink);
  TorusSpec torus;
  torus.path = "site[0].fabric.torus";
  torus.size = size;
  torus.block = block;
  torus.hop_latency = Seconds(1e-7);
  site.fabric = torus;
  return site;
}

struct TorusShape {
  std::vector<int> size, block;
};

class EveryTorus : public ::testing::TestWithParam<TorusShape> {
 protected:
  const SiteSpec site_ = TorusSite(GetParam().size, GetParam().block);
  const TorusTopology torus_{site_};
};

TEST_P(EveryTorus, RoutesAreAsShortAsASearchFindsThem) {
  const FabricGraph graph = MakeGraph(torus_);
  for (int from = 0; from < torus_.accelerators(); ++from) {
    const std::vector<int> hops = HopsOfSearch(graph, from);
    for (int to = 0; to < torus_.accelerators(); ++to) {
      if (from != to) {
        const auto links = static_cast<int>(RouteOf(torus_, from, to).size());
        ASSERT_EQ(links, hops[to]) << from << " to " << to;
        ASSERT_NEAR(torus_.Latency({from}, {to}).si(), links * 1e-7, 1e-15);
      }
    }
  }
}

// Each link of a route leaves the router at which the one before it arrives.
TEST_P(EveryTorus, RoutesHangTogetherAndTurnOncePerDimension) {
  for (int from = 0; from < torus_.accelerators(); from += 3) {
    for (int to = 0; to < torus_.accelerators(); ++to) {
      if (from == to) {
        continue;
      }
      int at = from;
      int dimension = 0;
      for (const LinkIndex link : RouteOf(torus_, from, to)) {
        ASSERT_EQ(link.value % torus_.routers(), at);
        const int family = link.value / torus_.routers();
        ASSERT_GE(family / 2, dimension);
        dimension = family / 2;
        TorusTopology::Coordinates next = torus_.CoordinatesOf(at);
        const int size = GetParam().size[dimension];
        next[dimension] = (next[dimension] + (family % 2 == 0 ? 1 : size - 1)) % size;
        at = torus_.RouterAt(next);
      }
      ASSERT_EQ(at, to);
    }
  }
}

TEST_P(EveryTorus, NumbersEveryRouterOnceAndRowsInARow) {
  std::set<TorusTopology::Coordinates> seen;
  for (int router = 0; router < torus_.routers(); ++router) {
    const TorusTopology::Coordinates at = torus_.CoordinatesOf(router);
    EXPECT_EQ(torus_.RouterAt(at), router);
    EXPECT_TRUE(seen.insert(at).second);
    if (router % GetParam().block[0] != 0) {
      EXPECT_EQ(torus_.CoordinatesOf(router - 1)[0] + 1, at[0]);
    }
  }
}

// Everybody sends to everybody. Along an odd dimension of n each link carries as much as any other;
// along an even one the halfway routes make a difference, which the rule for ties keeps small.
TEST_P(EveryTorus, SpreadsAnAllToAllOverTheLinksOfADimension) {
  std::map<int, int> load;
  for (int from = 0; from < torus_.accelerators(); ++from) {
    for (int to = 0; to < torus_.accelerators(); ++to) {
      if (from != to) {
        for (const LinkIndex link : RouteOf(torus_, from, to)) {
          ++load[link.value];
        }
      }
    }
  }
  const int routers = torus_.routers();
  for (int d = 0; d < torus_.dimensions(); ++d) {
    const int n = GetParam().size[d];
    double sum = 0;
    int most = 0;
    for (int link = 2 * d * routers; link < 2 * (d + 1) * routers; ++link) {
      sum += load[link];
      most = std::max(most, load[link]);
    }
    // Mean hops along a ring of n, for all n destinations: (n^2 - n % 2) / 4 / n.
    const double mean = routers * ((n * n - n % 2) / 4) / (2.0 * n);
    EXPECT_DOUBLE_EQ(sum / (2.0 * routers), mean);
    EXPECT_LE(most, n % 2 == 1 ? mean : mean * (1 + 4.0 / n)) << d;
  }
}

TEST_P(EveryTorus, HasNestedGroupsOfServers) {
  const Locality& locality = torus_.locality();
  EXPECT_EQ(locality.groups(locality.levels() - 1), 1);
  EXPECT_FALSE(locality.interchangeable());
  EXPECT_EQ(locality.end_of(0, 0), GetParam().size[0] / GetParam().block[0]);
}

INSTANTIATE_TEST_SUITE_P(Shapes, EveryTorus,
                         ::testing::Values(TorusShape{{4, 4}, {1, 1}}, TorusShape{{5, 3}, {1, 1}},
                                           TorusShape{{6, 4}, {3, 2}}, TorusShape{{2, 7}, {2, 1}},
                                           TorusShape{{4, 4, 4}, {2, 2, 2}},
                                           TorusShape{{3, 5, 2}, {3, 1, 1}},
                                           TorusShape{{8, 4, 4}, {4, 4, 4}}));

TEST(Torus, GoesTheShorterWayRoundAndSplitsTies) {
  const TorusTopology torus(TorusSite({8, 2}, {1, 1}));
  EXPECT_THAT(RouteNames(torus, 0, 3), ElementsAre("x_forth[0]", "x_forth[1]", "x_forth[2]"));
  EXPECT_THAT(RouteNames(torus, 0, 6), ElementsAre("x_back[0]", "x_back[7]"));
  EXPECT_THAT(RouteNames(torus, 0, 4).front(), "x_forth[0]");  // half-way from an even router
  EXPECT_THAT(RouteNames(torus, 1, 5).front(), "x_back[1]");   // and from an odd one
  EXPECT_THAT(RouteNames(torus, 0, 9), ElementsAre("x_forth[0]", "y_back[1]"));
}

// 2 x 256 links of 50 GB/s join two halves of a TPU v4 pod: every other cut crosses more.
TEST(Torus, BisectionOfAPodOf4096IsThatOfTwoPlanesOfLinks) {
  const TorusTopology pod(TorusSite({16, 16, 16}, {4, 4, 4}));
  const CutBound cut = BestKnownCut(pod.cut_problem());
  EXPECT_DOUBLE_EQ(cut.best.bandwidth.si(), 2 * 256 * kIciLink);
  EXPECT_EQ(cut.tried.size(), 3U);
  EXPECT_THAT(pod.facts().back(), HasSubstr("2 x 256 links, 25.6 TB/s"));
}

TEST(Torus, BisectionOfALongTorusIsThatAcrossItsLongestDimension) {
  const TorusTopology torus(TorusSite({4, 12, 6}, {2, 2, 2}));
  const CutBound cut = BestKnownCut(torus.cut_problem());
  EXPECT_DOUBLE_EQ(cut.best.bandwidth.si(), 2 * 24 * kIciLink);
  EXPECT_EQ(cut.best.halving, "first half along y | second half");
}

TEST(Torus, OfFewerServersThanBlocksKeepsItsRouters) {
  SiteSpec site = TorusSite({8, 4, 4}, {4, 4, 4});
  site.servers = 1;
  const TorusTopology torus(site);
  EXPECT_EQ(torus.accelerators(), 64);
  EXPECT_EQ(torus.routers(), 128);
  EXPECT_TRUE(Connected(MakeGraph(torus)));
}

TEST(Torus, NamesItsTiersAndWhoPaysForThem) {
  const Network network(TorusSite({4, 4, 4}, {2, 2, 2}));
  std::vector<std::string> names;
  for (const Tier& tier : network.tiers()) {
    names.push_back(tier.name);
  }
  EXPECT_THAT(names, ElementsAre("scale_up", "nic", "ring_x", "ring_y", "ring_z", "wan", "hbm"));
  EXPECT_EQ(network.tiers()[network.tiers().Named("ring_y")].link_energy, 1.0);
}

// Tiers of one name are one, whatever their positions in their own topologies.
TEST(Torus, BesideAClosSharesOneTableOfTiers) {
  WanSpec wan;
  wan.path = "wan[0]";
  wan.from = {0};
  wan.to = {1};
  wan.bandwidth = BytesPerSecond(12e9);
  const Network network({EightWaySite(8), TorusSite({4, 4}, {2, 2})}, {wan});
  std::vector<LinkIndex> route;
  network.AppendRoute(network.accelerator({0}, 3), network.accelerator({1}, 5), route);
  std::vector<std::string> names;
  for (const LinkIndex link : route) {
    names.push_back(network.tiers()[network.tier(link)].name);
  }
  EXPECT_THAT(names, ElementsAre("nic", "leaf", "spine", "wan", "nic"));
  route.clear();
  network.AppendRoute(network.accelerator({1}, 0), network.accelerator({1}, 1), route);
  EXPECT_EQ(network.tiers()[network.tier(route.front())].name, "ring_x");
}

TEST(Torus, RefusesWhatDoesNotFitTogether) {
  SiteSpec site = TorusSite({6, 4}, {2, 2});
  std::get<TorusSpec>(site.fabric).block = {4, 1};
  EXPECT_EQ(TopologyRefusal(site),
            "site[0].fabric.torus.block: blocks of 4 x 1 do not tile a torus of 6 x 4; expected "
            "sizes of at least 2 and blocks that divide them");
  site = TorusSite({6, 4}, {2, 2});
  site.servers = 7;
  EXPECT_EQ(TopologyRefusal(site),
            "site[0].servers: 7 servers of 4 are 28 accelerators, and a torus of 6 x 4 has room "
            "for 24; expected at most 6 servers, or a larger torus");
  site = TorusSite({6, 4}, {2, 2});
  site.server.accelerators = 3;
  EXPECT_THAT(TopologyRefusal(site),
              HasSubstr("a block of 2 x 2 holds 4 accelerators and a server has 3"));
}

}  // namespace
}  // namespace gridlock
