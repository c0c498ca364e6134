// Several sites as one address space.

#include "topologies/network.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "tests/clos_of.h"
#include "tests/topologies/sites.h"
#include "topologies/wan_way.h"

namespace gridlock {

namespace {

WanSpec WanOf(int from, int to) {
  WanSpec wan;
  wan.path = "wan[0]";
  wan.from = {from};
  wan.to = {to};
  wan.bandwidth = BytesPerSecond(12e9);
  wan.latency = Seconds(2e-3);
  return wan;
}

std::vector<std::string> TiersOf(const Network& network, AcceleratorIndex from,
                                 AcceleratorIndex to) {
  std::vector<LinkIndex> route;
  network.AppendRoute(from, to, route);
  std::vector<std::string> tiers;
  for (const LinkIndex link : route) {
    tiers.push_back(network.tiers()[network.tier(link)].name);
  }
  return tiers;
}

SiteSpec TwoTiers(int servers) {
  SiteSpec site = EightWaySite(servers);
  ClosOf(site).tiers = 2;
  return site;
}

}  // namespace

TEST(ANetworkOfOneSite, IsItsFabric) {
  const ClosTopology fabric(EightWaySite(64));
  const Network network(fabric.site());
  ASSERT_EQ(network.links(), fabric.links());
  ASSERT_EQ(network.accelerators(), fabric.accelerators());
  for (int link = 0; link < fabric.links(); ++link) {
    EXPECT_EQ(network.tier({link}), fabric.tier({link}));
    EXPECT_EQ(network.capacity({link}), fabric.capacity({link}));
  }
  std::vector<LinkIndex> a, b;
  network.AppendRoute({3}, {500}, a);
  fabric.AppendRoute({3}, {500}, 0, b);
  EXPECT_EQ(a, b);
  EXPECT_EQ(network.Latency({3}, {500}), fabric.Latency({3}, {500}));
}

TEST(ARouteBetweenSites, GoesUpOverTheLinkAndDown) {
  const Network network({TwoTiers(8), EightWaySite(64)}, {WanOf(0, 1)});
  const AcceleratorIndex here = network.accelerator({0}, 5);
  const AcceleratorIndex there = network.accelerator({1}, 77);
  EXPECT_EQ(TiersOf(network, here, there),
            (std::vector<std::string>{"nic", "leaf", "wan", "spine", "leaf", "nic"}));
  EXPECT_EQ(TiersOf(network, there, here),
            (std::vector<std::string>{"nic", "leaf", "spine", "wan", "leaf", "nic"}));
  // Two hops on the one side, three on the other, 500 ns each, and the fibre.
  EXPECT_NEAR(network.Latency(here, there).si(), 5 * 500e-9 + 2e-3, 1e-12);
}

TEST(ARouteBetweenSites, TakesEachDirectionOfTheLink) {
  const Network network({TwoTiers(8), TwoTiers(8)}, {WanOf(1, 0)});
  EXPECT_NE(network.wan_link({0}, {0}), network.wan_link({0}, {1}));
  std::vector<LinkIndex> out, back;
  network.AppendRoute(network.accelerator({0}, 0), network.accelerator({1}, 0), out);
  network.AppendRoute(network.accelerator({1}, 0), network.accelerator({0}, 0), back);
  EXPECT_EQ(out[2], network.wan_link({0}, {0}));
  EXPECT_EQ(back[2], network.wan_link({0}, {1}));
  EXPECT_EQ(network.capacity(out[2]), BytesPerSecond(12e9));
  for (const LinkIndex link : out) {
    EXPECT_EQ(std::count(back.begin(), back.end(), link), 0);
  }
}

TEST(ARouteBetweenSites, IsOfLinksThatBelongTogetherUnderEcmp) {
  const SiteSpec site = UnevenPods(Routing::kEcmp);
  const Network network({site, site}, {WanOf(0, 1)});
  const Topology& fabric = network.fabric({0});
  for (int a = 0; a < fabric.accelerators(); a += 501) {
    std::vector<LinkIndex> route;
    network.AppendRoute({a}, network.accelerator({1}, fabric.accelerators() - 1 - a), route);
    ASSERT_EQ(route.size(), 7U);
    const std::string leaf = fabric.name(route[1]);
    const std::string spine = fabric.name(route[2]);
    const std::string reached = leaf.substr(leaf.find("spine["));
    EXPECT_EQ(spine.find("spine_up" + reached.substr(5, reached.find(']') - 4)), 0U)
        << leaf << " " << spine;
  }
}

TEST(ANetwork, FindsNoLinkWhereThereIsNone) {
  const Network network({TwoTiers(8), TwoTiers(8), TwoTiers(8)}, {WanOf(0, 1)});
  EXPECT_EQ(network.wan_way({1}, {0}), std::vector<WanIndex>{{0}});
  EXPECT_TRUE(network.wan_way({0}, {2}).empty());
}

// Of a chain a - b - c traffic from a to c takes both links, and pays for the light in both.
TEST(ARouteBetweenSites, PassesASiteBetweenThem) {
  const Network network({TwoTiers(8), TwoTiers(8), TwoTiers(8)}, {WanOf(0, 1), WanOf(2, 1)});
  std::vector<LinkIndex> route;
  ASSERT_TRUE(network.AppendRoute(network.accelerator({0}, 0), network.accelerator({2}, 0), route));
  std::vector<std::string> wide;
  for (const LinkIndex link : route) {
    if (network.name(link).starts_with("wan")) {
      wide.push_back(network.name(link));
    }
  }
  EXPECT_EQ(wide, (std::vector<std::string>{"wan[0]", "wan[1] back"}));
  EXPECT_DOUBLE_EQ(network.WanLatency({0}, {2}).si(), 2 * WanOf(0, 1).latency.si());
}

// A way of two links counts as half of its narrowest one.
TEST(TheWayBetweenSites, IsTheWidestForItsLinks) {
  const auto wan = [](int from, int to, double gbps, double km) {
    WanSpec spec = WanOf(from, to);
    spec.bandwidth = BytesPerSecond(gbps * 1e9 / 8);
    spec.latency = Seconds(km * 4.9e-6);
    return spec;
  };
  const auto way = [&](double direct, double far) {
    return WanWay({wan(0, 1, 100, 10), wan(1, 2, 100, 10), wan(0, 2, direct, far)}, {0}, {2});
  };
  const std::vector<WanIndex> straight = {{2}};
  const std::vector<WanIndex> round = {{0}, {1}};
  EXPECT_EQ(way(1, 10), round);
  EXPECT_EQ(way(49, 10), round);
  EXPECT_EQ(way(51, 10), straight);
  EXPECT_EQ(way(50, 10), straight) << "counts the same, and is shorter";
  EXPECT_EQ(way(50, 30), round) << "counts the same, and is longer";
  EXPECT_TRUE(WanWay({wan(0, 1, 100, 10)}, {0}, {2}).empty());
  EXPECT_TRUE(WanWay({wan(0, 1, 100, 10)}, {1}, {1}).empty());
}

TEST(ANetwork, RefusesTwoLinksBetweenTheSameSites) {
  const std::vector<SiteSpec> sites = {TwoTiers(8), TwoTiers(8)};
  EXPECT_THROW(Network(sites, {WanOf(0, 1), WanOf(1, 0)}), UserError);
}

}  // namespace gridlock
