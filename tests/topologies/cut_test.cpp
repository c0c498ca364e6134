// Cuts: closed forms, a second max-flow on the whole graph, and speed.

#include <cmath>

#include <boost/graph/edmonds_karp_max_flow.hpp>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/clos_of.h"
#include "tests/topologies/sites.h"
#include "topologies/graph.h"
#include "topologies/graph_bgl.h"

namespace gridlock {
namespace {

double BestCut(const SiteSpec& site) {
  return BestKnownCut(ClosTopology(site).cut_problem()).best.bandwidth.si();
}

// Max flow between accelerators before `middle` and those from it on, over every node and edge of
// the graph as it stands: no sums per leaf, no joined cores, another algorithm.
double WholeGraphCut(const FabricGraph& graph, int middle) {
  using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;

  struct Edge {
    double capacity = 0.0;
    double residual = 0.0;
    Traits::edge_descriptor reverse;
  };

  using Flow =
      boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, Edge>;
  const auto& bgl = graph.bgl().graph;
  const auto source = static_cast<std::size_t>(graph.vertices());
  const auto sink = source + 1;
  Flow flow(sink + 1);
  const auto connect = [&](std::size_t a, std::size_t b, double capacity) {
    const auto forth = boost::add_edge(a, b, {capacity, 0, {}}, flow).first;
    const auto back = boost::add_edge(b, a, {0, 0, {}}, flow).first;
    flow[forth].reverse = back;
    flow[back].reverse = forth;
  };
  for (const auto& edge : boost::make_iterator_range(boost::edges(bgl))) {
    // Accelerators of one server on one side may fill their NIC alone: an attachment is no limit.
    const double capacity =
        bgl[edge].kind == ClosCables::kAttachment ? 1e18 : bgl[edge].capacity.si();
    connect(boost::source(edge, bgl), boost::target(edge, bgl), capacity);
    connect(boost::target(edge, bgl), boost::source(edge, bgl), capacity);
  }
  for (int a = 0; a < graph.nodes(ClosNodes::kAccelerator); ++a) {
    const auto vertex = static_cast<std::size_t>(a);
    a < middle ? connect(source, vertex, 1e18) : connect(vertex, sink, 1e18);
  }
  return boost::edmonds_karp_max_flow(flow, source, sink,
                                      boost::capacity_map(boost::get(&Edge::capacity, flow))
                                          .residual_capacity_map(boost::get(&Edge::residual, flow))
                                          .reverse_edge_map(boost::get(&Edge::reverse, flow)));
}

// Half of the accelerators can send at once, each at the rate of its NIC.
TEST(Cut, OfANonBlockingTwoTierFabricIsHalfTheNics) {
  SiteSpec site = EightWaySite(256);
  ClosOf(site).tiers = 2;
  ClosOf(site).leaves_per_pod = 64;
  EXPECT_DOUBLE_EQ(BestCut(site), 2048 / 2 * kNic400);
}

TEST(Cut, OfAKAryFatTreeIsHalfTheNics) {
  EXPECT_DOUBLE_EQ(BestCut(KAryFatTree(8)), 128 / 2 * kNic400);
}

class OversubscribedLeaf : public ::testing::TestWithParam<int> {};

TEST_P(OversubscribedLeaf, DividesTheCutByTheRatio) {
  SiteSpec site = EightWaySite(256);
  ClosOf(site).tiers = 2;
  ClosOf(site).leaves_per_pod = 64;
  ClosOf(site).leaf_oversubscription = GetParam();
  EXPECT_DOUBLE_EQ(BestCut(site), 2048 / 2 * kNic400 / GetParam());
}

INSTANTIATE_TEST_SUITE_P(Ratios, OversubscribedLeaf, ::testing::Values(2, 4, 8, 16));

TEST(Cut, OfOversubscribedSpinesIsThatOfThePodBundles) {
  SiteSpec site = EightWaySite(512);  // 4 pods of 1,024 accelerators
  ClosOf(site).spine_oversubscription = 4;
  const CutBound cut = BestKnownCut(ClosTopology(site).cut_problem());
  EXPECT_DOUBLE_EQ(cut.best.bandwidth.si(), 4096 / 2 * kNic400 / 4);
  EXPECT_EQ(cut.best.halving, "first half of the servers | second half");
}

// The first 8,192 accelerators are 2 2/3 pods. Their side holds pods 0 and 1, the other pods 3, 4
// and 5, each with a bundle of 880 links; pod 2 is split 2:1, and its spines pass both ways. All
// that leaves pods 0 and 1 (1,760 links) and what pod 2 can turn round itself (its 64 leaves on the
// far side, 1,024 NICs) arrives; its 128 near leaves have more than enough left for their own
// bundle.
TEST(Cut, OfUnevenPodsFollowsTheHandCalculation) {
  const CutBound cut = BestKnownCut(ClosTopology(UnevenPods(Routing::kSpray)).cut_problem());
  EXPECT_EQ(cut.tried.at(0).halving, "first half of the servers | second half");
  EXPECT_DOUBLE_EQ(cut.tried.at(0).bandwidth.si(), (1760 + 1024 + 880) * kNic400);
  EXPECT_LE(cut.best.bandwidth.si(), cut.tried.at(0).bandwidth.si());
}

TEST(Cut, ByRailsAddsTheScaleUpDomains) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).tiers = 2;
  ClosOf(site).rail_optimized = true;
  ClosOf(site).servers_per_leaf = 32;
  const CutBound cut = BestKnownCut(ClosTopology(site).cut_problem());
  EXPECT_EQ(cut.tried.back().halving, "first half of the rails | second half");
  EXPECT_DOUBLE_EQ(cut.tried.back().bandwidth.si(), 256 * kNic400 + 64 * 4 * 450e9);
  EXPECT_DOUBLE_EQ(cut.best.bandwidth.si(), 256 * kNic400);
}

