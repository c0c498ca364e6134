// The HyperX: routes against a search on the written-out graph, counts, balance and bisection in
// closed form, the same network read back as a list, and what does not fit together.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/topologies/sites.h"
#include "topologies/hyperx/topology.h"
#include "topologies/listed/topology.h"
#include "topologies/network.h"

namespace gridlock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kLatency = 500e-9;  // seconds, of Switch400

SiteSpec PlainHyperX(const std::vector<int>& size, int servers_per_router, int links_between = 1) {
  SiteSpec site = EightWaySite(servers_per_router);
  for (const int s : size) {
    site.servers *= s;
  }
  HyperXSpec hyperx;
  hyperx.path = "site[0].fabric.hyperx";
  hyperx.size = size;
  hyperx.servers_per_router = servers_per_router;
  hyperx.links_between = links_between;
  hyperx.router = Switch400("router", 64);
  site.fabric = hyperx;
  return site;
}

struct HyperXShape {
  std::vector<int> size;
  int servers_per_router = 1, links_between = 1, nics = 8;
};

class EveryHyperX : public ::testing::TestWithParam<HyperXShape> {
 protected:
  EveryHyperX() {
    site_ = PlainHyperX(GetParam().size, GetParam().servers_per_router, GetParam().links_between);
    site_.server.nics = GetParam().nics;
    hyperx_ = std::make_unique<HyperXTopology>(site_);
  }

  // Calls visit(from, to, route) for accelerators of different servers.
  template <typename Visit>
  void ForAllRoutes(const Visit& visit) const {
    for (int from = 0; from < hyperx_->accelerators(); ++from) {
      for (int to = 0; to < hyperx_->accelerators(); ++to) {
        if (hyperx_->server_of({from}) != hyperx_->server_of({to})) {
          visit(from, to, RouteOf(*hyperx_, from, to));
        }
      }
    }
  }

  [[nodiscard]] int DimensionOf(LinkIndex link) const {
    return hyperx_->tier(link).value - TierTable::kFirstOwn.value;
  }

  SiteSpec site_;
  std::unique_ptr<HyperXTopology> hyperx_;
};

// A search passes two attachments that are no links; of the machines on its way all are routers but
// two accelerators and two NICs.
TEST_P(EveryHyperX, RoutesAreAsShortAsASearchFindsThem) {
  const FabricGraph graph = MakeGraph(*hyperx_);
  EXPECT_TRUE(Connected(graph));
  std::vector<int> hops;
  int searched = -1;
  ForAllRoutes([&](int from, int to, const std::vector<LinkIndex>& route) {
    if (from != searched) {
      hops = HopsOfSearch(graph, from);
      searched = from;
    }
    EXPECT_EQ(static_cast<int>(route.size()), hops[to] - 2) << from << " to " << to;
    EXPECT_NEAR(hyperx_->Latency({from}, {to}).si(), (hops[to] - 3) * kLatency, 1e-15);
  });
}

TEST_P(EveryHyperX, HasNMinusOneLinksOfARouterAlongADimensionOfN) {
  const FabricGraph graph = MakeGraph(*hyperx_);
  int links = 2 * hyperx_->accelerators() + 2 * site_.servers * GetParam().nics;
  for (int d = 0; d < hyperx_->dimensions(); ++d) {
    const int pairs = hyperx_->routers() * (GetParam().size[d] - 1);
    EXPECT_EQ(graph.cables(HyperXTopology::kMesh + d), pairs / 2 * GetParam().links_between);
    EXPECT_EQ(LinksOf(*hyperx_, {TierTable::kFirstOwn.value + d}).size(),
              static_cast<std::size_t>(pairs));
    links += pairs;
  }
  EXPECT_EQ(hyperx_->links(), links);
  EXPECT_EQ(hyperx_->equipment().front().count, hyperx_->routers());
}

