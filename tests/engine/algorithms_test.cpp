// Tests of single collectives: each algorithm against its closed form on one server and on several,
// folded against full on even and uneven machines, and what each lays on the links.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "sim/analytic/analytic_step.h"
#include "sim/base/check.h"
#include "sim/plan/fold.h"
#include "tests/clos_of.h"
#include "tests/engine/machines.h"
#include "workloads/program/collective_test.h"

namespace gridlock {

namespace {

using Kind = CollectiveKind;

// Delays that show: 7 us a call and 1 us a step inside a domain, 9 and 2 across.
ServerSpec SlowStartingServer(int accelerators, int nics) {
  ServerSpec server = IdealServer(accelerators, nics);
  server.scale_up.base_latency = Seconds(7e-6);
  server.scale_up.step_latency = Seconds(1e-6);
  server.scale_out.base_latency = Seconds(9e-6);
  server.scale_out.step_latency = Seconds(2e-6);
  return server;
}

std::int64_t WeightOf(const Plan& plan, TierIndex of) {
  std::int64_t sum = 0;
  for (const Plan::Lay& lay : plan.lays) {
    for (std::int32_t i = lay.nic.begin; i < lay.nic.end; ++i) {
      const RouteEntry& entry = plan.routes[i];
      sum += plan.resources[entry.resource].tier == of ? entry.weight : 0;
    }
  }
  return sum;
}

}  // namespace

TEST(OneServer, SendsTwiceNMinusOneOverNOfTheBufferAroundARing) {
  const SiteSpec site = OneLeafSite(SlowStartingServer(8, 8), 1);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "ring", 8, 1e9), site),
              7e-6 + 14 * 1e-6 + 2.0 * 7 / 8 * 1e9 / kScaleUp);
  for (const Kind half : {Kind::kAllGather, Kind::kReduceScatter}) {
    ExpectClose(TimeOf(TestOf(half, "ring", 8, 1e9), site),
                7e-6 + 7 * 1e-6 + 7.0 / 8 * 1e9 / kScaleUp);
  }
}

TEST(OneServer, SendsTwiceTheBufferThroughADoubleTree) {
  // Eight ranks: three levels. A rank has three edges in one tree and one in the other, half of the
  // buffer each.
  const SiteSpec site = OneLeafSite(SlowStartingServer(8, 8), 1);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "tree", 8, 1e9), site),
              7e-6 + 6 * 1e-6 + 2 * 1e9 / kScaleUp);
}

TEST(OneServer, HalvesAndDoublesInThreeRoundsEachWay) {
  const SiteSpec site = OneLeafSite(SlowStartingServer(8, 8), 1);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "halving_doubling", 8, 1e9), site),
              7e-6 + 6 * 1e-6 + 2.0 * 7 / 8 * 1e9 / kScaleUp);
}

TEST(OneServer, ExchangesAllButItsOwnPartInPairs) {
  const SiteSpec site = OneLeafSite(SlowStartingServer(8, 8), 1);
  ExpectClose(TimeOf(TestOf(Kind::kAllToAll, "pairs", 8, 1e9), site),
              7e-6 + 3 * 1e-6 + 7.0 / 8 * 1e9 / kScaleUp);
}

TEST(OneServer, SendsShortPartsOverASlowChannelEachAndLongOnesBehindAFence) {
  ServerSpec server = SlowStartingServer(8, 8);
  server.scale_up.bulk_step_latency = Seconds(9e-6);
  const SiteSpec site = OneLeafSite(server, 1);
  // 8 KB to each rank at 6.5 GB/s, or 8 us behind a fence.
  ExpectClose(TimeOf(TestOf(Kind::kAllToAll, "pairs", 8, 64e3), site), 10e-6 + 8e3 / 6.5e9);
  ExpectClose(TimeOf(TestOf(Kind::kAllToAll, "pairs", 8, 1e9), site),
              10e-6 + 8e-6 + 7.0 / 8 * 1e9 / kScaleUp);
}