TEST(Cut, OfOneServerIsItsScaleUpDomainAndItsLeaf) {
  const CutBound cut = BestKnownCut(ClosTopology(EightWaySite(1)).cut_problem());
  EXPECT_EQ(cut.best.halving, "first half of the rails | second half");
  EXPECT_DOUBLE_EQ(cut.best.bandwidth.si(), 4 * 450e9 + 4 * kNic400);
}

TEST(Cut, OfOneAcceleratorDoesNotExist) {
  SiteSpec site = EightWaySite(1);
  site.server.accelerators = 1;
  site.server.nics = 1;
  const CutBound cut = BestKnownCut(ClosTopology(site).cut_problem());
  EXPECT_TRUE(cut.tried.empty());
  EXPECT_EQ(cut.best.bandwidth.si(), 0.0);
}

TEST(Cut, IsDescribedAsAnUpperBound) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).tiers = 2;
  EXPECT_EQ(DescribeCut(BestKnownCut(ClosTopology(site).cut_problem())),
            "best known cut 12.8 TB/s per direction (first half of the servers | second half): an "
            "upper bound of the bisection bandwidth, the least of 5 halvings tried");
}

RC_GTEST_PROP(CutLaws, SummedNicsAndJoinedCoresChangeNoMaxFlow, ()) {
  const ClosTopology fabric(RandomSite(*rc::gen::arbitrary<std::uint64_t>()));
  const FabricGraph graph = MakeGraph(fabric);
  const double whole = WholeGraphCut(graph, fabric.servers() / 2 * fabric.server_size());
  const double summed = BestKnownCut(fabric.cut_problem()).tried.at(0).bandwidth.si();
  RC_ASSERT(std::abs(whole - summed) <= 1e-9 * whole);
}

RC_GTEST_PROP(CutLaws, NoHalvingPassesMoreThanItsSmallerHalfSends, ()) {
  const ClosTopology fabric(RandomSite(*rc::gen::arbitrary<std::uint64_t>()));
  const CutBound cut = BestKnownCut(fabric.cut_problem());
  const double smaller_half =
      fabric.servers() / 2 * fabric.layout().nics_per_server * fabric.layout().nic_bandwidth.si();
  RC_ASSERT(cut.best.bandwidth.si() > 0.0);
  RC_ASSERT(cut.best.bandwidth.si() <= smaller_half * (1 + 1e-12));
}

TEST(LargeFabric, OfAHundredThousandIsCutAtTheUplinksOfHalfItsPods) {
  constexpr int kPods = 42;
  SiteSpec site = UnevenPods(Routing::kSpray);
  site.servers = kPods * 384;  // full pods: 192 leaves of two servers
  const ClosTopology fabric(site);
  ASSERT_EQ(fabric.pods(), kPods);
  EXPECT_EQ(fabric.accelerators(), 129024);
  const double uplinks = fabric.capacity(LinksOf(fabric, ClosTiers::kSpine).front()).si();
  EXPECT_DOUBLE_EQ(BestKnownCut(fabric.cut_problem()).best.bandwidth.si(), uplinks * kPods / 2);
}

}  // namespace
}  // namespace gridlock
