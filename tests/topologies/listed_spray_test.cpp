// A flow that a graph spreads is spread over all its shortest ways, evenly, and over those that are
// left where some have failed.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/topologies/router_sites.h"
#include "topologies/listed/topology.h"
#include "topologies/network.h"

namespace gridlock {
namespace {

SiteSpec ListedSite(SiteSpec site, RouteGraph graph) {
  ListedSpec listed;
  listed.path = "site[0].fabric.listed";
  listed.file = "net.graphml";
  listed.graph = std::make_shared<const RouteGraph>(std::move(graph));
  site.server.direct = listed.direct();
  site.fabric = listed;
  return site;
}

// Two servers of one accelerator under a leaf each, and so many spines between the leaves.
SiteSpec SpinesSite(int spines) {
  SiteSpec site = EightWaySite(2);
  site.server.accelerators = 1;
  site.server.nics = 1;
  RouteGraph graph;
  graph.sprayed = true;
  for (const std::int32_t server : {0, 1}) {
    graph.nodes.push_back({fmt::format("a{}", server), RouteGraph::kAccelerator, {server}});
  }
  graph.nodes.push_back({"leaf0", "leaf"});
  graph.nodes.push_back({"leaf1", "leaf"});
  const auto join = [&graph](std::int32_t a, std::int32_t b, const std::string& tier) {
    for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
      graph.edges.push_back({fmt::format("{}->{}", graph.nodes[from].id, graph.nodes[to].id), from,
                             to, tier, BytesPerSecond(50e9)});
    }
  };
  join(0, 2, "nic");
  join(1, 3, "nic");
  for (int s = 0; s < spines; ++s) {
    graph.nodes.push_back({fmt::format("spine{}", s), "spine"});
    join(2, 4 + s, "up");
    join(3, 4 + s, "up");
  }
  return ListedSite(site, std::move(graph));
}

std::map<std::string, std::int32_t> SharesOf(const Network& network, AcceleratorIndex from,
                                             AcceleratorIndex to) {
  std::vector<LinkShare> shares;
  EXPECT_TRUE(network.AppendShares(from, to, {}, shares));
  std::map<std::string, std::int32_t> parts;
  for (const LinkShare& share : shares) {
    parts[network.name(share.link)] += share.parts;
  }
  return parts;
}

TEST(AListedGraphThatSprays, GivesEachOfItsWaysAnEvenShare) {
  const Network network(SpinesSite(12));
  const auto shares = SharesOf(network, {0}, {1});
  EXPECT_EQ(shares.size(), 2U + 2 * 12);
  EXPECT_EQ(shares.at("a0->leaf0"), network.parts());
  EXPECT_EQ(shares.at("leaf1->a1"), network.parts());
  for (int s = 0; s < 12; ++s) {
    EXPECT_EQ(shares.at(fmt::format("leaf0->spine{}", s)), network.parts() / 12);
    EXPECT_EQ(shares.at(fmt::format("spine{}->leaf1", s)), network.parts() / 12);
  }
}

TEST(AListedGraphThatSprays, TakesSixtyFourOfManyWays) {
  const auto shares = SharesOf(Network(SpinesSite(200)), {0}, {1});
  EXPECT_EQ(shares.size(), 2U + 2 * 64);
}

TEST(AListedGraphThatSprays, SpreadsOverTheWaysThatAreLeft) {
  SiteSpec site = SpinesSite(12);
  site.failed = {"spine3", "spine7"};
  const Network network(site);
  const auto shares = SharesOf(network, {0}, {1});
  EXPECT_EQ(shares.size(), 2U + 2 * 10);
  EXPECT_EQ(shares.at("leaf0->spine0"), network.parts() / 10);
  EXPECT_EQ(shares.count("leaf0->spine3"), 0U);
}

// What --graphml writes of a network that sprays has its shares, link by link.
TEST(AListedGraphThatSprays, SharesLinksAsTheNetworkThatItIsOf) {
  const RouterRouting minimal{Paths::kMinimal, Routing::kSpray};
  for (const SiteSpec& site : {HyperXSite({4, 4}, minimal), HyperXSite({3, 2, 3}, minimal),
                               SlimFlySite(5, minimal), DragonflySite(5, 4, 8, minimal, 4)}) {
    const Network built(site);
    const Network listed(ListedSite(site, MakeTopology(site)->route_graph()));
    ASSERT_EQ(listed.parts() % built.parts(), 0);
    const std::int32_t times = listed.parts() / built.parts();
    for (int to = 8; to < built.accelerators(); to += 40) {
      auto shares = SharesOf(built, {0}, {to});
      for (auto& [name, parts] : shares) {
        parts *= times;
      }
      EXPECT_EQ(SharesOf(listed, {0}, {to}), shares) << TitleOf(site.fabric) << " to " << to;
      EXPECT_NEAR(listed.Latency({0}, {to}).si(), built.Latency({0}, {to}).si(), 1e-15);
    }
  }
}

}  // namespace
}  // namespace gridlock
