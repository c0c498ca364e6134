// Measured collectives: what a row becomes, and what is said of a row that cannot run.

#include "sim/validation/collective_cases.h"

#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/validation/case_table.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Cells = std::map<std::string, std::string>;

/// 16 H100 in two servers, with what `cells` say differently.
MeasuredResult RowOf(const Cells& cells) {
  MeasuredResult result;
  result.row.cells = {{"id", "A"},
                      {"role", "headline"},
                      {"server", "dgx_h100"},
                      {"accelerator", "h100_sxm"},
                      {"servers", "2"},
                      {"ranks_per_server", "8"},
                      {"nics_per_server", "8"},
                      {"nic_gbps", "400"},
                      {"op", "all_reduce"},
                      {"algorithm", "ring"},
                      {"bytes", "1073741824"},
                      {"metric", "busbw_gbs"},
                      {"value", "300"}};
  for (const auto& [column, text] : cells) {
    result.row.cells[column] = text;
  }
  result.published = result.row.Number("value");
  return result;
}

class CollectiveRow : public ::testing::Test {
 protected:
  [[nodiscard]] std::string ScenarioOfRow(const Cells& cells) const {
    MeasuredResult result = RowOf(cells);
    const std::string text = CollectiveScenarioOf(catalogue_, result);
    EXPECT_EQ(result.status, CaseStatus::kSimulated) << result.reason;
    return text;
  }

  /// Why a row is not simulated.
  [[nodiscard]] std::string ReasonOf(const Cells& cells) const {
    MeasuredResult result = RowOf(cells);
    EXPECT_EQ(CollectiveScenarioOf(catalogue_, result), "");
    EXPECT_EQ(result.status, CaseStatus::kUnsupported);
    return result.reason;
  }

  [[nodiscard]] std::string AssumedOf(const Cells& cells) const {
    MeasuredResult result = RowOf(cells);
    EXPECT_NE(CollectiveScenarioOf(catalogue_, result), "");
    return result.reason;
  }

  /// The reports of a table of such rows.
  [[nodiscard]] MeasuredReport Simulated(const std::vector<Cells>& rows) const {
    const std::string file = ::testing::TempDir() + "/collectives.csv";
    std::ofstream out(file);
    const Cells columns = RowOf({}).row.cells;
    for (const auto& [column, text] : columns) {
      out << column << ',';
    }
    out << "notes\n";
    for (const Cells& cells : rows) {
      const Cells row = RowOf(cells).row.cells;
      for (const auto& [column, text] : columns) {
        out << row.at(column) << ',';
      }
      out << (row.contains("notes") ? row.at("notes") : "") << '\n';
    }
    out.close();
    return ValidateCollectives({file}, catalogue_, {});
  }

  const CatalogueList catalogue_ = ListCatalogue();
};

TEST_F(CollectiveRow, BecomesATestOnItsServers) {
  const std::string text = ScenarioOfRow({});
  EXPECT_THAT(text, HasSubstr("server: \"dgx_h100\"\n  servers: 2\n"));
  EXPECT_THAT(text, HasSubstr("nics: 8 nic_bandwidth: \"400 Gbps\""));
  EXPECT_THAT(text, HasSubstr("collective: \"all_reduce\""));
  EXPECT_THAT(text, HasSubstr("algorithm: \"ring\""));
  EXPECT_THAT(text, HasSubstr("routing: SPRAY"));
  EXPECT_THAT(text, Not(HasSubstr("transport:")));
}

TEST_F(CollectiveRow, OfOneServerNeedsNoNics) {
  const std::string text =
      ScenarioOfRow({{"servers", "1"}, {"nics_per_server", ""}, {"nic_gbps", ""}});
  EXPECT_THAT(text, Not(HasSubstr("nics:")));
}

// Four of eight ranks with four NICs: each has the NIC that it had.
TEST_F(CollectiveRow, GivesEachRankTheNicsThatItHad) {
  EXPECT_THAT(ScenarioOfRow({{"ranks_per_server", "4"}, {"nics_per_server", "4"}}),
              HasSubstr("nics: 8 nic_bandwidth: \"400 Gbps\""));
}

