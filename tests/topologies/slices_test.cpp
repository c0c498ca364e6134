// Twisted tori and slices: ways against a search on the written-out graph, diameters in closed
// form, and what slices share.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/topologies/sites.h"
#include "topologies/torus/topology.h"

namespace gridlock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SiteSpec SliceSite(const std::vector<int>& size, const std::vector<int>& block,
                   const std::vector<int>& slice, bool twisted) {
  SiteSpec site = EightWaySite(1);
  site.server.direct = true;
  site.server.accelerators = 1;
  for (std::size_t d = 0; d < size.size(); ++d) {
    site.server.accelerators *= block[d];
    site.servers *= size[d] / block[d];
  }
  site.server.nics = 1;
  TorusSpec torus;
  torus.path = "site[0].fabric.torus";
  torus.size = size;
  torus.block = block;
  torus.slice = slice;
  torus.twisted = twisted;
  torus.hop_latency = Seconds(1e-7);
  site.fabric = torus;
  return site;
}

std::vector<int> Ones(const std::vector<int>& size) {
  return std::vector<int>(size.size(), 1);
}

class ATwistedTorus : public ::testing::TestWithParam<std::vector<int>> {
 protected:
  const TorusTopology torus_{SliceSite(GetParam(), Ones(GetParam()), {}, true)};
};

TEST_P(ATwistedTorus, NamesTheEndsOfItsLinksAsItsGraphDoes) {
  EXPECT_EQ(LinksWithOtherEnds(torus_), "");
}

TEST_P(ATwistedTorus, RoutesAsShortAsASearchFindsItAlongItsLinks) {
  const FabricGraph graph = MakeGraph(torus_);
  for (int from = 0; from < torus_.accelerators(); ++from) {
    const std::vector<int> hops = HopsOfSearch(graph, from);
    for (int to = 0; to < torus_.accelerators(); ++to) {
      if (from == to) {
        continue;
      }
      int at = from;
      const std::vector<LinkIndex> route = RouteOf(torus_, from, to);
      ASSERT_EQ(static_cast<int>(route.size()), hops[to]) << from << " to " << to;
      ASSERT_NEAR(torus_.Latency({from}, {to}).si(), hops[to] * 1e-7, 1e-15);
      for (const LinkIndex link : route) {
        ASSERT_EQ(link.value % torus_.routers(), at);
        const int family = link.value / torus_.routers();
        at = torus_.NeighbourOf(at, family / 2, family % 2 == 0);
      }
      ASSERT_EQ(at, to);
    }
  }
}

TEST_P(ATwistedTorus, LooksTheSameFromEveryRouterAndHasNoLongerWaysThanItsClosedForm) {
  const FabricGraph graph = MakeGraph(torus_);
  std::vector<int> first = HopsOfSearch(graph, 0);
  first.resize(static_cast<std::size_t>(torus_.routers()));
  std::sort(first.begin(), first.end());
  for (int router = 0; router < torus_.routers(); ++router) {
    for (int d = 0; d < torus_.dimensions(); ++d) {
      EXPECT_EQ(torus_.NeighbourOf(torus_.NeighbourOf(router, d, true), d, false), router);
    }
    std::vector<int> hops = HopsOfSearch(graph, router);
    hops.resize(static_cast<std::size_t>(torus_.routers()));
    std::sort(hops.begin(), hops.end());
    ASSERT_EQ(hops, first);
  }
  const int side = *std::min_element(GetParam().begin(), GetParam().end());
  EXPECT_EQ(first.back(), torus_.dimensions() == 2 ? side : 3 * side / 2);
  int untwisted = 0;
  for (const int size : GetParam()) {
    untwisted += size / 2;
  }
  EXPECT_LT(first.back(), untwisted + (side % 2 == 1 ? 1 : 0));
}