// Everybody sends to everybody else: on a link along d meet the routers from which it is reached by
// the dimensions before d, and go on to those that the dimensions behind it lead to.
TEST_P(EveryHyperX, SpreadsAnAllToAllEvenlyOverTheLinksOfADimension) {
  std::map<int, int> load;
  ForAllRoutes([&](int, int, const std::vector<LinkIndex>& route) {
    for (const LinkIndex link : route) {
      ++load[link.value];
    }
  });
  const int per_router = GetParam().servers_per_router * hyperx_->server_size();
  for (int d = 0; d < hyperx_->dimensions(); ++d) {
    const int expected = hyperx_->routers() / GetParam().size[d] * per_router * per_router;
    for (const LinkIndex link : LinksOf(*hyperx_, {TierTable::kFirstOwn.value + d})) {
      ASSERT_EQ(load[link.value], expected) << hyperx_->name(link);
    }
  }
}

// So that jobs which share a link are found to be neighbours (locality.h).
TEST_P(EveryHyperX, RoutesThatShareALinkLeaveTheSameGroup) {
  std::map<int, int> group_of_link;
  const Locality& locality = hyperx_->locality();
  ASSERT_EQ(locality.levels(), hyperx_->dimensions());
  ForAllRoutes([&](int from, int to, const std::vector<LinkIndex>& route) {
    for (const LinkIndex link : route) {
      const int d = DimensionOf(link);
      if (d >= 0) {
        const int group = locality.group_of(d, hyperx_->server_of({from}));
        EXPECT_NE(group, locality.group_of(d, hyperx_->server_of({to})));
        EXPECT_EQ(group_of_link.emplace(link.value, group).first->second, group);
      }
    }
  });
}

TEST_P(EveryHyperX, ReadBackAsAListHasTheSameRoutes) {
  ListedSpec spec;
  spec.path = "site[0].fabric.listed";
  spec.graph = std::make_shared<const RouteGraph>(hyperx_->route_graph());
  SiteSpec site = site_;
  site.fabric = spec;
  const ListedTopology listed(site);
  ASSERT_EQ(listed.links(), hyperx_->links());
  ForAllRoutes([&](int from, int to, const std::vector<LinkIndex>& route) {
    EXPECT_EQ(RouteOf(listed, from, to), route) << from << " to " << to;
    EXPECT_NEAR(listed.Latency({from}, {to}).si(), hyperx_->Latency({from}, {to}).si(), 1e-15);
  });
  for (int a = 0; a < listed.accelerators(); ++a) {
    std::vector<LinkIndex> as_listed;
    std::vector<LinkIndex> as_built;
    listed.AppendExit({a}, 0, as_listed);
    listed.AppendEntry({a}, 0, as_listed);
    hyperx_->AppendExit({a}, 0, as_built);
    hyperx_->AppendEntry({a}, 0, as_built);
    EXPECT_EQ(as_listed, as_built);
  }
  EXPECT_NEAR(listed.LatencyToBorder().si(), hyperx_->LatencyToBorder().si(), 1e-15);
}

INSTANTIATE_TEST_SUITE_P(Shapes, EveryHyperX,
                         ::testing::Values(HyperXShape{{5}, 2}, HyperXShape{{4, 4}, 2, 3},
                                           HyperXShape{{3, 5}, 1}, HyperXShape{{2, 3, 2}, 2, 1, 4},
                                           HyperXShape{{2}, 1, 4, 2}));

TEST(AFullMesh, JoinsServersOfDifferentRoutersByOneLink) {
  const HyperXTopology mesh(PlainHyperX({8}, 2));
  EXPECT_THAT(RouteNames(mesh, 0, 8), ElementsAre("nic_up[0]", "nic_down[8]"));
  for (int server = 2; server < mesh.servers(); ++server) {
    EXPECT_THAT(RouteNames(mesh, 3, server * 8),
                ElementsAre("nic_up[3]", "mesh_x[0->" + std::to_string(server / 2) + "]",
                            "nic_down[" + std::to_string(server * 8) + "]"));
  }
  EXPECT_TRUE(mesh.locality().interchangeable());
}

