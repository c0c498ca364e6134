// Routes: by hand, against Boost's Dijkstra on the written-out graph, and by their statistics.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/clos_of.h"
#include "tests/topologies/sites.h"
#include "topologies/clos/topology.h"
#include "topologies/graph.h"
#include "topologies/graph_bgl.h"

namespace gridlock {
namespace {

using ::testing::ElementsAre;

// Vertices that a link may leave from and arrive at, read from its name. A bundle has several.
struct Ends {
  std::set<int> from, to;
};

std::set<int> Vertices(const FabricGraph& graph, int kind, int first, int count) {
  std::set<int> vertices;
  for (int i = first; i < first + count; ++i) {
    vertices.insert(graph.vertex(kind, i));
  }
  return vertices;
}

// Ends of the way up, given the numbers in a link's name; `far` is -1 for a bundle.
Ends UpEnds(const ClosTopology& fabric, const FabricGraph& graph, const std::string& family,
            int near, int far) {
  const int spines = fabric.spines_per_pod();
  const auto one = [&](int kind, int index) {
    return Vertices(graph, kind, index, 1);
  };
  if (family == "nic") {
    return {one(ClosNodes::kNic, near), one(ClosNodes::kLeaf, fabric.leaf_of_nic(near))};
  }
  if (family == "leaf") {
    const int first = fabric.pod_of_leaf(near) * spines;
    return {one(ClosNodes::kLeaf, near), far >= 0
                                             ? one(ClosNodes::kSpine, far)
                                             : Vertices(graph, ClosNodes::kSpine, first, spines)};
  }
  if (far >= 0) {
    return {one(ClosNodes::kSpine, near), one(ClosNodes::kCore, far)};
  }
  return {Vertices(graph, ClosNodes::kSpine, near * spines, spines),
          Vertices(graph, ClosNodes::kCore, 0, fabric.cores())};
}

Ends EndsOf(const ClosTopology& fabric, const FabricGraph& graph, LinkIndex link) {
  const std::string name = fabric.name(link);
  const std::string head = name.substr(0, name.find('['));
  int near = -1;
  int far = -1;
  std::sscanf(name.c_str() + head.size(), "[%d]", &near);
  if (const auto second = name.find('[', head.size() + 1); second != std::string::npos) {
    std::sscanf(name.c_str() + second, "[%d]", &far);
  }
  if (head == "scale_up_out" || head == "scale_up_in") {
    const int server = fabric.server_of({near});
    Ends out{Vertices(graph, ClosNodes::kAccelerator, near, 1),
             Vertices(graph, ClosNodes::kScaleUpSwitch, server, 1)};
    return head == "scale_up_out" ? out : Ends{out.to, out.from};
  }
  const auto split = head.find('_');
  const Ends up = UpEnds(fabric, graph, head.substr(0, split), near, far);
  return head.substr(split) == "_up" ? up : Ends{up.to, up.from};
}

// Vertices that can be reached by walking a route link by link along edges of the graph.
std::set<int> Walk(const ClosTopology& fabric, const FabricGraph& graph, const std::set<int>& start,
                   const std::vector<LinkIndex>& route) {
  const auto& bgl = graph.bgl().graph;
  std::set<int> here = start;
  for (const LinkIndex link : route) {
    const Ends ends = EndsOf(fabric, graph, link);
    std::set<int> next;
    for (const int vertex : here) {
      if (!ends.from.contains(vertex)) {
        continue;
      }
      for (const auto neighbour : boost::make_iterator_range(
               boost::adjacent_vertices(static_cast<std::size_t>(vertex), bgl))) {
        if (ends.to.contains(static_cast<int>(neighbour))) {
          next.insert(static_cast<int>(neighbour));
        }
      }
    }
    here = std::move(next);
  }
  return here;
}

std::vector<int> DijkstraHops(const FabricGraph& graph, int from) {
  const auto& bgl = graph.bgl().graph;
  std::vector<int> hops(static_cast<std::size_t>(graph.vertices()));
  boost::dijkstra_shortest_paths(
      bgl, boost::vertex(static_cast<std::size_t>(from), bgl),
      boost::weight_map(boost::static_property_map<int>(1)).distance_map(hops.data()));
  return hops;
}

struct Pair {
  int from, to;
};

Pair RandomPair(int accelerators) {
  const int from = *rc::gen::inRange(0, accelerators);
  const int to = *rc::gen::inRange(0, accelerators - 1);
  return {from, to < from ? to : to + 1};
}

TEST(MixHash, IsSplitmix64) {
  // First outputs of S. Vigna's splitmix64.c from the state 0.
  EXPECT_EQ(MixHash(0), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(MixHash(0x9e3779b97f4a7c15ULL), 0x6e789e6aa1b965f4ULL);
}

TEST(Route, StaysInsideTheScaleUpDomainWhenItCan) {
  const ClosTopology fabric(EightWaySite(64));
  EXPECT_THAT(RouteNames(fabric, 9, 14), ElementsAre("scale_up_out[9]", "scale_up_in[14]"));
}

TEST(Route, ClimbsNoHigherThanItMust) {
  SiteSpec site = EightWaySite(64);  // 16 leaves of 32 accelerators
  ClosOf(site).leaves_per_pod = 4;
  const ClosTopology fabric(site);
  EXPECT_THAT(RouteNames(fabric, 0, 9), ElementsAre("nic_up[0]", "nic_down[9]"));
  EXPECT_THAT(RouteNames(fabric, 0, 33),
              ElementsAre("nic_up[0]", "leaf_up[0]", "leaf_down[1]", "nic_down[33]"));
  EXPECT_THAT(RouteNames(fabric, 0, 511),
              ElementsAre("nic_up[0]", "leaf_up[0]", "spine_up[0]", "spine_down[3]",
                          "leaf_down[15]", "nic_down[511]"));
}

TEST(Route, BetweenRailsOfAGroupCrossesASpine) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).rail_optimized = true;
  ClosOf(site).servers_per_leaf = 32;
  const ClosTopology fabric(site);
  EXPECT_THAT(RouteNames(fabric, 0, 8), ElementsAre("nic_up[0]", "nic_down[8]"));
  EXPECT_THAT(RouteNames(fabric, 0, 9),
              ElementsAre("nic_up[0]", "leaf_up[0]", "leaf_down[1]", "nic_down[9]"));
}

TEST(Route, OverASharedNicNamesTheNic) {
  SiteSpec site = EightWaySite(4);
  site.server.nics = 2;
  const ClosTopology fabric(site);
  EXPECT_THAT(RouteNames(fabric, 3, 8 + 4), ElementsAre("nic_up[0]", "nic_down[3]"));
}

TEST(Route, IsAppendedBehindWhatIsThere) {
  const ClosTopology fabric(EightWaySite(64));
  std::vector<LinkIndex> route = {{7}};
  fabric.AppendRoute({0}, {1}, 0, route);
  EXPECT_THAT(route, ElementsAre(LinkIndex{7}, LinkIndex{0}, LinkIndex{513}));
}

TEST(Latency, CountsTheSwitchesOnTheWay) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).leaves_per_pod = 4;
  ClosOf(site).leaf.latency = Seconds(1);
  ClosOf(site).spine.latency = Seconds(10);
  ClosOf(site).core.latency = Seconds(100);
  const ClosTopology fabric(site);
  EXPECT_EQ(fabric.Latency({0}, {1}).si(), 0.0);  // the collective fit has it
  EXPECT_EQ(fabric.Latency({0}, {9}).si(), 1.0);
  EXPECT_EQ(fabric.Latency({0}, {33}).si(), 12.0);
  EXPECT_EQ(fabric.Latency({0}, {511}).si(), 122.0);
}

