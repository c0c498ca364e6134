// Closed forms of collectives, on paper.

#include "workloads/program/collective.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "workloads/program/algorithm.h"

namespace gridlock {

namespace {

constexpr double kPort = 400e9;
constexpr double kNic = 50e9;
constexpr double kLone = 0.59;  // of a step of long messages, with one rank in a server

ServerSpec Server() {
  ServerSpec server;
  server.accelerators = server.nics = 8;
  server.accelerator.scale_up_bandwidth = BytesPerSecond(kPort);
  server.nic_bandwidth = BytesPerSecond(kNic);
  server.scale_up = {0.5, 0.8, 0.8, 1.0, Seconds(1e-6), Seconds(5e-6)};
  server.scale_out = {0.8, 0.9, 0.9, 1.0, Seconds(2e-6), Seconds(9e-6)};
  return server;
}

CollectiveCost CostOf(CollectiveKind kind, Bytes payload, const GroupShape& group,
                      const ServerSpec& server) {
  return FittedCost({kind, payload, group, server});
}

// With a switch that adds up.
ServerSpec SwitchServer() {
  ServerSpec server = Server();
  server.scale_up.in_switch_efficiency = 0.6;
  server.scale_up.in_switch_latency = Seconds(32e-6);
  return server;
}

double TimeOf(const CollectiveCost& cost, const CollectiveCall& call) {
  return TimeAlone(cost, call).si();
}

}  // namespace

TEST(Cost, OfOneRankIsNothing) {
  const CollectiveCost cost = CostOf(CollectiveKind::kAllReduce, Bytes(1e9), {1, 1, 1}, Server());
  EXPECT_EQ(cost.domain_bytes, Bytes(0));
  EXPECT_EQ(cost.nic_bytes, Bytes(0));
  EXPECT_EQ(cost.latency, Seconds(0));
}

TEST(Cost, InsideADomainIsARing) {
  const CollectiveCost all_reduce =
      CostOf(CollectiveKind::kAllReduce, Bytes(1e9), {8, 1, 8}, Server());
  EXPECT_DOUBLE_EQ(all_reduce.domain_bytes.si(), 2 * 7.0 / 8 * 1e9 / 0.5);
  EXPECT_EQ(all_reduce.nic_bytes, Bytes(0));
  EXPECT_DOUBLE_EQ(all_reduce.latency.si(), 5e-6 + 14 * 1e-6);
  const CollectiveCost gather = CostOf(CollectiveKind::kAllGather, Bytes(1e9), {8, 1, 8}, Server());
  EXPECT_DOUBLE_EQ(gather.domain_bytes.si(), 7.0 / 8 * 1e9 / 0.8);
  EXPECT_DOUBLE_EQ(gather.latency.si(), 5e-6 + 7 * 1e-6);
}

TEST(Cost, AcrossDomainsIsARingPerMember) {
  const CollectiveCost cost =
      CostOf(CollectiveKind::kReduceScatter, Bytes(1e9), {32, 4, 8}, Server());
  EXPECT_DOUBLE_EQ(cost.nic_bytes.si(), 31.0 / 32 * 1e9 / (8 * 0.9));
  EXPECT_DOUBLE_EQ(cost.domain_bytes.si(), 31.0 / 32 * 1e9 * 7 / 8 / 0.8);
  // 31 steps from rank to rank: three of them across.
  EXPECT_DOUBLE_EQ(cost.latency.si(), 9e-6 + 28 * 1e-6 + 3 * 2e-6);
}

TEST(Cost, OfALargeAllReduceHasTheLatencyOfATree) {
  // 1,024 servers: a tree is 10 deep, a ring has 1,023 steps each way.
  const CollectiveCost cost =
      CostOf(CollectiveKind::kAllReduce, Bytes(1e9), {1024, 1024, 1}, Server());
  EXPECT_DOUBLE_EQ(cost.latency.si(), 9e-6 + 2 * 10 * 2e-6);
}

TEST(Cost, OfAllReduceIsThatOfItsTwoHalves) {
  ServerSpec server = Server();
  server.scale_out.all_reduce_efficiency = 0.9;
  const auto bytes = [&](CollectiveKind kind) {
    return CostOf(kind, Bytes(1e9), {16, 16, 1}, server).nic_bytes.si();
  };
  EXPECT_DOUBLE_EQ(bytes(CollectiveKind::kAllReduce),
                   bytes(CollectiveKind::kReduceScatter) + bytes(CollectiveKind::kAllGather));
}

TEST(Cost, OfABroadcastIsTheWholeBufferThroughEveryRank) {
  // Nobody keeps a part, so that no (n-1)/n stands before the buffer.
  for (const auto& [kind, in, out] :
       {std::tuple{CollectiveKind::kBroadcast, 0.75, 0.9}, {CollectiveKind::kReduce, 0.8, 0.85}}) {
    ServerSpec server = Server();
    server.scale_up.all_gather_efficiency = 0.75;
    server.scale_out.reduce_scatter_efficiency = 0.85;
    const CollectiveCost inside = CostOf(kind, Bytes(1e9), {8, 1, 8}, server);
    EXPECT_DOUBLE_EQ(inside.domain_bytes.si(), 1e9 / in);
    EXPECT_DOUBLE_EQ(inside.latency.si(), 5e-6 + 7 * 1e-6);
    const CollectiveCost across = CostOf(kind, Bytes(1e9), {32, 4, 8}, server);
    EXPECT_DOUBLE_EQ(across.nic_bytes.si(), 1e9 / 8 / out);
    EXPECT_DOUBLE_EQ(across.domain_bytes.si(), 1e9 * 7 / 8 / in);
    // And 512 KiB of each NIC's ring through three servers before the last one has anything.
    const double chunk = 524288 / kNic;
    EXPECT_DOUBLE_EQ(across.latency.si(), 9e-6 + 28 * 1e-6 + 3 * (2e-6 + chunk));
  }
}

TEST(Chunks, CostTwiceTheGeometricMeanOfWireTimeAndChunkTime) {
  // A pipeline of chunks of b bytes over h links: w / b chunks of 3 us / h each, and h links to
  // fill. No size of a chunk loses less than 2 sqrt(3 us x wire), and one loses just that.
  constexpr double kChunk = 3e-6;
  ServerSpec server = Server();
  server.scale_up.chunk_latency = Seconds(kChunk);
  const double wire = 7.0 / 8 * 1e9;
  const CollectiveCost cost = CostOf(CollectiveKind::kAllGather, Bytes(1e9), {8, 1, 8}, server);
  EXPECT_DOUBLE_EQ(cost.domain_bytes.si(), wire / 0.8);
  const double lost = cost.latency.si() - (5e-6 + 7 * 1e-6);
  EXPECT_NEAR(lost, 2 * std::sqrt(kChunk * wire / kPort), 1e-12);
  double least = 1;
  for (double bytes = 1e3; bytes < 1e9; bytes *= 1.001) {
    constexpr double kHops = 7;
    const double pipeline = wire / bytes * (kChunk / kHops) + kHops * bytes / kPort;
    EXPECT_GE(pipeline, lost * (1 - 1e-9));
    least = std::min(least, pipeline);
  }
  EXPECT_NEAR(least, lost, 1e-5 * lost);
}

TEST(Chunks, OfTheSlowerSideCount) {
  // Ports and NICs work side by side: the call takes what the slower of them takes, chunks and all.
  ServerSpec server = Server();
  const GroupShape group{16, 2, 8};
  const auto time = [&](double chunk_in, double chunk_out) {
    server.scale_up.chunk_latency = Seconds(chunk_in);
    server.scale_out.chunk_latency = Seconds(chunk_out);
    const CollectiveCall call{CollectiveKind::kAllGather, Bytes(1e9), group, server};
    return TimeOf(RingCost(call), call) - (9e-6 + 14 * 1e-6 + 2e-6);
  };
  const double out = 15.0 / 16 * 1e9 / 8 / kNic;      // 2.34 ms
  const double in = 15.0 / 16 * 1e9 * 7 / 8 / kPort;  // 2.05 ms
  EXPECT_NEAR(time(0, 0), std::max(out / 0.9, in / 0.8), 1e-12);
  EXPECT_NEAR(time(0, 20e-6), out / 0.9 + 2 * std::sqrt(20e-6 * out), 1e-12);
  EXPECT_NEAR(time(20e-6, 0), in / 0.8 + 2 * std::sqrt(20e-6 * in), 1e-12);
  EXPECT_NEAR(time(1e-9, 20e-6), out / 0.9 + 2 * std::sqrt(20e-6 * out), 1e-12);
}

TEST(Protocols, OfNicsAreChosenByWhatTheyTake) {
  ServerSpec server = Server();
  server.nic_bandwidth = BytesPerSecond(10e9);
  server.scale_out.low_latency_efficiency = 0.3;
  server.scale_out.bulk_step_latency = Seconds(2e-6 + 100e-6 / kLone);
  const GroupShape group{2, 2, 1};
  const auto cost = [&](double wire) {  // a tree sends the buffer once, in a step up and one down
    return TreeLoad({CollectiveKind::kAllReduce, Bytes(wire), group, server});
  };
  // (1 / 0.3 - 1 / 0.8) w / B = 200 us at w = 960 KB.
  EXPECT_DOUBLE_EQ(cost(9.5e5).nic_bytes.si(), 9.5e5 / 0.3);
  EXPECT_NEAR(cost(9.5e5).latency.si(), 9e-6 + 4e-6, 1e-12);
  EXPECT_DOUBLE_EQ(cost(9.7e5).nic_bytes.si(), 9.7e5 / 0.8);
  EXPECT_NEAR(cost(9.7e5).latency.si(), 9e-6 + 204e-6, 1e-12);
  // Their meeting is no jump, and a longer message never takes less.
  const auto time = [&](double wire) {
    return cost(wire).latency.si() + cost(wire).nic_bytes.si() / 10e9;
  };
  EXPECT_NEAR(time(9.6e5 - 1), time(9.6e5 + 1), 1e-9);
  for (double wire = 1e3; wire < 1e9; wire *= 1.3) {
    EXPECT_LT(time(wire), time(wire * 1.3));
  }
}

TEST(Protocols, OfManyStepsStayQuickForLonger) {
  // Each step of long messages costs 100 us more: four of a tree of four servers, up and down.
  ServerSpec server = Server();
  server.scale_out.low_latency_efficiency = 0.1;
  server.scale_out.bulk_step_latency = Seconds(2e-6 + 100e-6 / kLone);
  const GroupShape group{4, 4, 1};
  const auto is_quick = [&](double wire) {
    const CollectiveCall call{CollectiveKind::kAllReduce, Bytes(wire / 2), group, server};
    return TreeLoad(call).latency < Seconds(100e-6);
  };
  const double meeting = 400e-6 / (1 / 0.1 - 1 / 0.8) * kNic;
  EXPECT_TRUE(is_quick(0.99 * meeting));
  EXPECT_FALSE(is_quick(1.01 * meeting));
}

TEST(Library, TakesWhatItExpectsLessOf) {
  // Two servers of 8, 50 GB/s for each rank. NCCL counts a tree as if it sent the buffer twice, at
  // 0.92 of 0.8 of a port of 400 GB/s: 1 GB are 6.8 ms by a tree and 15/16 of 5 ms by a ring, and
  // it takes the ring although a tree of two servers sends the buffer once.
  const ServerSpec server = Server();
  const GroupShape group{16, 2, 8};
  const auto call = [&](double bytes) {
    return CollectiveCall{CollectiveKind::kAllReduce, Bytes(bytes), group, server};
  };
  // Simple: 8.4 us, and 14 steps inside and one across each way.
  EXPECT_NEAR(ExpectedOfRing(call(1e9)).si(),
              8.4e-6 + 2 * (14 * 1.4 * 3.4e-6 + 1.4 * 14e-6) + 2 * 15.0 / 16 * 1e9 / 400e9, 1e-9);
  EXPECT_NEAR(ExpectedOfTree(call(1e9)).si(),
              8.4e-6 + 2 * (7 * 4e-6 + 14e-6) + 2 * 1e9 / 400e9 / 0.92, 1e-9);
  EXPECT_STREQ(LibraryChoice(call(1e9)).name, "ring");
  EXPECT_LT(TreeLoad(call(1e9)).nic_bytes, RingCost(call(1e9)).nic_bytes);
  EXPECT_STREQ(LibraryChoice(call(1e3)).name, "tree");
  // LL: 6.8 us, 7 steps inside and one across each way.
  EXPECT_NEAR(ExpectedOfTree(call(8)).si(), 6.8e-6 + 2 * (7 * 0.6e-6 + 5e-6), 1e-9);
}

// Eight NICs of 50 GB/s behind a port of 400 GB/s; of two ranks in a server two NICs.
TEST(Library, CountsWithTheNicsOfADomainOrAPort) {
  ServerSpec server = Server();
  const GroupShape whole{16, 2, 8};
  const GroupShape part{4, 2, 2};
  const auto bandwidth = [&](const GroupShape& group) {
    return LibraryBandwidth({CollectiveKind::kAllReduce, Bytes(1), group, server}).si();
  };
  EXPECT_DOUBLE_EQ(bandwidth(whole), 8 * kNic);
  EXPECT_DOUBLE_EQ(bandwidth(part), 2 * kNic);
  server.accelerator.scale_up_bandwidth = BytesPerSecond(kPort / 4);
  EXPECT_DOUBLE_EQ(bandwidth(whole), kPort / 4);
}

// Whatever is expected of the size in between is the least of three lines: LL, LL128 and Simple.
TEST(Library, ExpectsTheBestOfThreeProtocols) {
  const ServerSpec server = Server();
  const GroupShape group{16, 2, 8};
  for (double bytes = 8; bytes < 16e9; bytes *= 2) {
    const CollectiveCall call{CollectiveKind::kAllReduce, Bytes(bytes), group, server};
    const double wire = 2 * 15.0 / 16 * bytes / 400e9;
    const double quick = 6.6e-6 + 2 * (14 * 0.6e-6 + 2.7e-6) + wire / 0.25;
    const double middle = 14e-6 + 2 * (14 * 1.9e-6 + 4e-6) + wire / 0.92;
    const double simple = 8.4e-6 + 2 * (14 * 1.4 * 3.4e-6 + 1.4 * 14e-6) + wire;
    EXPECT_NEAR(ExpectedOfRing(call).si(), std::min({quick, middle, simple}), 1e-12) << bytes;
  }
}

TEST(LocalCopy, SlowsSmallGroupsAndNotLargeOnes) {
  ServerSpec server = Server();
  server.scale_up.local_copy = 0.6;
  const auto bytes = [&](CollectiveKind kind, int ranks) {
    return CostOf(kind, Bytes(1e9), {ranks, 1, ranks}, server).domain_bytes.si();
  };
  // One half is sent, the other copied.
  EXPECT_DOUBLE_EQ(bytes(CollectiveKind::kAllGather, 2), 1e9 / 0.8 * (0.5 + 0.6 * 0.5));
  EXPECT_NEAR(bytes(CollectiveKind::kReduceScatter, 1 << 20), 1e9 / 0.8, 2e3);
  // Who adds up in place copies nothing.
  EXPECT_DOUBLE_EQ(bytes(CollectiveKind::kAllReduce, 2), 1e9 / 0.5);
  EXPECT_DOUBLE_EQ(bytes(CollectiveKind::kBroadcast, 2), 1e9 / 0.8);
}

TEST(InSwitch, ARankSendsItsBufferOnceAndItsPartOfTheSum) {
  const ServerSpec server = SwitchServer();
  for (const int ranks : {5, 8}) {
    const GroupShape group{ranks, 1, ranks};
    const CollectiveCost cost =
        InSwitchCost({CollectiveKind::kAllReduce, Bytes(1e9), group, server});
    EXPECT_DOUBLE_EQ(cost.domain_bytes.si(), (1 + 1.0 / ranks) * 1e9 / 0.6);
    EXPECT_DOUBLE_EQ(cost.latency.si(), 5e-6 + 32e-6);
  }
}

// Beyond a board of eight the bus bandwidth stays what it is there: 2 (n-1)/n S over the time.
TEST(InSwitch, ReachesTheSameBusBandwidthInWiderDomains) {
  const ServerSpec server = SwitchServer();
  const auto bus = [&](int ranks) {
    const GroupShape group{ranks, 1, ranks};
    const CollectiveCost cost =
        InSwitchCost({CollectiveKind::kAllReduce, Bytes(1e12), group, server});
    return 2.0 * (ranks - 1) / ranks * 1e12 / (cost.domain_bytes.si() / kPort);
  };
  EXPECT_NEAR(bus(9) / bus(8), 1, 1e-12);
  EXPECT_NEAR(bus(72) / bus(8), 1, 1e-12);
  EXPECT_LT(bus(7), bus(8));
}

// 64 ranks beyond the eighth of 6 us each, once in a domain and once more for each of two steps of
// a tree. A short buffer waits twice its own time for each.
TEST(InSwitch, WaitsUntilThePipelineOfAllRanksIsFull) {
  ServerSpec server = SwitchServer();
  server.scale_up.in_switch_rank_latency = Seconds(6e-6);
  const GroupShape one{72, 1, 72};
  const GroupShape two{144, 2, 72};
  const CollectiveCall call{CollectiveKind::kAllReduce, Bytes(1e9), one, server};
  EXPECT_NEAR(InSwitchCost(call).latency.si(), 5e-6 + 32e-6 + 64 * 6e-6, 1e-12);
  const CollectiveCall across{CollectiveKind::kAllReduce, Bytes(1e9), two, server};
  EXPECT_NEAR(SwitchTreeLoad(across).latency.si(), 9e-6 + 32e-6 + 2 * 2e-6 + 3 * 64 * 6e-6, 1e-12);
  const CollectiveCall small{CollectiveKind::kAllReduce, Bytes(1e6), one, server};
  const CollectiveCost cost = InSwitchCost(small);
  EXPECT_NEAR(cost.latency.si(), 5e-6 + 32e-6 + 2 * cost.domain_bytes.si() / kPort, 1e-12);
  // A board has no rank beyond its eighth.
  const GroupShape board{8, 1, 8};
  EXPECT_NEAR(InSwitchCost({CollectiveKind::kAllReduce, Bytes(1e9), board, server}).latency.si(),
              5e-6 + 32e-6, 1e-12);
}

TEST(InSwitch, TreesOfMoreThanTwoDomainsHaveAShareOfTheirOwn) {
  ServerSpec server = SwitchServer();
  const auto bytes = [&](int domains) {
    const GroupShape group{8 * domains, domains, 8};
    return SwitchTreeLoad({CollectiveKind::kAllReduce, Bytes(1e9), group, server})
        .domain_bytes.si();
  };
  EXPECT_DOUBLE_EQ(bytes(2), bytes(3));
  server.scale_up.in_switch_tree_efficiency = 0.3;
  EXPECT_DOUBLE_EQ(bytes(2), 10.0 / 8 * 1e9 / 0.6);
  EXPECT_DOUBLE_EQ(bytes(3), 10.0 / 8 * 1e9 / 0.3);
}

// Of one rank in a server no chunk is passed on, and steps of long messages are shorter.
TEST(Trees, OfOneRankInEachServerWaitForNoChunks) {
  ServerSpec server = Server();
  server.scale_out.chunk_latency = Seconds(20e-6);
  server.scale_out.bulk_step_latency = Seconds(42e-6);
  server.accelerator.scale_up_bandwidth = BytesPerSecond(100 * kPort);
  const auto latency = [&](int members) {
    const GroupShape group{2 * members, 2, members};
    return TreeLoad({CollectiveKind::kAllReduce, Bytes(8e9), group, server}).latency.si();
  };
  EXPECT_NEAR(latency(1), 9e-6 + 2 * 2e-6 + 2 * kLone * 40e-6, 1e-9);
  const double wire = 8e9 / 8 / kNic;
  EXPECT_NEAR(latency(8) - 14e-6, 9e-6 + 2 * 2e-6 + 2 * 40e-6 + 2 * std::sqrt(20e-6 * wire), 1e-9);
}

TEST(Library, DoesWithoutWhatIsExcluded) {
  const ServerSpec server = SwitchServer();
  const GroupShape group{16, 2, 8};
  const auto choice = [&](double bytes, const std::vector<std::string>& words) -> std::string {
    std::vector<const Algorithm*> excluded;
    for (const std::string& word : words) {
      for (const Algorithm* algorithm : AlgorithmsMeant(word)) {
        excluded.push_back(algorithm);
      }
    }
    return LibraryChoice({CollectiveKind::kAllReduce, Bytes(bytes), group, server}, excluded).name;
  };
  EXPECT_EQ(choice(1e9, {}), "in_switch_tree");
  EXPECT_EQ(choice(1e9, {"nvls"}), "ring");
  EXPECT_EQ(choice(1e9, {"NVLSTree", "Ring"}), "tree");
  EXPECT_EQ(choice(1e3, {"nvls"}), "tree");
  EXPECT_EQ(choice(1e3, {"nvls", "tree"}), "ring");
}

TEST(Algorithms, AreKnownByTheWordsOfNccl) {
  EXPECT_STREQ(AlgorithmByName("nvls")->name, "in_switch");
  EXPECT_STREQ(AlgorithmByName("NVLSTree")->name, "in_switch_tree");
  EXPECT_STREQ(AlgorithmByName("nvls_tree")->name, "in_switch_tree");
  EXPECT_STREQ(AlgorithmByName("Ring")->name, "ring");
  EXPECT_EQ(AlgorithmsMeant("NVLS").size(), 2U);
  EXPECT_EQ(AlgorithmByName("collnet"), nullptr);
  EXPECT_EQ(CollectiveByName("allreduce"), CollectiveKind::kAllReduce);
  EXPECT_EQ(CollectiveByName("reducescatter"), CollectiveKind::kReduceScatter);
  EXPECT_EQ(CollectiveByName("sendrecv"), CollectiveKind::kSendReceive);
}

// 20 racks of 72: the library expects the switches to be as fast as a port, and takes them although
// a tree would be faster (ExpectedOfSwitch).
TEST(Library, FollowsItsModelInWideDomains) {
  ServerSpec server = SwitchServer();
  server.accelerators = server.nics = 72;
  server.scale_up.in_switch_tree_efficiency = 0.1;
  const GroupShape group{1440, 20, 72};
  const CollectiveCall call{CollectiveKind::kAllReduce, Bytes(4e9), group, server};
  EXPECT_NEAR(ExpectedOfSwitch(call).si(),
              25e-6 + 2 * 5 * 20.9e-6 + 2 * 1439.0 / 1440 * 4e9 / (2 * 0.74 * kPort), 1e-9);
  EXPECT_STREQ(LibraryChoice(call).name, "in_switch_tree");
  EXPECT_LT(TimeOf(TreeLoad(call), call), TimeOf(SwitchTreeLoad(call), call));
}

// 384 ranks under switches that add nothing up: nine steps each way in place of 383.
TEST(Library, TakesFewStepsInADomainOfManyHosts) {
  ServerSpec server = Server();
  server.accelerators = server.nics = 384;
  const GroupShape group{384, 1, 384};
  const auto time = [&](CollectiveKind kind, double bytes) {
    const CollectiveCall call{kind, Bytes(bytes), group, server};
    return TimeOf(FittedCost(call), call) -
           TimeOf(FittedCost({kind, Bytes(0), group, server}), call);
  };
  for (const auto& [kind, rounds] : {std::pair{CollectiveKind::kAllReduce, 2.0},
                                     {CollectiveKind::kAllGather, 1.0},
                                     {CollectiveKind::kReduceScatter, 1.0}}) {
    const CollectiveCall call{kind, Bytes(0), group, server};
    EXPECT_NEAR(TimeOf(FittedCost(call), call), 5e-6 + rounds * 9 * 1e-6, 1e-12);
  }
  EXPECT_NEAR(time(CollectiveKind::kAllGather, 1e9), 383.0 / 384 * 1e9 / (0.8 * kPort), 1e-9);
  EXPECT_STREQ(LibraryChoice({CollectiveKind::kAllReduce, Bytes(8e3), group, server}).name, "tree");
  EXPECT_STREQ(LibraryChoice({CollectiveKind::kBroadcast, Bytes(8e3), group, server}).name, "ring");
  server.network.links = ScaleUpSpec::Links::kMesh;
  EXPECT_STREQ(LibraryChoice({CollectiveKind::kAllReduce, Bytes(8e3), group, server}).name, "ring");
}

TEST(Cost, OnATorusHasTheStepsOfItsAxes) {
  ServerSpec server = Server();
  server.network.links = ScaleUpSpec::Links::kMesh;
  for (const auto& [sides, ranks, steps] : {std::tuple{std::vector{4, 4, 4}, 64, 6},
                                            {std::vector{16, 16}, 256, 16},
                                            {std::vector{16, 16}, 16, 8},
                                            {std::vector{16, 16}, 8, 7},
                                            {std::vector{16, 16}, 17, 16}}) {
    server.network.torus = sides;
    const CollectiveCost cost =
        CostOf(CollectiveKind::kAllReduce, Bytes(0), {ranks, 1, ranks}, server);
    EXPECT_NEAR(cost.latency.si(), 5e-6 + 2 * steps * 1e-6, 1e-12) << ranks;
  }
  // A line takes one step less than it has members, two cores of each chip one more.
  server.network.torus = {4, 4, 4};
  server.network.open = {0, 1, 2};
  const auto latency = [&server](int ranks) {
    return CostOf(CollectiveKind::kAllReduce, Bytes(0), {ranks, 1, ranks}, server).latency.si();
  };
  EXPECT_NEAR(latency(64), 5e-6 + 2 * (3 + 3 + 3) * 1e-6, 1e-12);
  server.network.cores = 2;
  EXPECT_NEAR(latency(128), 5e-6 + 2 * (3 + 3 + 3 + 1) * 1e-6, 1e-12);
}

TEST(InSwitch, IsTakenForLongMessagesOfMoreThanFourRanks) {
  const auto bytes = [](double size, int ranks) {
    return CostOf(CollectiveKind::kAllReduce, Bytes(size), {ranks, 1, ranks}, SwitchServer())
        .domain_bytes.si();
  };
  EXPECT_DOUBLE_EQ(bytes(1e9, 8), 9.0 / 8 * 1e9 / 0.6);
  EXPECT_DOUBLE_EQ(bytes(1e9, 5), 6.0 / 5 * 1e9 / 0.6);
  EXPECT_DOUBLE_EQ(bytes(1e9, 4), 2 * 3.0 / 4 * 1e9 / 0.5);
  // The delays of a ring, 14 us, are less than those of the switch.
  EXPECT_DOUBLE_EQ(bytes(1e3, 8), 2 * 7.0 / 8 * 1e3 / 0.5);
  ServerSpec without = SwitchServer();
  without.scale_up.in_switch_efficiency = 0;
  EXPECT_DOUBLE_EQ(
      CostOf(CollectiveKind::kAllReduce, Bytes(1e9), {8, 1, 8}, without).domain_bytes.si(),
      2 * 7.0 / 8 * 1e9 / 0.5);
}

TEST(InSwitch, TreesOfTwoServersSendTheBufferOnceOverTheNics) {
  // Two edges of half of the buffer each; every NIC takes an eighth. A ring sends 15/8 of it.
  const ServerSpec server = SwitchServer();
  const GroupShape two{16, 2, 8};
  const CollectiveCall call{CollectiveKind::kAllReduce, Bytes(1e9), two, server};
  const CollectiveCost cost = SwitchTreeLoad(call);
  EXPECT_DOUBLE_EQ(cost.nic_bytes.si(), 1e9 / 8 / 0.8);
  // The ports carry an eighth more for the sum, the kernel another eighth from the tree.
  EXPECT_DOUBLE_EQ(cost.domain_bytes.si(), 10.0 / 8 * 1e9 / 0.6);
  EXPECT_DOUBLE_EQ(cost.latency.si(), 9e-6 + 32e-6 + 2 * 2e-6);
  EXPECT_DOUBLE_EQ(RingCost(call).nic_bytes.si(), 15.0 / 8 * 1e9 / 8 / 0.8);
  // Four and more send it twice, and the way is longer.
  const GroupShape many{128, 16, 8};
  const CollectiveCost wide =
      SwitchTreeLoad({CollectiveKind::kAllReduce, Bytes(1e9), many, server});
  EXPECT_DOUBLE_EQ(wide.nic_bytes.si(), 2e9 / 8 / 0.8);
  EXPECT_DOUBLE_EQ(wide.latency.si(), 9e-6 + 32e-6 + 8 * 2e-6);
}

}  // namespace gridlock