TEST(HyperX, CorrectsOneCoordinateAfterTheOther) {
  const HyperXTopology hyperx(PlainHyperX({4, 3, 2}, 1));
  EXPECT_EQ(hyperx.RouterAt({3, 2, 1}), 23);
  EXPECT_THAT(
      RouteNames(hyperx, 0, 23 * 8),
      ElementsAre("nic_up[0]", "mesh_x[0->3]", "mesh_y[3->11]", "mesh_z[11->23]", "nic_down[184]"));
  EXPECT_THAT(RouteNames(hyperx, 23 * 8, 8),
              ElementsAre("nic_up[184]", "mesh_x[23->21]", "mesh_y[21->13]", "mesh_z[13->1]",
                          "nic_down[8]"));
  EXPECT_THAT(RouteNames(hyperx, 0, 1), ElementsAre("scale_up_out[0]", "scale_up_in[1]"));
  EXPECT_FALSE(hyperx.locality().interchangeable());
}

// (n / 2)^2 pairs in each of the N / n rows along the shortest dimension n: N n / 4.
TEST(HyperX, BisectionIsThatAcrossItsShortestDimension) {
  const HyperXTopology hyperx(PlainHyperX({6, 4}, 1, 2));
  const CutBound cut = BestKnownCut(hyperx.cut_problem());
  EXPECT_DOUBLE_EQ(cut.best.bandwidth.si(), 24 * 4 / 4 * 2 * kNic400);
  EXPECT_EQ(cut.best.halving, "first half along y | second half");
  EXPECT_DOUBLE_EQ(cut.tried.front().bandwidth.si(), 24 * 6 / 4 * 2 * kNic400);
  EXPECT_THAT(hyperx.facts().back(), HasSubstr("48 links, 2.4 TB/s"));
}

TEST(HyperX, OfFewServersKeepsItsRouters) {
  SiteSpec site = PlainHyperX({4, 4}, 2);
  site.servers = 3;
  const HyperXTopology hyperx(site);
  EXPECT_EQ(hyperx.equipment().front().count, 16);
  EXPECT_TRUE(Connected(MakeGraph(hyperx)));
}

TEST(HyperX, NamesItsTiers) {
  std::vector<std::string> names;
  const Network network(PlainHyperX({4, 4, 2}, 1));
  for (const Tier& tier : network.tiers()) {
    names.push_back(tier.name);
  }
  EXPECT_THAT(names, ElementsAre("scale_up", "nic", "mesh_x", "mesh_y", "mesh_z", "wan", "hbm"));
}

TEST(HyperX, RefusesWhatDoesNotFit) {
  EXPECT_EQ(TopologyRefusal(PlainHyperX({9, 9}, 6)), "accepted");  // 48 + 8 + 8 = 64 ports
  EXPECT_THAT(TopologyRefusal(PlainHyperX({9, 10}, 6)),
              HasSubstr("a router needs 65 ports, 48 to NICs and 17 to other routers, and router "
                        "has 64"));
  SiteSpec site = PlainHyperX({4, 4}, 2);
  site.servers = 33;
  EXPECT_EQ(TopologyRefusal(site),
            "site[0].servers: 33 servers, and a HyperX of 4 x 4 routers with 2 each has room for "
            "32; expected at most 32, or a larger HyperX");
  EXPECT_THAT(TopologyRefusal(PlainHyperX({2, 2, 2, 2}, 1)),
              HasSubstr("4 sizes given; expected 1 to 3"));
  site = PlainHyperX({4}, 1);
  site.server.nic_bandwidth = BytesPerSecond(2 * kNic400);  // two ports each
  std::get<HyperXSpec>(site.fabric).router.ports = 18;
  EXPECT_THAT(TopologyRefusal(site),
              HasSubstr("needs 19 ports, 16 to NICs and 3 to other routers"));
}

}  // namespace
}  // namespace gridlock