// Everybody sends to everybody: no link carries half as much again as the mean.
TEST_P(ATwistedTorus, SpreadsAnAllToAllOverItsLinks) {
  std::map<int, int> load;
  double sum = 0;
  for (int from = 0; from < torus_.accelerators(); ++from) {
    for (int to = 0; to < torus_.accelerators(); ++to) {
      if (from != to) {
        for (const LinkIndex link : RouteOf(torus_, from, to)) {
          ++load[link.value];
          ++sum;
        }
      }
    }
  }
  const double mean = sum / (2.0 * torus_.dimensions() * torus_.routers());
  for (const auto& [link, flows] : load) {
    EXPECT_LT(flows, 1.5 * mean) << torus_.name({link});
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, ATwistedTorus,
                         ::testing::Values(std::vector<int>{4, 8}, std::vector<int>{8, 4},
                                           std::vector<int>{6, 12}, std::vector<int>{4, 4, 8},
                                           std::vector<int>{4, 8, 4}, std::vector<int>{4, 8, 8},
                                           std::vector<int>{8, 4, 8}, std::vector<int>{3, 6, 6}));

TEST(SlicesOfATorus, AreToriOfTheirOwnJoinedByNics) {
  // 4 x 4 x 4 blocks of 2 x 2 x 2, in slices of 2 x 4 x 4: two of four blocks each.
  const TorusTopology torus(SliceSite({4, 4, 4}, {2, 2, 2}, {2, 4, 4}, false));
  ASSERT_EQ(torus.slices(), 2);
  EXPECT_EQ(torus.routers(), 64);
  EXPECT_TRUE(Connected(MakeGraph(torus)));
  std::set<int> used[2];
  for (int from = 0; from < 64; ++from) {
    for (int to = 0; to < 64; ++to) {
      if (from == to) {
        continue;
      }
      const bool same = from / 32 == to / 32;
      for (const LinkIndex link : RouteOf(torus, from, to)) {
        EXPECT_EQ(torus.tier(link) == TierTable::kNic, !same);
        if (same) {
          used[from / 32].insert(link.value);
          EXPECT_EQ(link.value % 64 / 32, from / 32);
        }
      }
    }
  }
  EXPECT_EQ(used[0].size(), used[1].size());
  EXPECT_THAT(RouteNames(torus, 3, 40), ElementsAre("nic_up[0]", "nic_down[5]"));
  EXPECT_EQ(torus.locality().group_of(torus.locality().levels() - 2, {3}), 0);
  EXPECT_EQ(torus.locality().group_of(torus.locality().levels() - 2, {4}), 1);
  EXPECT_THAT(torus.facts(),
              ::testing::Contains(HasSubstr("between the 2 slices goes through NICs")));
}

// A slice alone is the torus of its size.
TEST(ASlice, IsTheTorusOfItsSize) {
  const TorusTopology pod(SliceSite({8, 4, 4}, {2, 2, 2}, {4, 4, 2}, false));
  const TorusTopology alone(SliceSite({4, 4, 2}, {2, 2, 2}, {}, false));
  for (int from = 0; from < 32; ++from) {
    for (int to = 0; to < 32; ++to) {
      if (from != to) {
        EXPECT_EQ(RouteNames(pod, from, to), RouteNames(alone, from, to));
      }
    }
  }
}

TEST(Slices, AreRefusedWhereTheyDoNotFit) {
  EXPECT_EQ(
      TopologyRefusal(SliceSite({4, 4, 4}, {2, 2, 2}, {4, 4, 3}, false)),
      "site[0].fabric.torus.slice: a slice of 4 x 4 x 3 cannot be made of blocks of 2 x 2 x 2 "
      "of a pod of 4 x 4 x 4; expected sizes of at least 2 that blocks divide, and no more "
      "than the pod holds");
  EXPECT_THAT(TopologyRefusal(SliceSite({4, 4, 4}, {2, 2, 2}, {4, 4, 8}, false)),
              HasSubstr("no more than the pod holds"));
  EXPECT_EQ(TopologyRefusal(SliceSite({4, 4, 6}, {2, 2, 2}, {4, 4, 4}, false)),
            "site[0].servers: 12 servers of 8 are 96 accelerators, and 1 whole slices of 4 x 4 x 4 "
            "have room for 64; expected at most 8 servers");
  EXPECT_EQ(TopologyRefusal(SliceSite({4, 4, 12}, {2, 2, 2}, {}, true)),
            "site[0].fabric.torus.twisted: a torus of 4 x 4 x 12 cannot be twisted; expected n x "
            "2n, n x n x 2n or n x 2n x 2n, in any order");
  EXPECT_EQ(
      TopologyRefusal(SliceSite({4, 4, 12}, {2, 2, 2}, {4, 4, 8}, true)),
      "site[0].servers: 24 servers of 8 are 192 accelerators, and 1 whole slices of 4 x 4 x 8 "
      "have room for 128; expected at most 16 servers");
}

}  // namespace
}  // namespace gridlock
