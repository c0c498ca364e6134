// Dragonflies, Jellyfish and slim flies: counts and diameters in closed form, ways against a search
// on the written-out graph, parts of flows that add up, and what does not fit together.

#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/topologies/router_sites.h"
#include "tests/topologies/sites.h"
#include "topologies/network.h"
#include "topologies/slimfly/field.h"

namespace gridlock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EveryRouterNetwork : public ::testing::TestWithParam<SiteSpec> {
 protected:
  EveryRouterNetwork() : network_(MakeRouters(GetParam())) {}

  // Calls visit(from, to) for the first accelerators of servers on different routers, some of them.
  template <typename Visit>
  void ForSomePairs(const Visit& visit) const {
    const int step = std::max(1, network_->servers() / 40);
    for (int from = 0; from < network_->servers(); from += step) {
      for (int to = 0; to < network_->servers(); to += step) {
        const AcceleratorIndex a{from * 8};
        const AcceleratorIndex b{to * 8};
        if (network_->router_of(a) != network_->router_of(b)) {
          visit(a, b);
        }
      }
    }
  }

  std::unique_ptr<const RouterTopology> network_;
};

// At every router as many parts leave as arrive, and all of them leave the sender.
TEST_P(EveryRouterNetwork, KeepsAllPartsOfAFlow) {
  EXPECT_TRUE(Connected(MakeGraph(*network_)));
  std::map<int, std::pair<int, int>> ends;  // routers of a link
  for (int from = 0; from < network_->routers(); ++from) {
    for (const int to : network_->NeighboursOf(from)) {
      EXPECT_TRUE(ends.emplace(network_->LinkBetween(from, to).value, std::pair(from, to)).second);
    }
  }
  const std::vector<double> load(static_cast<std::size_t>(network_->links()));
  ForSomePairs([&](AcceleratorIndex from, AcceleratorIndex to) {
    std::vector<LinkShare> shares;
    network_->AppendShares(from, to, MixHash(from.value * 1000 + to.value), load, shares);
    std::map<int, int> balance;
    for (const LinkShare& share : shares) {
      EXPECT_GT(share.parts, 0);
      if (const auto link = ends.find(share.link.value); link != ends.end()) {
        balance[link->second.first] -= share.parts;
        balance[link->second.second] += share.parts;
      } else {
        EXPECT_EQ(network_->tier(share.link), TierTable::kNic);
        EXPECT_EQ(share.parts, network_->parts());
      }
    }
    for (const auto& [router, parts] : balance) {
      const int expected = router == network_->router_of(from) ? -network_->parts()
                           : router == network_->router_of(to) ? network_->parts()
                                                               : 0;
      EXPECT_EQ(parts, expected);
    }
  });
}