// One rank of a server of eight NICs reaches the one beside it, and of one with 32 four.
TEST_F(CollectiveRow, GivesARankNoMoreThanIsBesideIt) {
  EXPECT_THAT(ScenarioOfRow({{"ranks_per_server", "1"}, {"nics_per_server", "8"}}),
              HasSubstr("nics: 8 nic_bandwidth: \"400 Gbps\""));
  EXPECT_THAT(
      ScenarioOfRow({{"ranks_per_server", "1"}, {"nics_per_server", "32"}, {"nic_gbps", "100"}}),
      HasSubstr("nics: 32 nic_bandwidth: \"100 Gbps\""));
}

// sendrecv_perf of few bytes between two servers takes 31 to 34 us (NVIDIA/nccl-tests issue 214),
// a write of RDMA 3.
TEST_F(CollectiveRow, SentByALibraryTakesItsCall) {
  const Cells message = {{"ranks_per_server", "1"}, {"nics_per_server", "1"},
                         {"op", "send_recv"},       {"algorithm", "auto"},
                         {"bytes", "256"},          {"metric", "time_us"}};
  Cells library = message;
  library["notes"] = "sendrecv_perf";
  const MeasuredReport report = Simulated({message, library});
  EXPECT_NEAR(report.results[0].predicted.value(), 2.8, 0.2);
  EXPECT_NEAR(report.results[1].predicted.value() - report.results[0].predicted.value(), 22.4,
              1e-6);
}

// Two cards of a desktop are not two of eight on two sockets.
TEST_F(CollectiveRow, OfTwoCardsHasOneSocket) {
  const Cells pair = {{"server", "2 cards"},
                      {"accelerator", "rtx_4090"},
                      {"servers", "1"},
                      {"ranks_per_server", "2"}};
  EXPECT_THAT(ScenarioOfRow(pair), HasSubstr("server: \"rtx_4090_pair\""));
  Cells four = pair;
  four["ranks_per_server"] = "4";
  EXPECT_THAT(ScenarioOfRow(four), HasSubstr("server: \"rtx_4090_x8\""));
}

TEST_F(CollectiveRow, TakesTheTransportThatItsNotesName) {
  EXPECT_THAT(ScenarioOfRow({{"notes", "RoCE v2"}}), HasSubstr("transport: \"roce\""));
  EXPECT_THAT(ScenarioOfRow({{"notes", "over EFA"}}), HasSubstr("transport: \"efa\""));
  EXPECT_THAT(ScenarioOfRow({{"notes", "NDR"}}), HasSubstr("transport: \"infiniband\""));
  EXPECT_EQ(AssumedOf({{"server", "mine"}, {"notes", "NDR"}}).substr(0, 3), "as ");
}

// Clusters of Ethernet are laid in rails: nothing is lost from two servers to a hundred. All NICs
// of a server under one leaf, and a hash, are what notes have to say.
TEST_F(CollectiveRow, OverRoceHasRailsUnlessItsNotesSpeakOfAHash) {
  const auto row = [](const std::string& notes, const std::string& servers,
                      const std::string& gbps) {
    return Cells{{"notes", notes},
                 {"fabric", "unknown"},
                 {"routing", "unknown"},
                 {"servers", servers},
                 {"nic_gbps", gbps}};
  };
  const auto text = [&](const std::string& notes, const std::string& servers,
                        const std::string& gbps) {
    return ScenarioOfRow(row(notes, servers, gbps));
  };
  for (const char* notes : {"RoCE", "RoCE, adaptive routing", "RoCE, rail optimized", "rocev2"}) {
    EXPECT_THAT(text(notes, "6", "100"), HasSubstr("servers_per_leaf: 6\n"));
    EXPECT_THAT(text(notes, "64", "400"), HasSubstr("servers_per_leaf: 32\n"));
    EXPECT_THAT(text(notes, "64", "400"), HasSubstr("leaves_per_pod: 16\n"));
    EXPECT_THAT(text(notes, "64", "400"), HasSubstr("rail_optimized: true"));
    EXPECT_THAT(text(notes, "64", "400"), HasSubstr("routing: SPRAY"));
  }
  EXPECT_THAT(AssumedOf(row("RoCE", "64", "400")), HasSubstr("roce, rails"));
  // 32 ports hold two servers with eight NICs of 100 Gbps, 64 ports four with NICs of 400 Gbps.
  const std::string hashed = "RoCE, leaf-spine with ECMP";
  EXPECT_THAT(text(hashed, "2", "100"), HasSubstr("servers_per_leaf: 2\n"));
  EXPECT_THAT(text(hashed, "6", "100"),
              HasSubstr("servers_per_leaf: 2\n      leaves_per_pod: 3\n"));
  EXPECT_THAT(text(hashed, "6", "100"), HasSubstr("routing: ECMP"));
  EXPECT_THAT(text(hashed, "6", "100"), HasSubstr("queue_pairs: 2"));
  EXPECT_THAT(text(hashed + ", NCCL_IB_QPS_PER_CONNECTION=4", "6", "100"),
              HasSubstr("queue_pairs: 8"));
  EXPECT_THAT(text("RoCE, uplinks hashed", "5", "400"),
              HasSubstr("servers_per_leaf: 4\n      leaves_per_pod: 2\n"));
  EXPECT_THAT(text("RoCE, rail optimized, ECMP", "5", "400"), HasSubstr("rail_optimized: true"));
  EXPECT_THAT(text("RoCE, rail optimized, ECMP", "5", "400"), HasSubstr("routing: ECMP"));
  EXPECT_THAT(AssumedOf(row(hashed, "6", "100")), HasSubstr("leaves of 32 ports, hashed"));
  Cells said = row(hashed, "6", "100");
  said["routing"] = "spray";
  EXPECT_THAT(ScenarioOfRow(said), HasSubstr("routing: SPRAY"));
  EXPECT_THAT(text("a process of its own", "6", "100"), Not(HasSubstr("transport:")));
}

