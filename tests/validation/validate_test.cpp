// The whole way, from a table to its report.

#include "sim/validation/validate.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/process/worker.h"
#include "sim/scenario/load_text.h"
#include "sim/study/evaluate.h"
#include "sim/validation/case_stack.h"
#include "sim/validation/report.h"
#include "sim/validation/worst.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

// Rows with given predictions: published 10 s each.
CaseResult Given(const std::string& id, const std::string& role, const std::string& stack,
                 std::optional<double> predicted) {
  CaseResult result;
  result.row.id = id;
  result.row.role = role;
  result.row.stack = stack;
  result.row.accelerator = "chip";
  result.row.precision = "bf16";
  result.row.step_time_s = 10;
  result.predicted_s = predicted;
  if (!predicted) {
    result.status = CaseStatus::kUnsupported;
    result.reason = "a feature, and more";
  }
  result.nearest = {{"other", 12}};
  return result;
}

std::vector<CaseResult> FourRows() {
  return {Given("a", "headline", "one", 11), Given("b", "headline", "two", std::nullopt),
          Given("c", "headline", "one", 9.5), Given("d", "calibration", "one", 10)};
}

TEST(Groups, HaveTheFiguresThatOneGetsByHand) {
  const std::vector<CaseGroup> groups = GroupResults(FourRows(), LeaveOut::kNothing);
  const auto find = [&](const std::string& by, const std::string& role, const std::string& name) {
    return *std::find_if(groups.begin(), groups.end(), [&](const CaseGroup& each) {
      return each.by == by && each.role == role && each.name == name;
    });
  };
  // Absolute errors of the headline rows: 10 and 5; one is missing.
  const CaseGroup headline = find("role", "headline", "headline");
  EXPECT_EQ(headline.simulated.rows, 3);
  EXPECT_EQ(headline.simulated.missing, 1);
  EXPECT_NEAR(headline.simulated.median, 7.5, 1e-9);
  EXPECT_NEAR(headline.simulated.p90, 5 + 0.9 * 5, 1e-9);
  EXPECT_NEAR(headline.simulated.mean, 7.5, 1e-9);
  EXPECT_NEAR(headline.simulated.bias, 2.5, 1e-9);
  EXPECT_NEAR(headline.nearest.median, 20, 1e-9);
  EXPECT_NEAR(find("stack", "headline", "one").simulated.median, 7.5, 1e-9);
  EXPECT_EQ(find("stack", "headline", "two").simulated.predicted, 0);
  EXPECT_NEAR(find("all", "", "all").simulated.median, 5, 1e-9);
}

TEST(Report, TellsEveryRowInEachFormat) {
  ValidationReport report;
  report.results = FourRows();
  report.groups = GroupResults(report.results, LeaveOut::kStack);
  report.leave_out = LeaveOut::kStack;
  const std::string csv = ValidationCsv(report);
  EXPECT_THAT(csv, HasSubstr("id,role,published_s,predicted_s,error_pct,status,reason,"));
  EXPECT_THAT(csv, HasSubstr("\na,headline,10,11,10.000,simulated,,one,chip,other,12,20.000,,,\n"));
  EXPECT_THAT(csv, HasSubstr("\nb,headline,10,,,unsupported,\"a feature, and more\",two,"));
  const std::string text = ValidationText(report);
  EXPECT_THAT(text, HasSubstr("a feature, and more"));
  EXPECT_THAT(text, HasSubstr("fits nothing to single rows"));
  const std::string json = ValidationJson(report);
  EXPECT_THAT(json, HasSubstr("\"leave_out\": \"stack\""));
  EXPECT_THAT(json, HasSubstr("\"median_pct\": 5"));
}

TEST(Report, TellsWhatFillsHbmWhereARowTellsOfItsPeak) {
  constexpr double kGib = 1024.0 * 1024 * 1024;
  ValidationReport report;
  report.results = FourRows();
  EXPECT_THAT(ValidationText(report), ::testing::Not(HasSubstr("peak of HBM, GiB")));
  CaseResult& result = report.results.front();
  result.row.measured_gib = 40;
  result.peak = Bytes(42 * kGib);
  result.fullest = {1,
                    Bytes(8 * kGib),
                    Bytes(9 * kGib),
                    Bytes(10 * kGib),
                    Bytes(11 * kGib),
                    Bytes(5 * kGib),
                    Bytes(kGib)};
  EXPECT_THAT(ValidationText(report),
              ::testing::ContainsRegex("a +reserved +40.00 +42.00 +.5.0 +1 +8.00 +9.00 +10.00 "
                                       "+11.00 +5.00\n"));
}

// A row of 10 s, predicted with kernels of so many seconds and 2 s of collectives over replicas.
CaseResult Simulated(const std::string& id, double predicted, double kernels) {
  CaseResult result = Given(id, "headline", "one", predicted);
  StepRecord record;
  record.breakdown = {{"compute", Seconds(kernels - 1)},
                      {"memory_bound", Seconds(1)},
                      {"data_comm", Seconds(2)},
                      {"overhead", Seconds(0.5)}};
  result.split = SplitOf(record);
  result.mfu = 0.4;
  return result;
}