RC_GTEST_PROP(RouteLaws, HopsAreThoseOfDijkstra, ()) {
  const ClosTopology fabric(RandomSite(*rc::gen::arbitrary<std::uint64_t>()));
  RC_PRE(fabric.accelerators() > 1);
  const FabricGraph graph = MakeGraph(fabric);
  const int from = *rc::gen::inRange(0, fabric.accelerators());
  const std::vector<int> hops = DijkstraHops(graph, from);
  std::vector<LinkIndex> route;
  for (int to = 0; to < fabric.accelerators(); ++to) {
    if (to == from) {
      continue;
    }
    route.clear();
    fabric.AppendRoute({from}, {to}, MixHash(static_cast<std::uint64_t>(to)), route);
    const bool inside = fabric.same_domain({from}, {to});
    // The graph also counts the way between accelerator and NIC at both ends.
    RC_ASSERT(static_cast<int>(route.size()) + (inside ? 0 : 2) ==
              hops[static_cast<std::size_t>(to)]);
  }
}

RC_GTEST_PROP(RouteLaws, EveryRouteIsAPathOfTheGraph, ()) {
  const ClosTopology fabric(RandomSite(*rc::gen::arbitrary<std::uint64_t>()));
  const FabricGraph graph = MakeGraph(fabric);
  for (int i = 0; i < 20; ++i) {
    const Pair pair = RandomPair(fabric.accelerators());
    std::vector<LinkIndex> route;
    fabric.AppendRoute({pair.from}, {pair.to}, *rc::gen::arbitrary<std::uint64_t>(), route);
    const bool inside = fabric.same_domain({pair.from}, {pair.to});
    const int kind = inside ? ClosNodes::kAccelerator : ClosNodes::kNic;
    const int start = inside ? pair.from : fabric.nic_of({pair.from});
    const int end = inside ? pair.to : fabric.nic_of({pair.to});
    RC_ASSERT(Walk(fabric, graph, Vertices(graph, kind, start, 1), route) ==
              Vertices(graph, kind, end, 1));
  }
}