TEST(OneServer, SendsShortMessagesAroundARingWithoutChunks) {
  ServerSpec server = SlowStartingServer(8, 8);
  server.scale_up.low_latency_efficiency = 0.25;
  server.scale_up.chunk_latency = Seconds(4e-6);
  const SiteSpec site = OneLeafSite(server, 1);
  const auto wire = [](double bytes) {
    return 2.0 * 7 / 8 * bytes / kScaleUp;
  };
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "ring", 8, 1e5), site), 21e-6 + wire(1e5) / 0.25);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "ring", 8, 1e9), site),
              21e-6 + wire(1e9) + 2 * std::sqrt(4e-6 * wire(1e9)));
}

TEST(OneServer, SendsTheWholeBufferToItsNeighbour) {
  const SiteSpec site = OneLeafSite(SlowStartingServer(8, 8), 1);
  ExpectClose(TimeOf(TestOf(Kind::kSendReceive, "neighbours", 8, 1e9), site),
              8e-6 + 1e9 / kScaleUp);
}

TEST(OneServer, AddsUpInTheSwitchWithNineEighthsOfTheBufferThroughEachPort) {
  ServerSpec server = SlowStartingServer(8, 8);
  server.scale_up.in_switch_efficiency = 0.6;
  server.scale_up.in_switch_latency = Seconds(30e-6);
  server.scale_up.chunk_latency = Seconds(4e-6);
  const SiteSpec site = OneLeafSite(server, 1);
  const double wire = 9.0 / 8 * 1e9 / kScaleUp;
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "in_switch", 8, 1e9), site),
              7e-6 + 30e-6 + wire / 0.6 + 2 * std::sqrt(4e-6 * wire));
}

TEST(OneServer, BroadcastsTheWholeBufferAroundARing) {
  const SiteSpec site = OneLeafSite(SlowStartingServer(8, 8), 1);
  for (const Kind rooted : {Kind::kBroadcast, Kind::kReduce}) {
    ExpectClose(TimeOf(TestOf(rooted, "ring", 8, 1e9), site), 7e-6 + 7 * 1e-6 + 1e9 / kScaleUp);
  }
}

TEST(Servers, RunARingThroughEachNic) {
  // 16 servers of 8: 128 ranks, 8 rings; 112 steps inside servers and 15 across, twice.
  const SiteSpec site = OneLeafSite(SlowStartingServer(8, 8), 16);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "ring", 128, 1e9), site),
              9e-6 + 224 * 1e-6 + 30 * 2e-6 + 2.0 * 127 / 128 * 1e9 / (8 * kNic));
}

// A chunk of 512 KiB of each of the eight rings goes through 15 NICs before the last server has it.
TEST(Servers, PassChunksOfABroadcastOnWhenTheyAreWhole) {
  const SiteSpec site = OneLeafSite(SlowStartingServer(8, 8), 16);
  for (const Kind rooted : {Kind::kBroadcast, Kind::kReduce}) {
    ExpectClose(TimeOf(TestOf(rooted, "ring", 128, 1e9), site),
                9e-6 + 112 * 1e-6 + 15 * 2e-6 + 1e9 / (8 * kNic) + 15 * 524288 / kNic);
  }
}

TEST(Servers, RunADoubleTreeThroughEachNic) {
  // 16 servers: four levels; each NIC carries two halves of an eighth of the buffer up and two
  // down.
  const SiteSpec site = OneLeafSite(SlowStartingServer(8, 8), 16);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "tree", 128, 1e9), site),
              9e-6 + 14 * 1e-6 + 8 * 2e-6 + 2 * 1e9 / (8 * kNic));
}

TEST(Servers, WhoseSwitchesAddUpSendTheBufferOncePerEdge) {
  ServerSpec server = SlowStartingServer(8, 8);
  server.scale_up.in_switch_efficiency = 0.8;
  server.scale_up.in_switch_latency = Seconds(30e-6);
  // Two servers: once over the 8 NICs, 2.5 ms, beside 3.9 ms through the ports: 9/8 of the buffer,
  // and an eighth from the tree.
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "in_switch_tree", 16, 1e9), OneLeafSite(server, 2)),
              9e-6 + 30e-6 + 2 * 2e-6 + std::max(1e9 / (8 * kNic), 1.25e9 / 0.8 / kScaleUp));
  // Sixteen: twice over the NICs, four levels up and down.
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "in_switch_tree", 128, 1e9), OneLeafSite(server, 16)),
              9e-6 + 30e-6 + 8 * 2e-6 + 2 * 1e9 / (8 * kNic));
}

