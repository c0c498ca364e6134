// Tests of collectives from a scenario: what the rows say, and that the three evaluators agree.

#include "sim/study/collective_study.h"

#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "tests/engine/machines.h"

namespace gridlock {

namespace {

Scenario TestOn(const SiteSpec& site, CollectiveKind kind, const std::vector<Bytes>& sizes) {
  Scenario scenario = ScenarioOf(site, SmallJob({}, 1));
  CollectiveTestSpec test;
  test.path = "job[0].collective_test";
  test.kind = kind;
  test.sizes = sizes;
  scenario.jobs[0].kind = test;
  return scenario;
}

CollectiveTestSpec& TestOf(Scenario& scenario) {
  return std::get<CollectiveTestSpec>(scenario.jobs[0].kind);
}

}  // namespace

TEST(ACollectiveTest, TellsTheBandwidthsOfItsDefinition) {
  // 16 ranks in two servers of 8; a ring sends 2 x 15/16 of the buffer through 8 NICs.
  Scenario scenario =
      TestOn(OneLeafSite(IdealServer(8, 8), 2), CollectiveKind::kAllReduce, {Bytes(1e9)});
  TestOf(scenario).algorithm = &kRing;
  const StepRecord record = Evaluate(scenario, Fidelity::kFolded);
  ASSERT_EQ(record.tested.size(), 1U);
  const CollectiveResult& row = record.tested[0];
  const double seconds = 2.0 * 15 / 16 * 1e9 / (8 * kNic);
  EXPECT_EQ(row.ranks, 16);
  EXPECT_EQ(row.groups, 1);
  EXPECT_NEAR(row.time.si(), seconds, 1e-6 * seconds);
  EXPECT_NEAR(row.algorithm_bandwidth.si(), 1e9 / seconds, 1e-6 * 1e9 / seconds);
  EXPECT_NEAR(row.bus_bandwidth.si(), 8 * kNic, 1e-6 * 8 * kNic);
  EXPECT_EQ(row.wall, "nic");
  EXPECT_TRUE(row.fastest);
}

TEST(ACollectiveTest, NamesTheTierThatBinds) {
  const auto wall_of = [](const SiteSpec& site, double bytes) {
    Scenario scenario = TestOn(site, CollectiveKind::kAllToAll, {Bytes(bytes)});
    return Evaluate(scenario, Fidelity::kFolded).tested[0].wall;
  };
  ServerSpec server = IdealServer(8, 8);
  server.scale_up.base_latency = Seconds(5e-6);
  EXPECT_EQ(wall_of(OneLeafSite(server, 1), 1e9), "scale_up");
  EXPECT_EQ(wall_of(OneLeafSite(server, 1), 1e3), "latency");
  EXPECT_EQ(wall_of(OneLeafSite(server, 4), 1e9), "nic");
  EXPECT_EQ(
      wall_of(ClosSite(server,
                       {.servers = 4, .servers_per_leaf = 2, .leaves_per_pod = 2, .leaf_over = 4}),
              1e9),
      "leaf");
}

TEST(ACollectiveTest, MarksTheFastestAlgorithmOfEachSize) {
  // Delays of 10 us a step: a tree of 60 servers has 12 of them, a ring 118. Of long messages both
  // send the same but for 1/60, which is for the ring.
  ServerSpec server = IdealServer(1, 1);
  server.scale_out.step_latency = Seconds(10e-6);
  const Scenario scenario =
      TestOn(OneLeafSite(server, 60), CollectiveKind::kAllReduce, {Bytes(1e6), Bytes(100e9)});
  const StepRecord record = Evaluate(scenario, Fidelity::kFolded);
  ASSERT_EQ(record.tested.size(), 4U);
  for (const CollectiveResult& row : record.tested) {
    const bool is_short = row.size == Bytes(1e6);
    EXPECT_EQ(row.fastest, row.algorithm == (is_short ? "tree" : "ring")) << row.algorithm;
  }
}

TEST(ACollectiveTest, OfUnequalGroupsTakesAsLongAsTheSlowest) {
  // Groups of 6 of 24 ranks on three servers of 8: two lie in one server, and two have 2 members in
  // one and 4 in another.
  Scenario scenario =
      TestOn(OneLeafSite(IdealServer(8, 8), 3), CollectiveKind::kAllToAll, {Bytes(1e9)});
  TestOf(scenario).group_size = 6;
  const CollectiveResult row = Evaluate(scenario, Fidelity::kFolded).tested[0];
  const double seconds = 4.0 / 6 * 1e9 / kNic;  // two NICs send to four others each
  EXPECT_EQ(row.groups, 4);
  EXPECT_NEAR(row.time.si(), seconds, 1e-6 * seconds);
}

TEST(ACollectiveTest, TakesTheSameByAllThreeEvaluators) {
  Scenario scenario =
      TestOn(ClosSite(RealisticServer(8, 8),
                      {.servers = 7, .servers_per_leaf = 2, .leaves_per_pod = 4, .leaf_over = 3}),
             CollectiveKind::kAllReduce, {Bytes(1e8), Bytes(1e9)});
  TestOf(scenario).iterations = 3;
  const auto records = Evaluate({{scenario, Fidelity::kFull},
                                 {scenario, Fidelity::kFolded},
                                 {scenario, Fidelity::kAnalytic}});
  for (const StepRecord& record : records) {
    ASSERT_EQ(record.tested.size(), records[0].tested.size());
    for (std::size_t i = 0; i < record.tested.size(); ++i) {
      const double seconds = records[0].tested[i].time.si();
      EXPECT_NEAR(record.tested[i].time.si(), seconds, 1e-6 * seconds);
      EXPECT_EQ(record.tested[i].wall, records[0].tested[i].wall);
      EXPECT_EQ(record.tested[i].fastest, records[0].tested[i].fastest);
    }
  }
}

TEST(ACollectiveTest, OfTooManyGroupsIsRefusedInFullAndRunsFolded) {
  Scenario scenario = TestOn(
      ClosSite(IdealServer(8, 8), {.servers = 4000, .servers_per_leaf = 200, .leaves_per_pod = 20}),
      CollectiveKind::kAllGather, {Bytes(1e9)});
  EXPECT_NO_THROW(CheckScenario(scenario, Fidelity::kFull));  // one group of 32,000 ranks
  TestOf(scenario).group_size = 2;
  EXPECT_NO_THROW(CheckScenario(scenario, Fidelity::kFolded));
  try {
    CheckScenario(scenario, Fidelity::kFull);
    ADD_FAILURE() << "not refused";
  } catch (const UserError& error) {
    EXPECT_STREQ(
        error.problems().front().message.c_str(),
        "full fidelity runs one actor per group and one for its ranks; 32001 are needed and "
        "28000 is the most; use --fidelity folded, which gives the same times");
  }
}

}  // namespace gridlock