TEST_P(EveryRouterNetwork, NamesItsLinksAndKeepsToItsPorts) {
  std::set<std::string> names;
  for (LinkIndex link{0}; link.value < network_->links(); ++link.value) {
    EXPECT_TRUE(names.insert(network_->name(link)).second);
    EXPECT_GT(network_->capacity(link).si(), 0);
  }
  std::vector<int> ports(static_cast<std::size_t>(network_->routers()));
  for (const RouterGraph::Cable& cable : network_->graph().cables) {
    ports[cable.a] += cable.parallel;
    ports[cable.b] += cable.parallel;
  }
  for (const int host : network_->graph().hosts) {
    ports[host] += network_->graph().servers_per_router * 8;
  }
  for (const int taken : ports) {
    EXPECT_LE(taken, 64);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Networks, EveryRouterNetwork,
    ::testing::Values(DragonflySite(9, 4, 2), DragonflySite(9, 4, 2, kMinimalEcmp),
                      DragonflySite(5, 4, 3), DragonflySite(5, 4, 3, kValiantSpray),
                      DragonflySite(6, 3, 4, kValiantEcmp), DragonflySite(9, 4, 2, kUgal),
                      DragonflySite(5, 4, 4, kAdaptive), DragonflySite(2, 3, 1, kValiantSpray),
                      DragonflySite(1, 4, 0), DragonflySite(5, 4, 2, {}, 4),
                      DragonflySite(7, 3, 4, kValiantSpray, 3),
                      DragonflySite(5, 4, 2, kValiantEcmp, 4), DragonflySite(5, 4, 4, kUgal, 2),
                      JellyfishSite(40, 5), JellyfishSite(40, 5, 3, kMinimalEcmp),
                      JellyfishSite(31, 4, 2, kValiantSpray), JellyfishSite(64, 12, 2, kUgal),
                      JellyfishSite(33, 3, 2, kAdaptive), JellyfishSite(2, 1), SlimFlySite(5),
                      SlimFlySite(4, kMinimalEcmp), SlimFlySite(5, kValiantSpray),
                      SlimFlySite(7, kUgal), SlimFlySite(3, kAdaptive), HyperXSite({4, 3}, {}),
                      HyperXSite({3, 2, 3}, {}), HyperXSite({4, 4}, kMinimalEcmp),
                      HyperXSite({3, 4}, kValiantSpray), HyperXSite({8}, kUgal),
                      HyperXSite({4, 4}, kAdaptive)));

// A search that passes at most one link of a tier; -1: without a limit.
int ShortestWith(const RouterTopology& network, int from, int to, int limited_tier) {
  std::map<std::pair<int, bool>, int> hops{{{from, false}, 0}};
  std::queue<std::pair<int, bool>> queue({{from, false}});
  while (!queue.empty()) {
    const auto [router, used] = queue.front();
    queue.pop();
    if (router == to) {
      return hops[{router, used}];
    }
    for (const int next : network.NeighboursOf(router)) {
      const bool limited = network.tier(network.LinkBetween(router, next)).value ==
                           TierTable::kFirstOwn.value + limited_tier;
      const std::pair state(next, used || limited);
      if (!(used && limited) && hops.emplace(state, hops[{router, used}] + 1).second) {
        queue.push(state);
      }
    }
  }
  return -1;
}

TEST(ADragonfly, HasAllPairsOfGroupsJoinedByEquallyManyLinks) {
  for (const auto& [groups, routers, global] :
       {std::tuple(9, 4, 2), std::tuple(5, 4, 3), std::tuple(4, 3, 4), std::tuple(33, 8, 4)}) {
    const DragonflyTopology network(DragonflySite(groups, routers, global));
    const int between = routers * global / (groups - 1);
    EXPECT_EQ(network.links_between_groups(), between);
    std::map<std::pair<int, int>, int> joined;
    std::map<int, int> global_ports;
    std::int64_t local = 0;
    for (const RouterGraph::Cable& cable : network.graph().cables) {
      const std::pair pair(network.group_of(cable.a), network.group_of(cable.b));
      if (pair.first == pair.second) {
        local += cable.parallel;
        continue;
      }
      joined[pair] += cable.parallel;
      global_ports[cable.a] += cable.parallel;
      global_ports[cable.b] += cable.parallel;
    }
    EXPECT_EQ(local, groups * routers * (routers - 1) / 2);
    EXPECT_EQ(joined.size(), static_cast<std::size_t>(groups * (groups - 1) / 2));
    for (const auto& [pair, links] : joined) {
      EXPECT_EQ(links, between);
    }
    for (const auto& [router, ports] : global_ports) {
      EXPECT_LE(ports, global);
    }
  }
}

TEST(ADragonfly, GoesMinimallyOverOneGlobalLinkAndNoShorterWayHasOne) {
  for (const SiteSpec& site : {DragonflySite(9, 4, 2), DragonflySite(5, 4, 3),
                               DragonflySite(5, 4, 2, {}, 4), DragonflySite(4, 3, 4, {}, 3)}) {
    const DragonflyTopology network(site);
    const std::vector<int>& hosts = network.graph().hosts;
    for (const int from : hosts) {
      for (const int to : hosts) {
        if (from == to) {
          continue;
        }
        std::size_t shortest = 99;
        for (const Way& way : network.WaysOf(from, to, 0)) {
          shortest = std::min(shortest, way.size() - 1);
          EXPECT_LE(way.size(), 4U);
        }
        EXPECT_EQ(static_cast<int>(shortest), ShortestWith(network, from, to, 1));
      }
    }
  }
}

// One link between each two groups: a Valiant flow takes the 7 groups between evenly, one global
// link out of its own group to each, and one into the goal's from each.
TEST(ADragonfly, SpreadsValiantFlowsOverAllGroups) {
  const DragonflyTopology network(DragonflySite(9, 4, 2, kValiantSpray));
  EXPECT_EQ(network.parts(), 7);
  std::vector<LinkShare> shares;
  const AcceleratorIndex to{3 * 4 * 2 * 8};  // in group 3
  network.AppendShares({0}, to, 0, {}, shares);
  std::map<std::pair<int, int>, int> global;
  for (const LinkShare& share : shares) {
    for (const RouterGraph::Cable& cable : network.graph().cables) {
      for (const auto& [a, b] : {std::pair(cable.a, cable.b), std::pair(cable.b, cable.a)}) {
        if (network.LinkBetween(a, b) == share.link && network.group_of(a) != network.group_of(b)) {
          global[{network.group_of(a), network.group_of(b)}] += share.parts;
        }
      }
    }
  }
  EXPECT_EQ(global.size(), 14U);
  for (const auto& [pair, parts] : global) {
    EXPECT_EQ(parts, 1);
    EXPECT_TRUE(pair.first == 0 || pair.second == 3);
  }
}

TEST(ADragonfly, IsCutBetweenItsGroupsInClosedForm) {
  const DragonflyTopology network(DragonflySite(8, 4, 2));  // one link for each pair, one port free
  const CutBound cut = BestKnownCut(network.cut_problem());
  EXPECT_DOUBLE_EQ(cut.best.bandwidth.si(), 4 * 4 * kNic400);
  EXPECT_THAT(network.facts(), ::testing::Contains(HasSubstr("16 links, 800 GB/s")));
  EXPECT_THAT(network.facts(), ::testing::Contains(HasSubstr("1 global ports of each group")));
}

// The load of the direct global link sends flows round by another group, and back when that is
// full.
TEST(Ugal, TakesADetourWhereTheShortestWayIsLoaded) {
  const DragonflyTopology network(DragonflySite(9, 4, 2, kUgal));
  const int from = 0;
  const int to = network.group_size() * 4;
  std::vector<double> load(static_cast<std::size_t>(network.links()));
  const std::vector<Way> idle = network.WaysOf(from, to, 5, load);
  const auto [exit, entry] = network.GlobalLink(0, 4, 0);
  load[network.LinkBetween(exit, entry).value] = 10;
  const std::vector<Way> loaded = network.WaysOf(from, to, 5, load);
  ASSERT_EQ(idle.size(), 1U);
  ASSERT_EQ(loaded.size(), 1U);
  EXPECT_EQ(static_cast<int>(idle[0].size()) - 1, ShortestWith(network, from, to, 1));
  std::set<int> groups;
  for (const int router : loaded[0]) {
    groups.insert(network.group_of(router));
  }
  EXPECT_EQ(groups.size(), 3U);
  for (LinkIndex link{0}; link.value < network.links(); ++link.value) {
    load[link.value] = 10;
  }
  EXPECT_EQ(network.WaysOf(from, to, 5, load), idle);
}

TEST(AdaptiveRouting, FillsTheShortestWaysEvenly) {
  const DragonflyTopology network(DragonflySite(5, 4, 4, kAdaptive));  // four links for each pair
  std::vector<double> load(static_cast<std::size_t>(network.links()));
  std::map<int, int> flows;
  for (int flow = 0; flow < 40; ++flow) {
    std::vector<LinkShare> shares;
    network.AppendShares({0}, {4 * 2 * 8}, MixHash(flow), load, shares);
    for (const LinkShare& share : shares) {
      load[share.link.value] += share.parts;
      flows[share.link.value] += network.tier(share.link).value == TierTable::kFirstOwn.value + 1;
    }
  }
  std::erase_if(flows, [](const auto& each) {
    return each.second == 0;
  });
  EXPECT_EQ(flows.size(), 4U);
  for (const auto& [link, count] : flows) {
    EXPECT_EQ(count, 10);
  }
}

TEST(EcmpOnADragonfly, PicksEachOfTheGlobalLinksForSomeFlows) {
  const DragonflyTopology network(DragonflySite(5, 4, 4, kMinimalEcmp));
  std::set<Way> ways;
  for (std::uint64_t flow = 0; flow < 100; ++flow) {
    const std::vector<Way> way = network.WaysOf(0, 4, MixHash(flow));
    ASSERT_EQ(way.size(), 1U);
    ways.insert(way[0]);
  }
  EXPECT_EQ(ways.size(), 4U);
}

// 2 q^2 routers of degree (3 q - d) / 2, and diameter 2; q = 5 is the Hoffman-Singleton graph,
// where any two routers that are not joined have exactly one neighbour in common.
TEST(ASlimFly, HasTheDegreeAndDiameterOfItsPaper) {
  for (const auto& [q, delta] :
       {std::pair(3, -1), std::pair(4, 0), std::pair(5, 1), std::pair(7, -1), std::pair(8, 0),
        std::pair(9, 1), std::pair(11, -1), std::pair(13, 1), std::pair(16, 0)}) {
    const SlimFlyTopology network(SlimFlySite(q));
    EXPECT_EQ(network.routers(), 2 * q * q);
    EXPECT_EQ(network.graph().cables.size(), static_cast<std::size_t>(q * q * (3 * q - delta) / 2));
    for (int router = 0; router < network.routers(); ++router) {
      ASSERT_EQ(static_cast<int>(network.NeighboursOf(router).size()), (3 * q - delta) / 2) << q;
    }
    EXPECT_EQ(network.DiameterOfRouters(network.routers()), 2) << q;
  }
  const SlimFlyTopology hoffman_singleton(SlimFlySite(5));
  for (int to = 1; to < 50; ++to) {
    EXPECT_EQ(hoffman_singleton.WaysOf(0, to, 0).size(), 1U);
  }
}

TEST(FiniteFields, AreThoseOfPrimePowers) {
  int fields = 0;
  for (int q = 2; q <= 64; ++q) {
    const std::optional<FiniteField> field = FiniteField::Of(q);
    if (!field) {
      continue;
    }
    ++fields;
    for (int a = 0; a < q; ++a) {
      EXPECT_EQ(field->Add(field->Subtract(0, a), a), 0);
      std::set<int> multiples;
      for (int b = 0; b < q; ++b) {
        multiples.insert(field->Multiply(a, b));
        // (a + 1) b = a b + b
        EXPECT_EQ(field->Multiply(field->Add(a, 1), b), field->Add(field->Multiply(a, b), b));
      }
      EXPECT_EQ(multiples.size(), a == 0 ? 1U : static_cast<std::size_t>(q));
    }
  }
  EXPECT_EQ(fields, 18 + 9);  // primes, and 4 8 9 16 25 27 32 49 64
}

TEST(AJellyfish, IsRegularAndTheSameForTheSameSeed) {
  const JellyfishTopology network(JellyfishSite(60, 7, 5));
  for (int router = 0; router < 60; ++router) {
    EXPECT_EQ(network.NeighboursOf(router).size(), 7U);
  }
  const auto graph_of = [](std::uint64_t seed) {
    const JellyfishTopology other(JellyfishSite(60, 7, seed));
    std::vector<std::pair<int, int>> cables;
    for (const RouterGraph::Cable& cable : other.graph().cables) {
      EXPECT_EQ(cable.parallel, 1);
      cables.emplace_back(cable.a, cable.b);
    }
    return cables;
  };
  EXPECT_EQ(graph_of(5), graph_of(5));
  EXPECT_NE(graph_of(5), graph_of(6));
  // An odd sum of ports leaves one over.
  const JellyfishTopology odd(JellyfishSite(31, 5));
  EXPECT_EQ(odd.graph().cables.size(), 77U);
  // All joined to all.
  const JellyfishTopology full(JellyfishSite(6, 5));
  EXPECT_EQ(full.graph().cables.size(), 15U);
}

TEST(ShortestPathNetworks, RouteAsShortAsASearchOnTheGraph) {
  for (const SiteSpec& site : {JellyfishSite(40, 4), JellyfishSite(40, 4, 2, kMinimalEcmp),
                               SlimFlySite(4), SlimFlySite(5, kMinimalEcmp)}) {
    const auto network = MakeRouters(site);
    const FabricGraph graph = MakeGraph(*network);
    for (int from = 0; from < network->servers(); from += 7) {
      const std::vector<int> hops = HopsOfSearch(graph, from * 8);
      for (int to = 0; to < network->servers(); ++to) {
        if (to == from) {
          continue;
        }
        EXPECT_EQ(static_cast<int>(RouteOf(*network, from * 8, to * 8).size()), hops[to * 8] - 2);
        EXPECT_NEAR(network->Latency({from * 8}, {to * 8}).si(), (hops[to * 8] - 3) * 500e-9,
                    1e-15);
      }
    }
  }
}

TEST(ShortestPathNetworks, SpreadAFlowOverAllItsShortestWaysWhenTheyAreFew) {
  const auto network = MakeRouters(JellyfishSite(40, 5));
  std::set<std::size_t> counts;
  for (int to = 1; to < 40; ++to) {
    const std::vector<Way> ways = network->WaysOf(0, to, 0);
    counts.insert(ways.size());
    EXPECT_LE(ways.size(), 8U);
    if (ways.size() < 8) {
      EXPECT_EQ(std::set<Way>(ways.begin(), ways.end()).size(), ways.size());
    }
  }
  EXPECT_GT(counts.size(), 1U);
}

// Two coordinates differ: half of the flow turns at each corner. Three: a sixth takes each order.
TEST(AHyperX, SpreadsMinimalFlowsOverAllOrdersOfDimensions) {
  const HyperXTopology square(HyperXSite({4, 4}, {}));
  EXPECT_THAT(square.WaysOf(0, 5, 0), ::testing::UnorderedElementsAre(Way{0, 1, 5}, Way{0, 4, 5}));
  EXPECT_THAT(square.WaysOf(0, 3, 0), ElementsAre(Way{0, 3}));
  const HyperXTopology cube(HyperXSite({2, 2, 2}, {}));
  EXPECT_EQ(cube.parts(), 6);
  EXPECT_EQ(cube.WaysOf(0, 7, 0).size(), 6U);
}

TEST(RouterNetworks, RefuseWhatDoesNotFit) {
  EXPECT_EQ(TopologyRefusal(DragonflySite(9, 4, 2)), "accepted");
  EXPECT_EQ(
      TopologyRefusal(DragonflySite(10, 4, 2)),
      "site[0].fabric.dragonfly.global_links: a group has 8 global links and there are 9 "
      "other groups; expected at least one to each, so at most 9 groups or more global_links");
  EXPECT_EQ(TopologyRefusal(DragonflySite(5, 40, 10)),
            "site[0].fabric.dragonfly.router_switch: a router needs 65 ports, 16 to NICs and 49 to "
            "other routers, and router has 64; expected fewer servers_per_router, "
            "routers_per_group or global_links, or a switch with more ports");
  EXPECT_EQ(TopologyRefusal(DragonflySite(5, 60, 10, {}, 4)),
            "site[0].fabric.dragonfly.spine_switch: a spine needs 70 ports, 0 to NICs and 70 to "
            "other routers, and spine has 64; expected fewer routers_per_group, global_links or "
            "local_links, or a switch with more ports");
  SiteSpec site = DragonflySite(9, 4, 2);
  site.servers = 73;
  EXPECT_EQ(TopologyRefusal(site),
            "site[0].servers: 73 servers, and a dragonfly of 9 groups of 4 routers with 2 at each "
            "router has room for 72; expected at most 72, or a larger network");
  EXPECT_THAT(TopologyRefusal(DragonflySite(3, 4, 40, kValiantSpray)),
              HasSubstr("site[0].fabric.dragonfly.routing: a flow has 6400 detours"));
  EXPECT_EQ(TopologyRefusal(JellyfishSite(6, 6)),
            "site[0].fabric.jellyfish.router_links: 6 links of a router to others, and there are 6 "
            "routers; expected 2 to 5");
  EXPECT_EQ(TopologyRefusal(SlimFlySite(6)),
            "site[0].fabric.slimfly.q: there is no slim fly of q 6; expected a prime power from 3 "
            "to 256 that is not 2 modulo 4, such as 5 or 7");
}

TEST(RouterNetworks, NameTheirTiers) {
  const Network network(DragonflySite(9, 4, 2));
  std::vector<std::string> names;
  for (const Tier& tier : network.tiers()) {
    names.push_back(tier.name);
  }
  EXPECT_THAT(names, ElementsAre("scale_up", "nic", "local", "global", "wan", "hbm"));
  EXPECT_EQ(TitleOf(network.fabric(SiteIndex{0}).site().fabric),
            "dragonfly of 9 groups of 4 routers, minimal, spread over all shortest ways");
}

}  // namespace
}  // namespace gridlock
