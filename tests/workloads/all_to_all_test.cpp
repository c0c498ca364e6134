// Closed forms of all-to-alls, on paper.

#include <cmath>

#include <gtest/gtest.h>

#include "workloads/program/algorithm.h"
#include "workloads/program/collective.h"

namespace gridlock {

namespace {

ServerSpec ServerOfPairs() {
  ServerSpec server;
  server.accelerators = server.nics = 8;
  server.accelerator.scale_up_bandwidth = BytesPerSecond(400e9);
  server.nic_bandwidth = BytesPerSecond(50e9);
  server.scale_up = {0.5, 0.8, 0.8, 1.0, Seconds(1e-6), Seconds(5e-6)};
  server.scale_out = {0.8, 0.9, 0.9, 1.0, Seconds(2e-6), Seconds(9e-6)};
  return server;
}

CollectiveCost PairsCost(Bytes payload, const GroupShape& group, const TokenCopies& tokens,
                         const ServerSpec& server) {
  return kPairs.costs({CollectiveKind::kAllToAll, payload, group, server, tokens}).front();
}

}  // namespace

TEST(AllToAll, SendsAnNthOfTheBufferToEachRank) {
  ServerSpec server = ServerOfPairs();
  server.scale_up.all_to_all_efficiency = 0.7;
  server.scale_out.all_to_all_efficiency = 0.9;
  const CollectiveCost inside = PairsCost(Bytes(1e9), {8, 1, 8}, {}, server);
  EXPECT_DOUBLE_EQ(inside.domain_bytes.si(), 1.0 / 8 * 1e9 / 0.7);
  EXPECT_DOUBLE_EQ(inside.latency.si(), 5e-6 + 3 * 1e-6);  // a call, and log2 of 8 steps
  const CollectiveCost across = PairsCost(Bytes(1e9), {64, 8, 8}, {}, server);
  EXPECT_DOUBLE_EQ(across.domain_bytes.si(), 1.0 / 64 * 1e9 / 0.7);
  EXPECT_DOUBLE_EQ(across.nic_bytes.si(), 1.0 / 64 * 1e9 / 0.9);
  EXPECT_DOUBLE_EQ(across.latency.si(), 11e-6);
  // A rank's own part goes through the port of its domain, too: as much as to one more rank.
  server.scale_up.all_to_all_local_copy = 1;
  EXPECT_DOUBLE_EQ(PairsCost(Bytes(1e9), {8, 1, 8}, {}, server).domain_bytes.si(),
                   8.0 / 7 * 1.0 / 8 * 1e9 / 0.7);
  EXPECT_DOUBLE_EQ(PairsCost(Bytes(1e9), {64, 8, 8}, {}, server).nic_bytes.si(),
                   1.0 / 64 * 1e9 / 0.9);
}

TEST(AllToAll, OfTokensThatGoToEachDomainOnceSendsACopyPerDomain) {
  // A NIC carries 56 of the 64 pairs of a rank, a port 7.
  const GroupShape group{64, 8, 8};
  const TokenCopies limited{8, 4};
  const double hit = 4 * (1 - std::pow(0.75, 8));  // of four domains, with eight draws
  const CollectiveCost once = PairsCost(Bytes(8e9), group, limited, ServerOfPairs());
  EXPECT_DOUBLE_EQ(56 * once.nic_bytes.si(), 7.0 / 8 * hit * 1e9);
  // Of eight copies those on one rank of these 32 go there once; an eighth stays.
  const double ranks = 32 * (1 - std::pow(31.0 / 32, 8));
  EXPECT_DOUBLE_EQ(7 * once.domain_bytes.si(), 7.0 / 8 * ranks * 1e9);
  // One expert a token: nothing to save across NICs.
  const CollectiveCost single = PairsCost(Bytes(8e9), group, {1, 0}, ServerOfPairs());
  EXPECT_DOUBLE_EQ(single.nic_bytes.si(),
                   PairsCost(Bytes(8e9), group, {}, ServerOfPairs()).nic_bytes.si());
}

TEST(AllToAll, InsideADomainTokensThatGoOnceReachEachRankOnce) {
  const double all = PairsCost(Bytes(8e9), {8, 1, 8}, {}, ServerOfPairs()).domain_bytes.si();
  const double once = PairsCost(Bytes(8e9), {8, 1, 8}, {8, 0}, ServerOfPairs()).domain_bytes.si();
  EXPECT_DOUBLE_EQ(once / all, (1 - std::pow(7.0 / 8, 8)));  // 5.3 of 8 copies
}

}  // namespace gridlock
