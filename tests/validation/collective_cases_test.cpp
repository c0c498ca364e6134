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

TEST_F(CollectiveRow, TakesTheTransportThatItsNotesName) {
  EXPECT_THAT(ScenarioOfRow({{"notes", "RoCE v2"}}), HasSubstr("transport: \"roce\""));
  EXPECT_THAT(ScenarioOfRow({{"notes", "over EFA"}}), HasSubstr("transport: \"efa\""));
  EXPECT_THAT(ScenarioOfRow({{"notes", "NDR"}}), HasSubstr("transport: \"infiniband\""));
  EXPECT_EQ(AssumedOf({{"server", "mine"}, {"notes", "NDR"}}).substr(0, 3), "as ");
}

// Nobody says what is between the servers: leaves with as many ports up as down, and a hash.
TEST_F(CollectiveRow, OverRoceNobodyDescribesHasHashedLeaves) {
  const auto text = [&](const std::string& servers, const std::string& gbps) {
    return ScenarioOfRow({{"notes", "RoCE"},
                          {"fabric", "unknown"},
                          {"routing", "unknown"},
                          {"servers", servers},
                          {"nic_gbps", gbps}});
  };
  // 32 ports hold two servers with eight NICs of 100 Gbps, 64 ports four with NICs of 400 Gbps.
  EXPECT_THAT(text("2", "100"), HasSubstr("routing: SPRAY"));
  EXPECT_THAT(text("6", "100"), HasSubstr("servers_per_leaf: 2\n      leaves_per_pod: 3\n"));
  EXPECT_THAT(text("6", "100"), HasSubstr("routing: ECMP"));
  EXPECT_THAT(text("6", "100"), HasSubstr("queue_pairs: 2"));
  EXPECT_THAT(text("4", "400"), HasSubstr("routing: SPRAY"));
  EXPECT_THAT(text("5", "400"), HasSubstr("servers_per_leaf: 4\n      leaves_per_pod: 2\n"));
  EXPECT_THAT(ScenarioOfRow({{"notes", "RoCE"},
                             {"fabric", "unknown"},
                             {"routing", "spray"},
                             {"servers", "6"},
                             {"nic_gbps", "100"}}),
              HasSubstr("routing: SPRAY"));
  EXPECT_THAT(AssumedOf({{"notes", "RoCE"},
                         {"fabric", "unknown"},
                         {"routing", "unknown"},
                         {"servers", "6"},
                         {"nic_gbps", "100"}}),
              HasSubstr("leaves of 32 ports, hashed"));
}

// Full speed under one leaf, and a loss as soon as flows meet on uplinks (NVIDIA/nccl-tests issue
// 169: 100 GB/s on two servers, 58 on four).
TEST_F(CollectiveRow, OverHashedLeavesLosesBandwidthFromTheThirdServerOn) {
  const auto row = [](const std::string& servers) {
    return Cells{{"id", servers},        {"notes", "RoCE"},    {"fabric", "unknown"},
                 {"routing", "unknown"}, {"servers", servers}, {"nic_gbps", "100"}};
  };
  const MeasuredReport report = Simulated({row("2"), row("4"), row("6")});
  ASSERT_EQ(report.results.size(), 3U);
  const double two = report.results[0].predicted.value_or(0);
  EXPECT_NEAR(report.results[1].predicted.value_or(0) / two, 0.58, 0.15);
  EXPECT_NEAR(report.results[2].predicted.value_or(0) / two, 0.5, 0.15);
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

TEST_F(CollectiveRow, ThatMakesNoSenseIsReportedWithTheReason) {
  EXPECT_EQ(ReasonOf({{"value", "many"}}), "the value \"many\" is no positive number");
  EXPECT_EQ(ReasonOf({{"value", "-3"}}), "the value \"-3\" is no positive number");
  EXPECT_EQ(ReasonOf({{"metric", "busbw"}}),
            "the metric \"busbw\" is not busbw_gbs, algbw_gbs or time_us");
  EXPECT_EQ(ReasonOf({{"op", "all_reduec"}}),
            "there is no collective \"all_reduec\" (did you mean \"all_reduce\"?)");
  EXPECT_EQ(ReasonOf({{"bytes", "0"}}), "\"0\" bytes are no size");
  EXPECT_THAT(
      ReasonOf({{"server", ""}, {"accelerator", "h100_sx"}}),
      HasSubstr("no server of the catalogue has the accelerator \"h100_sx\" (did you mean"));
  EXPECT_EQ(ReasonOf({{"nics_per_server", ""}}), "the NICs are not said");
  EXPECT_EQ(ReasonOf({{"nic_gbps", "?"}}), "the NICs are not said");
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