TEST(Experts, ForwardedTokensGoToEachServerOnce) {
  // 4 servers of 8, 8 experts a token: it reaches 4 (1 - (3/4)^8) = 3.6 servers. Three quarters of
  // what a rank sends leave its server.
  ServerSpec server = SlowStartingServer(8, 8);
  server.scale_out.forwarded_efficiency = 0.87;
  server.scale_out.expert_latency = Seconds(36e-6);
  const double hit = 4 * (1 - std::pow(0.75, 8));
  ExpectClose(TimeOf(TestOf(Kind::kExpertDispatch, "forwarded", 32, 30e6), OneLeafSite(server, 4)),
              11e-6 + 0.75 * hit * 30e6 / (0.87 * kNic));
}

TEST(Experts, OnTwoServersWaitForWhoPassesThemOn) {
  // 4,096 tokens of 7,392 bytes: DeepEP counts a copy for each server, its own too, and reports 43
  // GB/s on 2 x 8 H800 and 58 on 4 x 8 (docs/legacy.md), of NICs of 50 GB/s.
  constexpr double kTokens = 4096 * 7392;
  ServerSpec server = IdealServer(8, 8);
  server.scale_out.forwarded_efficiency = 0.87;
  server.scale_out.forward_bandwidth = BytesPerSecond(141e9);
  const double held = 16 * (1 - std::pow(15.0 / 16, 8));  // ranks that hold one of 8 experts
  const double two =
      TimeOf(TestOf(Kind::kExpertDispatch, "forwarded", 16, kTokens), OneLeafSite(server, 2));
  ExpectClose(two, held * kTokens / 141e9);
  EXPECT_NEAR(2 * (1 - std::pow(0.5, 8)) * kTokens / two, 43e9, 1e9);
  const double four =
      TimeOf(TestOf(Kind::kExpertCombine, "forwarded", 32, kTokens), OneLeafSite(server, 4));
  EXPECT_NEAR(4 * (1 - std::pow(0.75, 8)) * kTokens / four, 58e9, 1e9);
}

TEST(Experts, SentStraightGoOncePerExpert) {
  ServerSpec server = SlowStartingServer(8, 8);
  server.scale_out.all_to_all_efficiency = 0.94;
  server.scale_out.expert_latency = Seconds(36e-6);
  // 8 copies of each token; 24 of 32 ranks are in other servers.
  ExpectClose(TimeOf(TestOf(Kind::kExpertDispatch, "direct", 32, 30e6), OneLeafSite(server, 4)),
              11e-6 + 36e-6 + 8 * 24.0 / 32 * 30e6 / (0.94 * kNic));
}

TEST(Servers, HalveAndDoubleBetweenTwoPhasesInside) {
  // 16 servers of 8: seven eighths of the buffer through ports, in and out, after 7 steps each;
  // four rounds across each way, an eighth of the buffer per NIC.
  const SiteSpec site = OneLeafSite(SlowStartingServer(8, 8), 16);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "halving_doubling", 128, 1e9), site),
              9e-6 + 14 * 1e-6 + 2 * 7.0 / 8 * 1e9 / kScaleUp + 8 * 2e-6 +
                  2.0 * 15 / 16 * 1e9 / (8 * kNic));
}

TEST(Servers, HalveAndDoubleRoundByRound) {
  // Four servers of one under two leaves, uplinks of half a NIC's rate: the first round, half of
  // the buffer, stays under the leaves; in the second both servers of a leaf send a quarter across.
  SiteSpec site =
      ClosSite(IdealServer(1, 1),
               {.servers = 4, .servers_per_leaf = 2, .leaves_per_pod = 2, .leaf_over = 4});
  ClosOf(site).spine.port_bandwidth = BytesPerSecond(kNic / 8);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "halving_doubling", 4, 1e9), site),
              2 * (0.5e9 / kNic + 2 * 0.25e9 / (kNic / 2)));
}

// Six servers: rounds to the server 4, 2 and 1 behind with one, one and three parts.
TEST(Servers, GatherByAggregatedTrees) {
  for (const Kind kind : {Kind::kAllGather, Kind::kReduceScatter}) {
    ExpectClose(TimeOf(TestOf(kind, "pat", 6, 1e9), OneLeafSite(SlowStartingServer(1, 1), 6)),
                9e-6 + 6 * 2.8e-6 + 3 * 2e-6 + 5.0 / 6 * 1e9 / (0.75 * kNic));
  }
}