// NVIDIA/nccl-tests issue 169: 100 GB/s on two servers, 58 on four, where a hash is suspected.
// Rails lose nothing from two servers to 64.
TEST_F(CollectiveRow, LosesBandwidthBetweenHashedLeavesAndNoneInRails) {
  const auto row = [](const std::string& servers, const std::string& notes) {
    return Cells{{"id", servers + notes}, {"notes", notes},     {"fabric", "unknown"},
                 {"routing", "unknown"},  {"servers", servers}, {"nic_gbps", "100"},
                 {"bytes", "17179869184"}};
  };
  const MeasuredReport report =
      Simulated({row("2", "RoCE hashed"), row("4", "RoCE hashed"), row("6", "RoCE hashed"),
                 row("4", "RoCE"), row("16", "RoCE"), row("64", "RoCE")});
  ASSERT_EQ(report.results.size(), 6U);
  const auto of_two = [&](std::size_t i) {
    return report.results[i].predicted.value_or(0) / report.results[0].predicted.value_or(1);
  };
  EXPECT_NEAR(of_two(1), 0.58, 0.15);
  EXPECT_NEAR(of_two(2), 0.5, 0.15);
  for (const std::size_t rails : {3, 4, 5}) {
    EXPECT_NEAR(of_two(rails), 1, 0.02) << report.results[rails].row.Text("id");
  }
}

// Two trays of four are eight ranks of one NVL72; 32 trays are two racks of 64.
TEST_F(CollectiveRow, JoinsTheTraysOfARack) {
  const auto row = [](const std::string& servers, const std::string& ranks) {
    return Cells{{"server", "gb200_nvl72"},
                 {"accelerator", "gb200"},
                 {"servers", servers},
                 {"ranks_per_server", ranks},
                 {"nics_per_server", "4"}};
  };
  const std::string two = ScenarioOfRow(row("2", "4"));
  EXPECT_THAT(two, HasSubstr("servers: 1\n"));
  EXPECT_THAT(two, HasSubstr("ranks_per_server: 8\n"));
  EXPECT_THAT(AssumedOf(row("2", "4")), HasSubstr("2 x 4 ranks as 8 of gb200_nvl72 in one domain"));
  const std::string many = ScenarioOfRow(row("32", "4"));
  EXPECT_THAT(many, HasSubstr("servers: 2\n"));
  EXPECT_THAT(many, HasSubstr("ranks_per_server: 64\n"));
  EXPECT_THAT(many, HasSubstr("nics: 72 "));
  const std::string racks = ScenarioOfRow(row("2", "64"));
  EXPECT_THAT(racks, HasSubstr("servers: 2\n"));
  Cells apart = row("2", "4");
  apart["notes"] = "one tray in each of two racks";
  EXPECT_THAT(ScenarioOfRow(apart), HasSubstr("servers: 2\n"));
  EXPECT_THAT(ScenarioOfRow(row("2", "8")), HasSubstr("ranks_per_server: 16\n"));
}

