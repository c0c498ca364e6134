// Steps between servers: which way a library takes, and the switches on it.

#include <string>

#include <gtest/gtest.h>

#include "workloads/program/algorithm.h"
#include "workloads/program/collective.h"

namespace gridlock {

namespace {

constexpr double kNicOfEight = 50e9;

ServerSpec EightOnANetwork() {
  ServerSpec server;
  server.accelerators = server.nics = 8;
  server.accelerator.scale_up_bandwidth = BytesPerSecond(400e9);
  server.nic_bandwidth = BytesPerSecond(kNicOfEight);
  server.scale_up = {0.5, 0.8, 0.8, 1.0, Seconds(1e-6), Seconds(5e-6)};
  server.scale_out = {0.8, 0.9, 0.9, 1.0, Seconds(2e-6), Seconds(9e-6)};
  return server;
}

}  // namespace

// NCCL joins one rank of each server by aggregated trees where it expects less of them: of 64 ranks
// 8 + 6 x 4 + 64 x 2.8 us, and rings 63 steps of 5 (LL) to 14 us (Simple).
TEST(AggregatedTrees, AreTakenForShortGathersOfOneRankOfEachServer) {
  const ServerSpec server = EightOnANetwork();
  const GroupShape one_each{64, 64, 1}, two_each{64, 32, 2}, few{4, 4, 1};
  const auto choice = [&](CollectiveKind kind, double bytes, const GroupShape& group) {
    return std::string(LibraryChoice({kind, Bytes(bytes), group, server}).name);
  };
  const CollectiveCall call{CollectiveKind::kAllGather, Bytes(1e6), one_each, server};
  EXPECT_NEAR(ExpectedOfAggregatedTrees(call).si(),
              (8 + 6 * 4 + 64 * 2.8) * 1e-6 + 1e6 / (0.75 * kNicOfEight), 1e-12);
  EXPECT_EQ(choice(CollectiveKind::kAllGather, 1e6, one_each), "pat");
  EXPECT_EQ(choice(CollectiveKind::kReduceScatter, 1e3, one_each), "pat");
  EXPECT_EQ(choice(CollectiveKind::kAllGather, 1e9, one_each), "ring") << "three quarters as fast";
  EXPECT_EQ(choice(CollectiveKind::kAllGather, 1e3, few), "ring") << "three steps are few";
  EXPECT_EQ(choice(CollectiveKind::kAllGather, 1e6, two_each), "ring");
  EXPECT_EQ(choice(CollectiveKind::kBroadcast, 1e6, one_each), "ring");
}

// Two servers of A100: 25 GB/s of NIC for each rank and 300 GB/s of NVLink, so 2 GB in 240 GB/s x
// 0.92 by a tree and 15/8 GB in 200 GB/s by a ring. Four servers count with their NICs.
TEST(Library, TakesTreesOverTwoServersOfA100) {
  ServerSpec server = EightOnANetwork();
  server.accelerator.scale_up_bandwidth = BytesPerSecond(300e9);
  server.nic_bandwidth = BytesPerSecond(25e9);
  const auto call = [&](int domains) {
    return CollectiveCall{
        CollectiveKind::kAllReduce, Bytes(1e9), {8 * domains, domains, 8}, server};
  };
  EXPECT_STREQ(LibraryChoice(call(2)).name, "tree");
  EXPECT_STREQ(LibraryChoice(call(4)).name, "ring");
}

// Switches beyond the first one: rings pass them from domain to domain, trees on every level.
TEST(SwitchesBeyondTheFirst, DelayStepsBetweenDomains) {
  const ServerSpec server = EightOnANetwork();
  GroupShape near{64, 8, 8};
  GroupShape far = near;
  far.ring_hop = Seconds(0.25e-6);
  far.tree_hops = Seconds(3e-6);
  far.far_hop = Seconds(1.5e-6);
  const auto more = [&](CollectiveKind kind, const auto& cost) {
    return (cost(CollectiveCall{kind, Bytes(1e6), far, server}).latency -
            cost(CollectiveCall{kind, Bytes(1e6), near, server}).latency)
        .si();
  };
  EXPECT_NEAR(more(CollectiveKind::kAllReduce, RingCost), 2 * 7 * 0.25e-6, 1e-15);
  EXPECT_NEAR(more(CollectiveKind::kAllGather, RingCost), 7 * 0.25e-6, 1e-15);
  EXPECT_NEAR(more(CollectiveKind::kAllReduce, TreeLoad), 2 * 3e-6, 1e-15);
  EXPECT_NEAR(more(CollectiveKind::kAllToAll,
                   [](const CollectiveCall& call) {
                     return kPairs.costs(call).front();
                   }),
              1.5e-6, 1e-15);
}

}  // namespace gridlock