RC_GTEST_PROP(RouteLaws, TheSameHashTakesTheSameRoute, (std::uint64_t hash)) {
  const ClosTopology fabric(UnevenPods(Routing::kEcmp));
  const Pair pair = RandomPair(fabric.accelerators());
  const ClosTopology again(UnevenPods(Routing::kEcmp));
  RC_ASSERT(RouteNames(fabric, pair.from, pair.to, hash) ==
            RouteNames(again, pair.from, pair.to, hash));
}

RC_GTEST_PROP(RouteLaws, SprayingDoesNotLookAtTheHash, (std::uint64_t hash)) {
  const ClosTopology fabric(UnevenPods(Routing::kSpray));
  const Pair pair = RandomPair(fabric.accelerators());
  RC_ASSERT(RouteNames(fabric, pair.from, pair.to, hash) ==
            RouteNames(fabric, pair.from, pair.to, 0));
}

// Sum of (observed - expected)^2 / expected; about `cells` on average for an even spread, with a
// standard deviation of sqrt(2 cells).
double ChiSquare(const std::vector<int>& observed) {
  double total = 0.0;
  for (const int count : observed) {
    total += count;
  }
  const double expected = total / static_cast<double>(observed.size());
  double sum = 0.0;
  for (const int count : observed) {
    sum += (count - expected) * (count - expected) / expected;
  }
  return sum;
}

// Five standard deviations above the mean.
double LooseBound(std::size_t cells) {
  const auto n = static_cast<double>(cells);
  return n + 5.0 * std::sqrt(2.0 * n);
}

class EcmpSpread : public ::testing::Test {
 protected:
  // How often each link at `position` of the route was taken, by its offset from the lowest one.
  std::vector<int> Counts(std::size_t position, int links, int flows) const {
    std::vector<int> taken;
    for (int flow = 0; flow < flows; ++flow) {
      std::vector<LinkIndex> route;
      fabric_.AppendRoute({0}, {16383}, static_cast<std::uint64_t>(flow), route);
      taken.push_back(route.at(position).value);
    }
    const int lowest = *std::min_element(taken.begin(), taken.end());
    std::vector<int> counts(static_cast<std::size_t>(links));
    for (const int link : taken) {
      ++counts.at(static_cast<std::size_t>(link - lowest));
    }
    return counts;
  }

  const ClosTopology fabric_{UnevenPods(Routing::kEcmp)};
};

TEST_F(EcmpSpread, IsEvenOverTheUplinksOfALeaf) {
  const std::vector<int> counts = Counts(1, 32, 32 * 500);
  EXPECT_LT(ChiSquare(counts), LooseBound(counts.size()));
}

TEST_F(EcmpSpread, IsEvenOverTheUplinksOfAPod) {
  const std::vector<int> counts = Counts(2, 16 * 55, 16 * 55 * 100);
  EXPECT_LT(ChiSquare(counts), LooseBound(counts.size()));
}

TEST_F(EcmpSpread, IsEvenOverTheDownlinksOfALeaf) {
  const std::vector<int> counts = Counts(4, 32, 32 * 500);
  EXPECT_LT(ChiSquare(counts), LooseBound(counts.size()));
}

// Two links lead to each spine. Which one goes up must not decide which one comes down, else half
// of the pairs would never be used.
TEST_F(EcmpSpread, PicksTheWayDownIndependentlyOfTheWayUp) {
  std::vector<int> counts(4);
  for (std::uint64_t flow = 0; flow < 4000; ++flow) {
    const std::vector<std::string> names = RouteNames(fabric_, 0, 16383, flow);
    const int up = names[1].back() - '0';
    const int down = names[4].back() - '0';
    ++counts.at(static_cast<std::size_t>(2 * up + down));
  }
  EXPECT_LT(ChiSquare(counts), LooseBound(counts.size()));
}

TEST_F(EcmpSpread, IsNotSoEvenThatCollisionsVanish) {
  // 32 flows on 32 links: 1 - (31/32)^32 = 64 % of the links are expected to be hit.
  const std::vector<int> counts = Counts(1, 32, 32);
  const auto hit = 32 - std::count(counts.begin(), counts.end(), 0);
  EXPECT_GE(hit, 13);
  EXPECT_LE(hit, 28);
}

TEST_F(EcmpSpread, ComesDownOnTheSpineItWentUp) {
  for (std::uint64_t flow = 0; flow < 200; ++flow) {
    const std::vector<std::string> names = RouteNames(fabric_, 0, 3071, flow);  // inside pod 0
    ASSERT_EQ(names.size(), 4U);
    const std::string up = names[1].substr(names[1].find("spine"));
    const std::string down = names[2].substr(names[2].find("spine"));
    EXPECT_EQ(up.substr(0, up.find('#')), down.substr(0, down.find('#')));
  }
}

}  // namespace
}  // namespace gridlock