// The same ranks of the same part, however they were counted.
TEST_F(CollectiveRow, PredictsTraysAsTheRackThatTheyAre) {
  const auto row = [](const std::string& server, const std::string& part,
                      const std::string& servers, const std::string& ranks) {
    return Cells{{"id", server + servers}, {"server", server},          {"accelerator", part},
                 {"servers", servers},     {"ranks_per_server", ranks}, {"nics_per_server", "4"},
                 {"algorithm", "auto"}};
  };
  const MeasuredReport report = Simulated(
      {row("gb200_nvl72", "gb200", "2", "4"), row("gb200_nvl72", "gb200", "1", "8"),
       row("cloudmatrix_384", "ascend_910c", "4", "8"),
       row("cloudmatrix_384", "ascend_910c", "1", "32"), row("tpu_v5p_cube", "tpu_v5p", "4", "4"),
       row("tpu_v5p_cube", "tpu_v5p", "1", "16")});
  for (std::size_t i = 0; i < report.results.size(); i += 2) {
    ASSERT_TRUE(report.results[i].predicted.has_value()) << report.results[i].reason;
    EXPECT_EQ(report.results[i].predicted, report.results[i + 1].predicted);
  }
  EXPECT_THAT(report.results[4].reason, HasSubstr("tpu_v5p_cube with 16 accelerators"));
}

TEST_F(CollectiveRow, NamesItsFabricRoutingAndAlgorithmAsTheSchemaDoes) {
  EXPECT_THAT(ScenarioOfRow({{"fabric", "two_tier"}}),
              HasSubstr("servers_per_leaf: 1\n      leaves_per_pod: 2\n"));
  EXPECT_THAT(ScenarioOfRow({{"routing", "ecmp"}}), HasSubstr("routing: ECMP"));
  EXPECT_THAT(ScenarioOfRow({{"algorithm", "auto"}}), HasSubstr("\"automatic\""));
  EXPECT_THAT(ScenarioOfRow({{"algorithm", "nvls"}}), HasSubstr("\"in_switch_tree\""));
  EXPECT_THAT(ScenarioOfRow({{"algorithm", "nvlstree"}, {"servers", "1"}}),
              HasSubstr("\"in_switch\""));
}

// What runs is never refused for a word.
TEST_F(CollectiveRow, TakesTheNicsOfItsServerAndTheNearestPart) {
  EXPECT_THAT(AssumedOf({{"nics_per_server", ""}, {"nic_gbps", "?"}}),
              HasSubstr("8 NICs of 400 Gbps as dgx_h100 has"));
  EXPECT_THAT(AssumedOf({{"server", ""}, {"accelerator", "h100_sxm9_90gb"}}),
              HasSubstr("accelerator h100_sxm9_90gb as h100_sxm"));
}

TEST_F(CollectiveRow, ThatMakesNoSenseIsReportedWithTheReason) {
  EXPECT_EQ(ReasonOf({{"value", "many"}}), "the value \"many\" is no positive number");
  EXPECT_EQ(ReasonOf({{"value", "-3"}}), "the value \"-3\" is no positive number");
  EXPECT_EQ(ReasonOf({{"metric", "busbw"}}),
            "the metric \"busbw\" is not busbw_gbs, algbw_gbs or time_us");
  EXPECT_EQ(ReasonOf({{"op", "all_reduec"}}),
            "there is no collective \"all_reduec\" (did you mean \"all_reduce\"?)");
  EXPECT_EQ(ReasonOf({{"bytes", "0"}}), "\"0\" bytes are no size");
  EXPECT_THAT(ReasonOf({{"server", ""}, {"accelerator", "hundred"}}),
              HasSubstr("no server of the catalogue has the accelerator \"hundred\""));
  EXPECT_EQ(ReasonOf({{"servers", "1"}, {"ranks_per_server", "1"}}),
            "one rank alone has nobody to talk to");
  for (const char* servers : {"0", "two", "2.5", "1e12"}) {
    EXPECT_THAT(ReasonOf({{"servers", servers}}), HasSubstr("do not fit dgx_h100, which holds 8"))
        << servers;
  }
  EXPECT_THAT(ReasonOf({{"ranks_per_server", "9"}}), HasSubstr("which holds 8"));
}

