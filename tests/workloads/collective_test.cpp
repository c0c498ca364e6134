// Closed forms of collectives, on paper.

#include "workloads/collective.h"

#include <cmath>

#include <gtest/gtest.h>

namespace gridlock {

namespace {

ServerSpec Server() {
  ServerSpec server;
  server.scale_up = {0.5, 0.8, 0.8, 1.0, Seconds(1e-6), Seconds(5e-6)};
  server.scale_out = {0.8, 0.9, 0.9, 1.0, Seconds(2e-6), Seconds(9e-6)};
  return server;
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

TEST(AllToAll, SendsToAllPairsAtOnce) {
  ServerSpec server = Server();
  server.scale_up.all_to_all_efficiency = 0.7;
  server.scale_out.all_to_all_efficiency = 0.9;
  const CollectiveCost inside = CostOf(CollectiveKind::kAllToAll, Bytes(1e9), {8, 1, 8}, server);
  EXPECT_DOUBLE_EQ(inside.domain_bytes.si(), 7.0 / 8 * 1e9 / 0.7);
  EXPECT_EQ(inside.nic_bytes, Bytes(0));
  EXPECT_DOUBLE_EQ(inside.latency.si(), 6e-6);
  const CollectiveCost across = CostOf(CollectiveKind::kAllToAll, Bytes(1e9), {64, 8, 8}, server);
  EXPECT_DOUBLE_EQ(across.domain_bytes.si(), 7.0 / 64 * 1e9 / 0.7);
  EXPECT_DOUBLE_EQ(across.nic_bytes.si(), 7.0 / 8 * 1e9 / 0.9);  // (d-1)/d of all
  EXPECT_DOUBLE_EQ(across.latency.si(), 11e-6);
}

TEST(AllToAll, OfUnequalDomainsCountsItsPairs) {
  // Domains of 5 and 3: a member sends to at most 4 inside and 5 outside. Weights 4 and 2 inside
  // have 2 in common, 3 and 5 outside nothing.
  GroupShape group{8, 2, 3};
  group.domain_pairs = 2;
  group.nic_pairs = 1;
  const CollectiveCost cost = CostOf(CollectiveKind::kAllToAll, Bytes(8e9), group, Server());
  EXPECT_DOUBLE_EQ(cost.domain_bytes.si(), 2e9);
  EXPECT_DOUBLE_EQ(cost.nic_bytes.si(), 1e9);
}

TEST(AllToAll, OfTokensThatGoToEachDomainOnceSendsACopyPerDomain) {
  const GroupShape group{64, 8, 8};
  const TokenCopies limited{8, 4};
  const double hit = 4 * (1 - std::pow(0.75, 8));  // of four domains, with eight draws
  const CollectiveCost once = AllToAllCost(Bytes(8e9), group, limited, Server());
  EXPECT_DOUBLE_EQ(once.nic_bytes.si(), 7.0 / 8 * hit * 1e9);
  EXPECT_DOUBLE_EQ(once.domain_bytes.si(), 7.0 / 8 * 8e9);  // all copies but those that stay
  // One expert a token: nothing to save across NICs.
  const CollectiveCost single = AllToAllCost(Bytes(8e9), group, {1, 0}, Server());
  EXPECT_DOUBLE_EQ(single.nic_bytes.si(),
                   AllToAllCost(Bytes(8e9), group, {}, Server()).nic_bytes.si());
}

}  // namespace gridlock