// Under the leaves of the test above: a quarter of the buffer of both servers goes over the uplink
// first, then half of one.
TEST(Servers, AggregatedTreesSendFewBytesFar) {
  SiteSpec site =
      ClosSite(IdealServer(1, 1),
               {.servers = 4, .servers_per_leaf = 2, .leaves_per_pod = 2, .leaf_over = 4});
  ClosOf(site).spine.port_bandwidth = BytesPerSecond(kNic / 8);
  ExpectClose(TimeOf(TestOf(Kind::kAllGather, "pat", 4, 1e9), site),
              4 * 2.8e-6 + (2 * 0.25e9 + 0.5e9) / (0.75 * kNic / 2));
}

TEST(Servers, AggregatedTreesJoinOneRankOfEach) {
  EXPECT_EQ(AlgorithmByName("pat")->refuses({8, 8, 1}, {}), "");
  EXPECT_EQ(AlgorithmByName("PAT")->refuses({64, 8, 8}, {}),
            "it joins one rank of each scale-up domain, and a group has 64 in 8");
}

TEST(Servers, ThatAreNoPowerOfTwoCannotHalve) {
  const auto refusal = [](int ranks, int domains, int per_domain) {
    return AlgorithmByName("halving_doubling")->refuses({ranks, domains, per_domain}, {});
  };
  EXPECT_EQ(refusal(64, 8, 8), "");
  EXPECT_EQ(refusal(8, 1, 8), "");
  EXPECT_EQ(refusal(56, 7, 8), "it halves, and a group has 7 domains, which is no power of two");
  EXPECT_EQ(refusal(12, 2, 4), "the domains of a group hold unequal numbers of its ranks");
}

TEST(Servers, ThreeInATreeHaveThreeEdgesEachAtMost) {
  // 0-2-1 and 1-0-2: server 0 has one edge and two, server 1 one and one, server 2 two and one.
  const SiteSpec site = OneLeafSite(IdealServer(1, 1), 3);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "tree", 3, 1e9), site), 1.5 * 1e9 / kNic);
}

TEST(Servers, OnAClosOfFullBisectionAreAsFastAsUnderOneLeaf) {
  const ServerSpec server = SlowStartingServer(8, 8);
  const SiteSpec one_leaf = OneLeafSite(server, 16);
  const SiteSpec leaves =
      ClosSite(server, {.servers = 16, .servers_per_leaf = 4, .leaves_per_pod = 4});
  for (const auto& [kind, algorithm] : {std::pair{Kind::kAllReduce, "ring"},
                                        {Kind::kAllReduce, "tree"},
                                        {Kind::kAllToAll, "pairs"}}) {
    ExpectClose(TimeOf(TestOf(kind, algorithm, 128, 1e9), leaves),
                TimeOf(TestOf(kind, algorithm, 128, 1e9), one_leaf));
  }
}

TEST(Servers, ExchangeWithAllOthersThroughTheirNics) {
  const SiteSpec site = ClosSite(SlowStartingServer(8, 8),
                                 {.servers = 8, .servers_per_leaf = 2, .leaves_per_pod = 4});
  ExpectClose(TimeOf(TestOf(Kind::kAllToAll, "pairs", 64, 1e9), site),
              11e-6 + 56.0 / 64 * 1e9 / kNic);
}

TEST(Servers, UnderThinLeavesWaitForTheEdgesThatCrossThem) {
  // Four servers of one under two leaves, each with uplinks of half a NIC's rate. The trees are
  // 0-2, 2-1, 2-3 and 3-1, 1-0, 1-2: the edges 0-2, 2-1, 3-1 and 1-2 cross, with half of the buffer
  // each in each direction.
  SiteSpec site =
      ClosSite(IdealServer(1, 1),
               {.servers = 4, .servers_per_leaf = 2, .leaves_per_pod = 2, .leaf_over = 4});
  ClosOf(site).spine.port_bandwidth = BytesPerSecond(kNic / 8);
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "tree", 4, 1e9), site), 4 * 0.5e9 / (kNic / 2));
  // A ring crosses once in each direction, with 3/2 of the buffer.
  ExpectClose(TimeOf(TestOf(Kind::kAllReduce, "ring", 4, 1e9), site), 1.5e9 / (kNic / 2));
}

