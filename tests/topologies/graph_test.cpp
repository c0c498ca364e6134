// The written-out graph: counts, connectedness, diameter, drawing.

#include "topologies/graph.h"

#include <cmath>
#include <sstream>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/clos_of.h"
#include "tests/topologies/router_sites.h"
#include "tests/topologies/sites.h"
#include "topologies/graph_bgl.h"

namespace gridlock {
namespace {

// Both directions of all cables of a kind.
double CableCapacity(const FabricGraph& graph, int kind) {
  const auto& bgl = graph.bgl().graph;
  double total = 0.0;
  for (const auto& edge : boost::make_iterator_range(boost::edges(bgl))) {
    total += bgl[edge].kind == kind ? 2 * bgl[edge].capacity.si() : 0.0;
  }
  return total;
}

double LinkCapacity(const ClosTopology& fabric, TierIndex tier) {
  double total = 0.0;
  for (const LinkIndex link : LinksOf(fabric, tier)) {
    total += fabric.capacity(link).si();
  }
  return total;
}

class KAryGraph : public ::testing::TestWithParam<int> {};

TEST_P(KAryGraph, HasTheSwitchesAndCablesOfAFatTree) {
  const int k = GetParam();
  const FabricGraph graph = MakeGraph(ClosTopology(KAryFatTree(k)));
  const int hosts = k * k * k / 4;
  EXPECT_EQ(graph.nodes(ClosNodes::kAccelerator), hosts);
  EXPECT_EQ(graph.nodes(ClosNodes::kLeaf) + graph.nodes(ClosNodes::kSpine) +
                graph.nodes(ClosNodes::kCore),
            5 * k * k / 4);
  EXPECT_EQ(graph.cables(ClosCables::kNic), hosts);
  EXPECT_EQ(graph.cables(ClosCables::kLeaf), hosts);  // non-blocking: as many again in each tier
  EXPECT_EQ(graph.cables(ClosCables::kSpine), hosts);
  EXPECT_TRUE(Connected(graph));
}

TEST_P(KAryGraph, HasTheDiameterOfAFatTree) {
  const FabricGraph graph = MakeGraph(ClosTopology(KAryFatTree(GetParam())));
  const HopCount diameter = Diameter(graph, 1 << 20);
  // NIC, leaf, spine, core and down again: 6 cables, and the two attachments.
  EXPECT_EQ(diameter.hops, 8);
  EXPECT_TRUE(diameter.exact);
}

INSTANTIATE_TEST_SUITE_P(EvenRadices, KAryGraph, ::testing::Values(2, 4, 8));

TEST(Graph, OfUnevenPodsCountsParallelCablesOneByOne) {
  const FabricGraph graph = MakeGraph(ClosTopology(UnevenPods(Routing::kSpray)));
  EXPECT_EQ(graph.nodes(ClosNodes::kScaleUpSwitch), 2048);
  EXPECT_EQ(graph.nodes(ClosNodes::kNic), 16384);
  EXPECT_EQ(graph.nodes(ClosNodes::kSpine), 96);
  EXPECT_EQ(graph.nodes(ClosNodes::kCore), 16);
  EXPECT_EQ(graph.cables(ClosCables::kAttachment), 16384);
  EXPECT_EQ(graph.cables(ClosCables::kScaleUp), 16384);
  EXPECT_EQ(graph.cables(ClosCables::kLeaf), 1024 * 32);
  EXPECT_EQ(graph.cables(ClosCables::kSpine), 96 * 55);
  EXPECT_EQ(graph.edges(),
            3 * 16384 + 1024 * 16 + 96);  // the two links of a pair are one edge
}

TEST(Graph, OfFastNicsCountsTheirPorts) {
  SiteSpec site = EightWaySite(16);
  site.server.nic_bandwidth = BytesPerSecond(2 * kNic400);
  ClosOf(site).servers_per_leaf = 2;
  EXPECT_EQ(MakeGraph(ClosTopology(site)).cables(ClosCables::kNic), 2 * 128);
}

TEST(Graph, DiameterFromASampleSaysSo) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).leaves_per_pod = 4;
  const FabricGraph graph = MakeGraph(ClosTopology(site));
  const HopCount sampled = Diameter(graph, 4);
  EXPECT_FALSE(sampled.exact);
  EXPECT_EQ(sampled.hops, Diameter(graph, 512).hops);
  EXPECT_TRUE(Diameter(graph, 512).exact);
}

TEST(Graph, OfTwoTiersHasNoCores) {
  SiteSpec site = EightWaySite(64);
  ClosOf(site).tiers = 2;
  const FabricGraph graph = MakeGraph(ClosTopology(site));
  EXPECT_EQ(graph.nodes(ClosNodes::kCore), 0);
  EXPECT_TRUE(Connected(graph));
  EXPECT_EQ(Diameter(graph).hops, 6);
}