TEST(Worst, AreExplainedByTheirOwnSteps) {
  EXPECT_THAT(Explained(Simulated("a", 14, 11.5)), HasSubstr("kernels alone take 11.5 s, longer"));
  EXPECT_THAT(Explained(Simulated("a", 12, 9.5)),
              HasSubstr("kernels take 9.5 s; of 2.5 s beside them, most of it collectives over "
                        "replicas (2 s), the run hid or saved 2 s"));
  EXPECT_THAT(
      Explained(Simulated("a", 8, 5.5)),
      HasSubstr("2 s are not explained: kernels would have to reach 0.73 of their simulated "
                "pace, or collectives over replicas (2 s) take 2.0 times as long"));
  // 0.4 of the peak in 25 s are 1.0 in 10 s.
  EXPECT_THAT(Explained(Simulated("a", 25, 22.5)), HasSubstr("100 % of the peak is more than"));
  EXPECT_EQ(Explained(Given("a", "headline", "one", std::nullopt)), "");
}

TEST(Worst, AreTheTenLargestErrorsOfARole) {
  std::vector<CaseResult> results;
  for (int i = 0; i < 9; ++i) {
    results.push_back(Simulated(std::to_string(i), 10.1 + i, 5));
  }
  EXPECT_EQ(WorstText(results), "");  // all of nine are in the table already
  results.push_back(Simulated("slow", 5, 3));
  results.push_back(Simulated("right", 10, 5));
  const std::vector<const CaseResult*> worst = WorstOf(results, "headline");
  ASSERT_EQ(worst.size(), 10U);
  EXPECT_EQ(worst[0]->row.id, "8");
  EXPECT_EQ(worst.back()->row.id, "0");
  EXPECT_TRUE(WorstOf(results, "calibration").empty());
  EXPECT_THAT(WorstText(results), HasSubstr("the worst 10 of headline"));
  EXPECT_THAT(WorstText(results), HasSubstr("  -50.0 %  slow: 5 s, published 10 s; MFU 40 %"));
}

TEST(Filter, TakesKindRolePatternStackAndAccelerator) {
  PublishedCase row;
  row.id = "SC21-A100-1T";
  row.role = "headline";
  row.stack = "megatron";
  row.accelerator = "a100_sxm_80gb";
  const CatalogueList catalogue = ListCatalogue();
  EXPECT_TRUE(Matches({}, row, catalogue));
  EXPECT_TRUE(Matches({"training", "", ""}, row, catalogue));
  EXPECT_TRUE(Matches({"dense", "headline", "SC21-*-?T"}, row, catalogue));
  EXPECT_FALSE(Matches({"moe", "", ""}, row, catalogue));
  EXPECT_FALSE(Matches({"", "calibration", ""}, row, catalogue));
  EXPECT_FALSE(Matches({"", "", "SC21"}, row, catalogue));
  // The entry that stands for the row, not the table's own name.
  EXPECT_TRUE(Matches({"", "", "", "megatron_2021", "a100_sxm_80gb"}, row, catalogue));
  EXPECT_FALSE(Matches({"", "", "", "megatron_core", ""}, row, catalogue));
  EXPECT_FALSE(Matches({"", "", "", "", "h100_sxm"}, row, catalogue));
}

class SmallTable : public ::testing::Test {
 protected:
  [[nodiscard]] ValidationReport Report(const CaseFilter& filter) const {
    ValidationOptions options;
    options.filter = filter;
    return Validate(cases_, catalogue_, options);
  }

  const CatalogueList catalogue_ = ListCatalogue();
  const std::vector<PublishedCase> cases_ =
      LoadCases({GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/small.csv"}, NamesOf(catalogue_));
};

TEST_F(SmallTable, DropsNoRow) {
  const ValidationReport report = Report({});
  ASSERT_EQ(report.results.size(), 5U);
  EXPECT_EQ(report.results[0].status, CaseStatus::kSimulated);
  EXPECT_EQ(report.results[1].status, CaseStatus::kSimulated);
  EXPECT_EQ(report.results[2].status, CaseStatus::kSimulated);
  EXPECT_EQ(report.results[3].status, CaseStatus::kRefused);
  EXPECT_EQ(report.results[4].status, CaseStatus::kSimulated);
  EXPECT_EQ(report.groups.front().simulated.rows, 5);
  EXPECT_EQ(report.groups.front().simulated.missing, 1);
  for (const CaseResult& result : report.results) {
    EXPECT_EQ(result.predicted_s.has_value(), result.status == CaseStatus::kSimulated);
    EXPECT_TRUE(result.status == CaseStatus::kSimulated || !result.reason.empty());
  }
}

TEST_F(SmallTable, WrittenScenarioTakesTheSameTime) {
  const ValidationReport report = Report({"", "", "PIPELINE"});
  ASSERT_EQ(report.results.size(), 1U);
  const std::string text = Prepare(cases_[1], catalogue_).text;
  const Scenario scenario = LoadScenarioText("again.textproto", text, {});
  const std::vector<JobResult> again =
      RunJobs({[&](const auto& progress) {
                return EvaluateStep(scenario, Fidelity::kFolded, progress);
              }},
              {});
  ASSERT_TRUE(again[0].ok) << again[0].problem;
  EXPECT_EQ(report.results[0].predicted_s, again[0].record.step_time.si());
}

TEST_F(SmallTable, GivesTheSameReportTwice) {
  CaseFilter dense;
  dense.kind = "dense";
  EXPECT_EQ(ValidationJson(Report(dense)), ValidationJson(Report(dense)));
}

}  // namespace
}  // namespace gridlock