TEST(ATree, LoadsTheNicsWithEachOfItsEdgesOnce) {
  // 13 servers of 8: two trees of 12 edges, each up and down, out of one NIC and into another.
  const Play play =
      PlayOf(TestOf(Kind::kAllReduce, "tree", 13 * 8, 1e9), OneLeafSite(IdealServer(8, 8), 13));
  EXPECT_EQ(WeightOf(play.plan, TierTable::kNic), 8 * 2 * 12 * 2 * 2);
}

TEST(ATree, OfShortMessagesHasTheDelayOfItsDepth) {
  // A byte: delays alone. A ring of 64 servers takes 126 steps, a tree six levels up and down.
  const SiteSpec site = OneLeafSite(SlowStartingServer(1, 1), 64);
  const auto delay = [&](const char* algorithm) {
    const Play play = PlayOf(TestOf(Kind::kAllReduce, algorithm, 64, 1), site);
    return RunAnalyticStep(play.program, play.plan, play.server, {16}).log.End();
  };
  EXPECT_NEAR(delay("ring"), 9e-6 + 126 * 2e-6, 1e-9);
  EXPECT_NEAR(delay("tree"), 9e-6 + 12 * 2e-6, 1e-9);
}

TEST(TreesOfAllSizes, GiveEachNodeAtMostFourEdgesAndTwoTreesThatSpan) {
  for (int nodes = 2; nodes < 130; ++nodes) {
    std::vector<int> edges(static_cast<std::size_t>(nodes), 0);
    int count = 0;
    const std::vector<PhaseShape> shapes = AlgorithmByName("tree")->shapes({nodes, 1, nodes});
    shapes[0].over_ranks.edges(nodes, 0, [&](int from, int to) {
      ASSERT_TRUE(from >= 0 && from < nodes && to >= 0 && to < nodes && from != to);
      ++edges[from];
      ++count;
    });
    EXPECT_EQ(count, 2 * 2 * (nodes - 1)) << nodes;
    EXPECT_LE(*std::max_element(edges.begin(), edges.end()), 4) << nodes;
    EXPECT_GE(*std::min_element(edges.begin(), edges.end()), 2) << nodes;
  }
}

TEST(ATest, WithoutAnAlgorithmRunsAllThatALibraryTakes) {
  CollectiveTestSpec spec = TestOf(Kind::kAllReduce, "ring", 8, 1e9);
  spec.algorithm = nullptr;
  ServerSpec server = IdealServer(8, 8);
  // A ring: trees join servers, no library halves and doubles, and nothing adds up in the switch.
  EXPECT_EQ(RowsOf(BuildCollectiveTest(spec, server)), 1);
  spec.sizes = {Bytes(1e6), Bytes(1e9)};
  EXPECT_EQ(RowsOf(BuildCollectiveTest(spec, server)), 2);
  server.scale_up.in_switch_efficiency = 0.6;  // and the switch
  EXPECT_EQ(RowsOf(BuildCollectiveTest(spec, server)), 4);
  spec.ranks = 4;  // of so few, a library makes rings
  EXPECT_EQ(RowsOf(BuildCollectiveTest(spec, server)), 2);
  spec.ranks = 16;  // ring, tree, and the tree that switches add up for
  EXPECT_EQ(RowsOf(BuildCollectiveTest(spec, server)), 6);
  spec.kind = Kind::kAllGather;
  EXPECT_EQ(RowsOf(BuildCollectiveTest(spec, server)), 2);
}

TEST(ATest, RunsItsSizesOneAfterAnother) {
  const SiteSpec site = OneLeafSite(SlowStartingServer(8, 8), 2);
  CollectiveTestSpec spec = TestOf(Kind::kAllReduce, "ring", 16, 1e8);
  const double small = TimeOf(spec, site);
  spec.sizes = {Bytes(1e9)};
  const double large = TimeOf(spec, site);
  spec.sizes = {Bytes(1e8), Bytes(1e9)};
  spec.iterations = 3;
  ExpectClose(TimeOf(spec, site), 3 * (small + large));
}