TEST(Graph, IsDrawnWithEveryNodeAndCable) {
  SiteSpec site = EightWaySite(2);
  site.server.accelerators = 2;
  site.server.nics = 1;
  ClosOf(site).servers_per_leaf = 1;
  ClosOf(site).leaves_per_pod = 2;
  ClosOf(site).leaf_oversubscription = 0.5;
  ClosOf(site).tiers = 2;
  std::ostringstream out;
  WriteDot(MakeGraph(ClosTopology(site)), out);
  EXPECT_EQ(out.str(),
            "graph fabric {\n"
            "  rankdir=BT;\n"
            "  node [shape=box];\n"
            "  { rank=same; accelerator0; accelerator1; accelerator2; accelerator3; }\n"
            "  { rank=same; scale_up_switch0; scale_up_switch1; }\n"
            "  { rank=same; nic0; nic1; }\n"
            "  { rank=same; leaf0; leaf1; }\n"
            "  { rank=same; spine0; }\n"
            "  accelerator0 -- scale_up_switch0 [label=\"450 GB/s\"];\n"
            "  accelerator0 -- nic0 [style=dotted];\n"
            "  accelerator1 -- scale_up_switch0 [label=\"450 GB/s\"];\n"
            "  accelerator1 -- nic0 [style=dotted];\n"
            "  accelerator2 -- scale_up_switch1 [label=\"450 GB/s\"];\n"
            "  accelerator2 -- nic1 [style=dotted];\n"
            "  accelerator3 -- scale_up_switch1 [label=\"450 GB/s\"];\n"
            "  accelerator3 -- nic1 [style=dotted];\n"
            "  nic0 -- leaf0 [label=\"50 GB/s\"];\n"
            "  nic1 -- leaf1 [label=\"50 GB/s\"];\n"
            "  leaf0 -- spine0 [label=\"2 cables, 100 GB/s\"];\n"
            "  leaf1 -- spine0 [label=\"2 cables, 100 GB/s\"];\n"
            "}\n");
}

RC_GTEST_PROP(GraphLaws, CablesCarryWhatTheLinksOfTheFabricCarry, ()) {
  const ClosTopology fabric(RandomSite(*rc::gen::arbitrary<std::uint64_t>()));
  const FabricGraph graph = MakeGraph(fabric);
  RC_ASSERT(Connected(graph));
  const std::pair<TierIndex, int> tiers[] = {{TierTable::kScaleUp, ClosCables::kScaleUp},
                                             {TierTable::kNic, ClosCables::kNic},
                                             {ClosTiers::kLeaf, ClosCables::kLeaf},
                                             {ClosTiers::kSpine, ClosCables::kSpine}};
  for (const auto& [tier, kind] : tiers) {
    const double links = LinkCapacity(fabric, tier);
    RC_ASSERT(std::abs(CableCapacity(graph, kind) - links) <= 1e-12 * links);
  }
}

RC_GTEST_PROP(GraphLaws, NoSwitchHasMoreCablesThanPorts, ()) {
  const SiteSpec site = RandomSite(*rc::gen::arbitrary<std::uint64_t>());
  const FabricGraph graph = MakeGraph(ClosTopology(site));
  const auto& bgl = graph.bgl().graph;
  for (const auto vertex : boost::make_iterator_range(boost::vertices(bgl))) {
    int cables = 0;
    for (const auto& edge : boost::make_iterator_range(boost::out_edges(vertex, bgl))) {
      cables += bgl[edge].parallel;
    }
    const int kind = bgl[vertex].kind;
    RC_ASSERT(kind != ClosNodes::kLeaf || cables <= ClosOf(site).leaf.ports);
    RC_ASSERT(kind != ClosNodes::kSpine || cables <= ClosOf(site).spine.ports);
    RC_ASSERT(kind != ClosNodes::kCore || cables <= ClosOf(site).core.ports);
  }
}

TEST(TheEndsOfALink, AreThoseOfTheGraph) {
  for (const SiteSpec& site : {EightWaySite(40), UnevenPods(Routing::kEcmp), DragonflySite(5, 4, 1),
                               DragonflySite(5, 4, 2, {}, 4), HyperXSite({3, 4}, {})}) {
    EXPECT_EQ(LinksWithOtherEnds(*MakeTopology(site)), "");
  }
}

RC_GTEST_PROP(TheEndsOfALink, AreThoseOfTheGraphOfAnyClos, ()) {
  const SiteSpec site = RandomSite(*rc::gen::arbitrary<std::uint64_t>());
  RC_ASSERT(LinksWithOtherEnds(*MakeTopology(site)).empty());
}

}  // namespace
}  // namespace gridlock
