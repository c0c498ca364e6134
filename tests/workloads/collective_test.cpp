// Closed forms of collectives, on paper.

#include "workloads/program/collective.h"

#include <cmath>

#include <gtest/gtest.h>

#include "workloads/program/algorithm.h"

namespace gridlock {

namespace {

ServerSpec Server() {
  ServerSpec server;
  server.scale_up = {0.5, 0.8, 0.8, 1.0, Seconds(1e-6), Seconds(5e-6)};
  server.scale_out = {0.8, 0.9, 0.9, 1.0, Seconds(2e-6), Seconds(9e-6)};
  return server;
}

CollectiveCost CostOf(CollectiveKind kind, Bytes payload, const GroupShape& group,
                      const ServerSpec& server) {
  return FittedCost({kind, payload, group, server});
}

CollectiveCost PairsCost(Bytes payload, const GroupShape& group, const TokenCopies& tokens,
                         const ServerSpec& server) {
  return kPairs.costs({CollectiveKind::kAllToAll, payload, group, server, tokens}).front();
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
  EXPECT_DOUBLE_EQ(cost.latency.si(), 9e-6 + 7 * 1e-6 + 3 * 2e-6);
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

TEST(Protocols, ShortMessagesTakeTheOneOfLowLatency) {
  // The lines 2.5 w / B and 10 us + 1.25 w / B meet at w = 8 us x B.
  ServerSpec server = Server();
  server.accelerator.scale_up_bandwidth = BytesPerSecond(100e9);
  server.scale_up.low_latency_efficiency = 0.4;
  server.scale_up.bulk_latency = Seconds(10e-6);
  const auto cost = [&](double wire) {
    return CostOf(CollectiveKind::kAllGather, Bytes(wire * 8 / 7), {8, 1, 8}, server);
  };
  EXPECT_DOUBLE_EQ(cost(7.9e5).domain_bytes.si(), 7.9e5 / 0.4);
  EXPECT_DOUBLE_EQ(cost(7.9e5).latency.si(), 5e-6 + 7 * 1e-6);
  EXPECT_DOUBLE_EQ(cost(8.1e5).domain_bytes.si(), 8.1e5 / 0.8);
  EXPECT_DOUBLE_EQ(cost(8.1e5).latency.si(), 5e-6 + 7 * 1e-6 + 10e-6);
  // Their meeting is no jump, and a longer message never takes less.
  const auto time = [&](double wire) {
    return cost(wire).latency.si() + cost(wire).domain_bytes.si() / 100e9;
  };
  EXPECT_NEAR(time(8e5 - 1), time(8e5 + 1), 1e-10);
  for (double wire = 1e3; wire < 1e9; wire *= 1.3) {
    EXPECT_LT(time(wire), time(wire * 1.3));
  }
}

TEST(Protocols, OfNicsAreChosenByTheNic) {
  ServerSpec server = Server();
  server.nic_bandwidth = BytesPerSecond(10e9);
  server.scale_out.low_latency_efficiency = 0.3;
  server.scale_out.bulk_latency = Seconds(100e-6);
  const auto nic = [&](double payload) {
    return CostOf(CollectiveKind::kAllGather, Bytes(payload), {2, 2, 1}, server);
  };
  // (1 / 0.3 - 1 / 0.9) w / B = 100 us at w = 450 KB; half of the buffer is sent.
  EXPECT_DOUBLE_EQ(nic(8.9e5).nic_bytes.si(), 4.45e5 / 0.3);
  EXPECT_DOUBLE_EQ(nic(9.1e5).nic_bytes.si(), 4.55e5 / 0.9);
}

TEST(LocalCopy, SlowsSmallGroupsAndNotLargeOnes) {
  ServerSpec server = Server();
  server.scale_up.local_copy = 0.6;
  const auto bytes = [&](int ranks) {
    return CostOf(CollectiveKind::kAllGather, Bytes(1e9), {ranks, 1, ranks}, server)
        .domain_bytes.si();
  };
  EXPECT_DOUBLE_EQ(bytes(2), 1e9 / 0.8 * (0.5 + 0.6) / 1.6);
  EXPECT_NEAR(bytes(1 << 20), 1e9 / 0.8, 2e3);
}

TEST(AllToAll, SendsAnNthOfTheBufferToEachRank) {
  ServerSpec server = Server();
  server.scale_up.all_to_all_efficiency = 0.7;
  server.scale_out.all_to_all_efficiency = 0.9;
  const CollectiveCost inside = PairsCost(Bytes(1e9), {8, 1, 8}, {}, server);
  EXPECT_DOUBLE_EQ(inside.domain_bytes.si(), 1.0 / 8 * 1e9 / 0.7);
  EXPECT_DOUBLE_EQ(inside.latency.si(), 6e-6);
  const CollectiveCost across = PairsCost(Bytes(1e9), {64, 8, 8}, {}, server);
  EXPECT_DOUBLE_EQ(across.domain_bytes.si(), 1.0 / 64 * 1e9 / 0.7);
  EXPECT_DOUBLE_EQ(across.nic_bytes.si(), 1.0 / 64 * 1e9 / 0.9);
  EXPECT_DOUBLE_EQ(across.latency.si(), 11e-6);
}

TEST(AllToAll, OfTokensThatGoToEachDomainOnceSendsACopyPerDomain) {
  // A NIC carries 56 of the 64 pairs of a rank, a port 7.
  const GroupShape group{64, 8, 8};
  const TokenCopies limited{8, 4};
  const double hit = 4 * (1 - std::pow(0.75, 8));  // of four domains, with eight draws
  const CollectiveCost once = PairsCost(Bytes(8e9), group, limited, Server());
  EXPECT_DOUBLE_EQ(56 * once.nic_bytes.si(), 7.0 / 8 * hit * 1e9);
  EXPECT_DOUBLE_EQ(7 * once.domain_bytes.si(), 7.0 / 8 * 8e9);  // all copies but those that stay
  // One expert a token: nothing to save across NICs.
  const CollectiveCost single = PairsCost(Bytes(8e9), group, {1, 0}, Server());
  EXPECT_DOUBLE_EQ(single.nic_bytes.si(),
                   PairsCost(Bytes(8e9), group, {}, Server()).nic_bytes.si());
}

}  // namespace gridlock