// A time, a bandwidth of the buffer and one of the bus are the same run in other units.
TEST_F(CollectiveRow, IsPredictedInTheUnitOfItsMetric) {
  const MeasuredReport report =
      Simulated({{{"metric", "time_us"}}, {{"metric", "algbw_gbs"}}, {{"metric", "busbw_gbs"}}});
  ASSERT_EQ(report.results.size(), 3U);
  const double time = report.results[0].predicted.value() * 1e-6;
  const double buffer = 1073741824;
  EXPECT_NEAR(report.results[1].predicted.value(), buffer / time * 1e-9, 1e-6);
  EXPECT_NEAR(report.results[2].predicted.value(), 2 * 15.0 / 16 * buffer / time * 1e-9, 1e-6);
}

// A measurement far below what the links allow is a sign of something that is not modelled.
TEST_F(CollectiveRow, SaysThatAFigureFarBelowTheLinksIsNotExplained) {
  const MeasuredReport report =
      Simulated({{{"value", "30"}}, {{"value", "300"}}, {{"value", "0.03"}, {"bytes", "1048576"}}});
  EXPECT_THAT(report.results[0].reason, HasSubstr("of what its links allow"));
  EXPECT_EQ(report.results[0].row.Text("explained"), "no");
  EXPECT_EQ(report.results[1].row.Text("explained"), "yes");
  EXPECT_EQ(report.results[2].row.Text("explained"), "yes");  // short messages wait, links do not
}

TEST_F(CollectiveRow, ThatTheLoaderRefusesDoesNotStopTheOthers) {
  const MeasuredReport report = Simulated({{{"algorithm", "no_such"}}, {{"op", "nothing"}}, {}});
  EXPECT_EQ(report.results[0].status, CaseStatus::kRefused);
  EXPECT_THAT(report.results[0].reason, HasSubstr("no_such"));
  EXPECT_EQ(report.results[1].status, CaseStatus::kUnsupported);
  EXPECT_EQ(report.results[2].status, CaseStatus::kSimulated);
  EXPECT_TRUE(report.results[2].predicted.has_value());
  EXPECT_EQ(report.groups.front().figures.rows, 3);
  EXPECT_EQ(report.groups.front().figures.predicted, 1);
}

// DeepEP: 8 experts of a token in at most 4 servers. Forwarded bandwidth counts a token once for
// each server that it goes to: of 4 servers, 8 draws miss one with probability (3/4)^8.
TEST_F(CollectiveRow, OfTokensCountsThemAsDeepEpDoes) {
  const Cells dispatch = {
      {"op", "expert_dispatch"}, {"algorithm", "direct"}, {"bytes", "58720256"}, {"servers", "4"}};
  Cells bandwidth = dispatch;
  bandwidth["metric"] = "algbw_gbs";
  EXPECT_THAT(ScenarioOfRow(bandwidth), HasSubstr("algorithm: \"forwarded\""));
  EXPECT_THAT(ScenarioOfRow(bandwidth), HasSubstr("size: \"58720256 B\""));
  Cells time = dispatch;
  time["metric"] = "time_us";  // the low-latency kernels, whose bytes count all 8 copies
  EXPECT_THAT(ScenarioOfRow(time), HasSubstr("algorithm: \"direct\""));
  EXPECT_THAT(ScenarioOfRow(time), HasSubstr("size: \"7340032 B\""));
  Cells plain = bandwidth;
  plain["metric"] = "busbw_gbs";  // the buffer over the time, each token once
  const MeasuredReport report = Simulated({bandwidth, plain});
  ASSERT_TRUE(report.results[0].predicted && report.results[1].predicted);
  EXPECT_NEAR(*report.results[0].predicted / *report.results[1].predicted,
              4 * (1 - std::pow(0.75, 8)), 1e-6);
}

TEST(ShippedCollectives, AreReadableAndNamesOfOneRowEach) {
  std::map<std::string, int> ids;
  for (const MeasuredRow& row : LoadMeasured(ShippedTable("collectives.csv"), {"id", "role"})) {
    EXPECT_EQ(row.problem, "") << row.line;
    EXPECT_EQ(++ids[row.Text("id")], 1) << row.Text("id");
    EXPECT_THAT(row.Text("role"), ::testing::AnyOf("calibration", "headline", "context"));
  }
  EXPECT_GE(ids.size(), 100U);
}

}  // namespace
}  // namespace gridlock
