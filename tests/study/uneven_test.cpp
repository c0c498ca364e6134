// All-to-alls whose parts differ, and protocols by name, on machines that paper can follow.

#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/study/collective_study.h"
#include "sim/study/uneven_study.h"
#include "tests/engine/machines.h"

namespace gridlock {
namespace {

constexpr double kClosely = 1e-6;

Scenario TestOn(const SiteSpec& site, double bytes) {
  Scenario scenario = ScenarioOf(site, SmallJob({}, 1));
  CollectiveTestSpec test;
  test.path = "job[0].collective_test";
  test.kind = CollectiveKind::kAllToAll;
  test.sizes = {Bytes(bytes)};
  scenario.jobs[0].kind = test;
  return scenario;
}

CollectiveTestSpec& UnevenTestOf(Scenario& scenario) {
  return std::get<CollectiveTestSpec>(scenario.jobs[0].kind);
}

double UnevenTimeOf(const Scenario& scenario, Fidelity fidelity = Fidelity::kFolded) {
  return Evaluate(scenario, fidelity).tested.front().time.si();
}

Scenario Uneven(const SiteSpec& site, double bytes, double imbalance) {
  Scenario scenario = TestOn(site, bytes);
  UnevenTestOf(scenario).uneven = true;
  UnevenTestOf(scenario).imbalance = imbalance;
  return scenario;
}

std::string RefusalOf(const Scenario& scenario, Fidelity fidelity = Fidelity::kFolded) {
  try {
    CheckCollectiveTest(scenario, fidelity);
  } catch (const UserError& error) {
    return error.problems().front().path + ": " + error.problems().front().message;
  }
  return "";
}

const SiteSpec kFourServers = OneLeafSite(IdealServer(1, 1), 4);

}  // namespace

TEST(AnUnevenAllToAll, OfEqualPartsIsAnAllToAll) {
  for (const SiteSpec& site : {kFourServers, OneLeafSite(IdealServer(4, 4), 2)}) {
    const double even = UnevenTimeOf(TestOn(site, 1e9));
    EXPECT_NEAR(UnevenTimeOf(Uneven(site, 1e9, 1)), even, kClosely * even);
    EXPECT_NEAR(UnevenTimeOf(Uneven(site, 1e9, 1), Fidelity::kFull), even, kClosely * even);
  }
}

// Of n ranks that send S bytes each, the first gets F S, of which it has F S / n itself.
TEST(AnUnevenAllToAll, TakesAsLongAsTheRankThatGetsTheMost) {
  for (const double imbalance : {1.5, 2.0, 3.25, 4.0}) {
    const double seconds = imbalance * 1e9 * 3 / 4 / kNic;
    const StepRecord record = Evaluate(Uneven(kFourServers, 1e9, imbalance), Fidelity::kFolded);
    const CollectiveResult& row = record.tested.front();
    EXPECT_NEAR(row.time.si(), seconds, kClosely * seconds) << imbalance;
    EXPECT_EQ(row.collective, "all_to_allv");
    EXPECT_EQ(row.wall, "nic");
    EXPECT_NEAR(row.nic_load.si(), imbalance * 1e9 * 3 / 4, 1e3);
    EXPECT_NEAR(row.bus_bandwidth.si(), kNic / imbalance, kClosely * kNic);
    EXPECT_NEAR(UnevenTimeOf(Uneven(kFourServers, 1e9, imbalance), Fidelity::kFull), seconds,
                kClosely * seconds);
  }
}

// Beyond 1,024 ranks loads are added up: the same closed form, and that of messages where both run.
TEST(AnUnevenAllToAll, OfManyRanksMovesAtThePaceOfItsBusiestLink) {
  for (const int servers : {16, 256}) {
    const SiteSpec site = ClosSite(
        IdealServer(8, 8),
        {.servers = servers, .servers_per_leaf = 8, .leaves_per_pod = servers / 8, .rails = false});
    const int n = 8 * servers;
    // From all other servers; the seven neighbours come over ports.
    const double seconds = 3.0 * 1e9 * (n - 8) / n / kNic;
    EXPECT_NEAR(UnevenTimeOf(Uneven(site, 1e9, 3)), seconds, 1e-3 * seconds) << n;
  }
}

TEST(AnUnevenAllToAll, TakesPartsOfRanksOrOfPairs) {
  Scenario scenario = Uneven(kFourServers, 1e9, 0);
  UnevenTestOf(scenario).parts = {2, 1, 1,
                                  4};  // rank 3 gets 4/8 of what each of three others sends
  const double half = 3 * 1e9 / 2 / kNic;
  EXPECT_NEAR(UnevenTimeOf(scenario), half, kClosely * half);

  // Rank 0 alone sends, all to rank 1: four buffers, so that a rank sends one in the mean.
  UnevenTestOf(scenario).parts.assign(16, 0);
  UnevenTestOf(scenario).parts[1] = 7;
  const double all = 4e9 / kNic;
  EXPECT_NEAR(UnevenTimeOf(scenario), all, kClosely * all);
}

TEST(AnUnevenAllToAll, SharesOutAWholeBuffer) {
  CollectiveTestSpec test;
  test.imbalance = 2.5;
  for (const int n : {3, 4, 16}) {
    const std::vector<double> parts = UnevenParts(test, n);
    EXPECT_NEAR(std::accumulate(parts.begin(), parts.end(), 0.0), n, 1e-12);
    double first = 0;
    for (int from = 0; from < n; ++from) {
      first += parts[static_cast<std::size_t>(from * n)];
    }
    EXPECT_NEAR(first, 2.5, 1e-12) << "the mean is 1";
  }
}

TEST(AnUnevenAllToAll, RefusesWhatDoesNotFit) {
  EXPECT_EQ(RefusalOf(Uneven(kFourServers, 1e9, 5)),
            "job[0].collective_test.imbalance: the first of 4 ranks cannot get 5 times the mean; "
            "expected 1 to 4");
  EXPECT_EQ(RefusalOf(Uneven(kFourServers, 1e9, 0)),
            "job[0].collective_test.collective: none of \"imbalance\" and \"part\" is given; "
            "expected one of them, e.g. imbalance: 2");
  Scenario three = Uneven(kFourServers, 1e9, 0);
  UnevenTestOf(three).parts = {1, 2, 3};
  EXPECT_EQ(RefusalOf(three),
            "job[0].collective_test.part: 3 parts are given for groups of 4 ranks; expected 4, one "
            "for each rank, or 16, one for each pair");
  Scenario even = TestOn(kFourServers, 1e9);
  UnevenTestOf(even).imbalance = 2;
  EXPECT_EQ(RefusalOf(even),
            "job[0].collective_test.imbalance: the parts of all_to_all are alike; expected "
            "collective: \"all_to_allv\"");
  EXPECT_NE(RefusalOf(Uneven(kFourServers, 1e9, 2), Fidelity::kAnalytic), "");
}

namespace {

Scenario RingAt(Protocol protocol, double bytes, const SiteSpec& site) {
  Scenario scenario = TestOn(site, bytes);
  UnevenTestOf(scenario).kind = CollectiveKind::kAllReduce;
  UnevenTestOf(scenario).algorithm = &kRing;
  UnevenTestOf(scenario).protocol = protocol;
  return scenario;
}

}  // namespace

// 8,192 ranks in 1,024 servers: 8,184/8,192 of the buffer leaves through each NIC, whichever pairs
// stand for all; and a leaf at a quarter of its ports takes four times as long for what leaves it.
TEST(AnAllToAll, OfTooManyRanksToLayIsPacedByItsBusiestLink) {
  const double once = 8184.0 / 8192 * 1e9 / kNic;
  const SiteSpec one =
      ClosSite(IdealServer(8, 8), {.servers = 1024, .servers_per_leaf = 128, .leaves_per_pod = 8});
  EXPECT_NEAR(UnevenTimeOf(TestOn(one, 1e9)), once, 5e-3 * once);
  EXPECT_NEAR(UnevenTimeOf(TestOn(one, 1e9), Fidelity::kAnalytic), once, 5e-3 * once);
  const SiteSpec clos =
      ClosSite(IdealServer(8, 8),
               {.servers = 1024, .servers_per_leaf = 32, .leaves_per_pod = 32, .leaf_over = 4});
  const double leaves = 4 * (1 - 256.0 / 8192) * 1e9 / kNic;
  EXPECT_NEAR(UnevenTimeOf(TestOn(clos, 1e9)), leaves, 0.01 * leaves);
  EXPECT_EQ(
      MessageOf(TestOn(one, 1e9), Fidelity::kFull),
      "job[0].collective_test.ranks: full fidelity lays every pair of all_to_all in groups of "
      "8192; expected --fidelity folded, where some pairs stand for all, or at most 4096 ranks "
      "in a group");
}

// Of what goes over a wire, half is data by LL and 120 of 128 bytes by LL128.
TEST(AProtocol, SendsItsFlagsBesideTheData) {
  for (const SiteSpec& site : {kFourServers, OneLeafSite(IdealServer(4, 4), 1)}) {
    const double simple = UnevenTimeOf(RingAt(Protocol::kSimple, 1e11, site));
    EXPECT_NEAR(UnevenTimeOf(RingAt(Protocol::kAutomatic, 1e11, site)) / simple, 1, 1e-4);
    EXPECT_NEAR(UnevenTimeOf(RingAt(Protocol::kLl, 1e11, site)) / simple, 2, 1e-4);
    EXPECT_NEAR(UnevenTimeOf(RingAt(Protocol::kLl128, 1e11, site)) / simple, 128.0 / 120, 1e-4);
  }
}

// The steps of a ring of four over NICs: 6 of them, 1.3 and 11.3 us longer than those of LL.
TEST(AProtocol, WaitsLongerTheFewerItsFlags) {
  const double ll = UnevenTimeOf(RingAt(Protocol::kLl, 8, kFourServers));
  EXPECT_NEAR(UnevenTimeOf(RingAt(Protocol::kLl128, 8, kFourServers)) - ll, 6 * 1.3e-6, 1e-8);
  EXPECT_NEAR(UnevenTimeOf(RingAt(Protocol::kSimple, 8, kFourServers)) - ll, 6 * 11.3e-6, 1e-8);
}

TEST(AProtocol, OfSwitchesIsSimple) {
  ServerSpec server = IdealServer(8, 8);
  server.scale_up.in_switch_efficiency = 0.8;
  Scenario scenario = RingAt(Protocol::kLl, 1e9, OneLeafSite(server, 1));
  UnevenTestOf(scenario).algorithm = AlgorithmByName("in_switch");
  EXPECT_EQ(
      RefusalOf(scenario),
      "job[0].collective_test.protocol: switches add up by the protocol \"simple\" alone, and "
      "\"ll\" is asked for; expected \"simple\" or \"automatic\"");
}

TEST(AProtocol, IsKnownByItsNameInAnyCase) {
  EXPECT_EQ(ProtocolByName("LL128"), Protocol::kLl128);
  EXPECT_EQ(ProtocolByName("Simple"), Protocol::kSimple);
  EXPECT_EQ(ProtocolByName("auto"), Protocol::kAutomatic);
  EXPECT_EQ(ProtocolByName(""), Protocol::kAutomatic);
  EXPECT_FALSE(ProtocolByName("ll64").has_value());
}

}  // namespace gridlock