struct Case {
  const char* name;
  Kind kind;
  const char* algorithm;
  int ranks, group_size, group_stride;
  ClosSizes sizes;
  int accelerators, nics;
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

class ACollective : public testing::TestWithParam<Case> {};

TEST_P(ACollective, TakesTheSameFoldedAndInFull) {
  const Case& one = GetParam();
  CollectiveTestSpec spec = TestOf(one.kind, one.algorithm, one.ranks, 1e9);
  spec.group_size = one.group_size;
  spec.group_stride = one.group_stride;
  spec.sizes.emplace_back(3e8);
  SiteSpec site = ClosSite(RealisticServer(one.accelerators, one.nics), one.sizes);
  site.server.scale_up.in_switch_efficiency = 0.6;
  site.server.scale_up.chunk_latency = Seconds(3e-6);
  site.server.scale_out.chunk_latency = Seconds(20e-6);
  site.server.scale_out.low_latency_efficiency = 0.03;
  site.server.scale_out.bulk_step_latency = Seconds(40e-6);
  site.server.scale_out.forward_bandwidth = BytesPerSecond(100e9);
  if (one.sizes.routing == Routing::kSpray) {
    ClosOf(site).spine.port_bandwidth = ClosOf(site).core.port_bandwidth = BytesPerSecond(kNic / 8);
  }
  const Play full = PlayOf(spec, site);
  Play folded = full;
  folded.plan = Fold(full.plan);
  const auto outcomes = Simulate({full, folded});
  ExpectClose(outcomes[1].end, outcomes[0].end);
  for (std::size_t c = 0; c < outcomes[0].bytes.size(); ++c) {
    EXPECT_NEAR(outcomes[1].bytes[c], outcomes[0].bytes[c], kTolerance * outcomes[0].bytes[c]);
  }
  for (const Play* play : {&full, static_cast<const Play*>(&folded)}) {
    const double alone = RunAnalyticStep(play->program, play->plan, play->server, {16}).log.End();
    EXPECT_LE(alone, outcomes[0].end * (1 + kTolerance));
    if (one.group_size == 0) {  // nothing else is under way
      ExpectClose(alone, outcomes[0].end);
    }
  }
}

constexpr ClosSizes kEven{.servers = 8, .servers_per_leaf = 2, .leaves_per_pod = 4, .leaf_over = 4};
constexpr ClosSizes kOdd{.servers = 7, .servers_per_leaf = 2, .leaves_per_pod = 4, .leaf_over = 8};
constexpr ClosSizes kPods{.servers = 11,
                          .servers_per_leaf = 2,
                          .leaves_per_pod = 2,
                          .tiers = 3,
                          .leaf_over = 2,
                          .spine_over = 8};
constexpr ClosSizes kHashed{.servers = 9,
                            .servers_per_leaf = 2,
                            .leaves_per_pod = 5,
                            .leaf_over = 2,
                            .routing = Routing::kEcmp};

INSTANTIATE_TEST_SUITE_P(
    Cases, ACollective,
    testing::Values(
        Case{"RingEven", Kind::kAllReduce, "ring", 64, 0, 1, kEven, 8, 8},
        Case{"HalvingEven", Kind::kAllReduce, "halving_doubling", 64, 0, 1, kEven, 8, 8},
        Case{"HalvingHashed", Kind::kAllReduce, "halving_doubling", 64, 0, 1, kHashed, 8, 8},
        Case{"HalvingsOfRails", Kind::kAllReduce, "halving_doubling", 64, 8, 8, kEven, 8, 8},
        Case{"TreeEven", Kind::kAllReduce, "tree", 64, 0, 1, kEven, 8, 8},
        Case{"TreeOddServers", Kind::kAllReduce, "tree", 56, 0, 1, kOdd, 8, 8},
        Case{"TreeOverPartOfAServer", Kind::kAllReduce, "tree", 44, 0, 1, kOdd, 8, 8},
        Case{"TreeUnevenPods", Kind::kAllReduce, "tree", 88, 0, 1, kPods, 8, 4},
        Case{"TreeHashed", Kind::kAllReduce, "tree", 72, 0, 1, kHashed, 8, 8},
        Case{"TreesOfGroupsOfSix", Kind::kAllReduce, "tree", 48, 6, 1, kOdd, 8, 8},
        Case{"TreesOfRails", Kind::kAllReduce, "tree", 64, 8, 8, kEven, 8, 8},
        Case{"AggregatedTreesOfRails", Kind::kAllGather, "pat", 64, 8, 8, kEven, 8, 8},
        Case{"AggregatedTreesHashed", Kind::kReduceScatter, "pat", 9, 0, 1, kHashed, 1, 1},
        Case{"GathersOfPairsAcross", Kind::kAllGather, "ring", 64, 2, 32, kEven, 8, 8},
        Case{"ExchangeUnevenPods", Kind::kAllToAll, "pairs", 84, 0, 1, kPods, 8, 8},
        Case{"ExchangesOfTwelve", Kind::kAllToAll, "pairs", 48, 12, 1, kOdd, 8, 8},
        Case{"NeighboursHashed", Kind::kSendReceive, "neighbours", 70, 0, 1, kHashed, 8, 8},
        Case{"SwitchTreeOddServers", Kind::kAllReduce, "in_switch_tree", 56, 0, 1, kOdd, 8, 8},
        Case{"BroadcastOfPartOfAServer", Kind::kBroadcast, "ring", 44, 0, 1, kOdd, 8, 8},
        Case{"ReducesOfRails", Kind::kReduce, "ring", 64, 8, 8, kEven, 8, 8},
        Case{"ExpertsForwarded", Kind::kExpertDispatch, "forwarded", 64, 0, 1, kEven, 8, 8},
        Case{"ExpertsDirectUnevenPods", Kind::kExpertCombine, "direct", 88, 0, 1, kPods, 8, 4},
        Case{"FittedUnevenPods", Kind::kAllReduce, "fitted", 84, 0, 1, kPods, 8, 8}),
    [](const auto& named) {
      return testing::PrintToString(named.param);
    });

TEST(ATestThatIsWrong, SaysWhyAndWhatWouldRun) {
  const ServerSpec server = IdealServer(8, 8);
  const auto problem_of = [&](const CollectiveTestSpec& spec) -> std::string {
    try {
      BuildCollectiveTest(spec, server);
    } catch (const UserError& error) {
      return error.problems().front().path + ": " + error.problems().front().message;
    }
    return "";
  };
  EXPECT_EQ(problem_of(TestOf(Kind::kAllGather, "tree", 8, 1e9)),
            "job[0].collective_test.algorithm: \"tree\" is no algorithm of all_gather; expected "
            "\"ring\", \"fitted\" or \"automatic\"");
  EXPECT_EQ(
      problem_of(TestOf(Kind::kAllReduce, "in_switch", 16, 1e9)),
      "job[0].collective_test.algorithm: \"in_switch\" does not run here: it adds up inside "
      "one scale-up domain, and a group lies in 2; \"in_switch_tree\" joins domains; expected "
      "\"ring\", \"tree\", \"halving_doubling\", \"fitted\" or \"automatic\"");
  EXPECT_EQ(problem_of(TestOf(Kind::kExpertDispatch, "direct", 8192, 1e9)),
            "job[0].collective_test.ranks: expert_dispatch of 8192 ranks in groups of 8192 has "
            "67108864 pairs to lay on routes; expected at most 16777216, as in one group of 4096 "
            "ranks");
  CollectiveTestSpec none = TestOf(Kind::kAllGather, "ring", 8, 1e9);
  none.excluded = {none.algorithm};
  none.algorithm = nullptr;
  EXPECT_EQ(problem_of(none),
            "job[0].collective_test.exclude: no algorithm of all_gather is left here; expected one "
            "of \"ring\", \"fitted\" or \"automatic\" less");
  EXPECT_EQ(
      problem_of(TestOf(Kind::kAllReduce, "ring", 8 << 20, 1e9)),
      "job[0].collective_test.ranks: a test of 8388608 ranks is too large to lay out; expected "
      "at most 4194304");
  CollectiveTestSpec many = TestOf(Kind::kAllReduce, "ring", 8, 1e9);
  many.iterations = 30000;
  EXPECT_EQ(
      problem_of(many),
      "job[0].collective_test.iterations: sizes x algorithms x iterations = 1 x 1 x 30000 = 30000 "
      "collectives; expected at most 20000");
}

}  // namespace gridlock
