// Tables of measurements: what a table must have, and the figures of groups of rows.

#include "sim/validation/measured.h"

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fixture_files.h"

namespace gridlock {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kNeeded = {"id", "role", "value"};

std::string Written(const std::string& text) {
  const std::string file = ::testing::TempDir() + "/measured.csv";
  std::ofstream(file) << text;
  return file;
}

std::vector<MeasuredRow> Load(const std::string& text) {
  return LoadMeasured(Written(text), kNeeded);
}

MeasuredResult Result(const std::string& role, const std::string& op, double published,
                      std::optional<double> predicted) {
  MeasuredResult result;
  result.row.cells = {{"id", role + op}, {"role", role}, {"op", op}};
  result.published = published;
  result.predicted = predicted;
  return result;
}

TEST(MeasuredTable, HasItsColumnsInAnyOrder) {
  const std::vector<MeasuredRow> rows = Load("value,more,id,role\n2.5,x,A,headline\n");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].line, 2);
  EXPECT_EQ(rows[0].Text("id"), "A");
  EXPECT_EQ(rows[0].Text("more"), "x");
  EXPECT_EQ(rows[0].Number("value"), 2.5);
  EXPECT_EQ(rows[0].Text("no_such_column"), "");
}

TEST(MeasuredTable, LacksNothingThatEveryRowNeeds) {
  EXPECT_THAT(RefusalsOf([] {
                (void)Load("id,rol,value\nA,headline,1\n");
              }),
              HasSubstr("measured.csv:1:1: the column \"role\" is missing; expected id, role or "
                        "value; did you mean \"rol\"?"));
  EXPECT_THAT(RefusalsOf([] {
                (void)Load("");
              }),
              HasSubstr("the table is empty"));
  EXPECT_THAT(RefusalsOf([] {
                (void)LoadMeasured("no_such_table.csv", kNeeded);
              }),
              HasSubstr("no_such_table.csv"));
}

TEST(MeasuredRow, HasANumberOnlyWhereTheCellIsOne) {
  for (const char* cell : {"", "x", "3 GB", "nan", "inf", "1e999", "1,"}) {
    MeasuredRow row;
    row.cells["value"] = cell;
    EXPECT_EQ(row.Number("value"), std::nullopt) << cell;
  }
  MeasuredRow row;
  row.cells["value"] = "-1.5e3";
  EXPECT_EQ(row.Number("value"), -1500.0);
}

TEST(MeasuredTable, KeepsALineWhoseQuotesDoNotCloseWithTheReason) {
  const std::vector<MeasuredRow> rows = Load("id,role,value\nA,headline,1\n\"B,headline,2\n");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].problem, "");
  EXPECT_EQ(rows[1].Text("id"), "line 3");
  EXPECT_THAT(rows[1].problem, HasSubstr("quote"));
}

// Errors of +10 %, -30 % and a row without a prediction.
TEST(MeasuredGroups, LeaveARowWithoutAPredictionOut) {
  std::vector<MeasuredResult> results = {Result("headline", "a", 100, 110),
                                         Result("headline", "b", 10, 7),
                                         Result("headline", "b", 10, std::nullopt)};
  results.push_back(Result("context", "a", 1, 1));
  results.back().published.reset();  // nothing to compare with: in no group
  const std::vector<MeasuredGroup> groups = GroupMeasured(results, {"op"});
  ASSERT_EQ(groups.size(), 4U);
  EXPECT_EQ(groups[0].name, "all");
  EXPECT_EQ(groups[1].by, "role");
  EXPECT_EQ(groups[1].name, "headline");
  EXPECT_EQ(groups[1].figures.rows, 3);
  EXPECT_EQ(groups[1].figures.predicted, 2);
  EXPECT_NEAR(groups[1].figures.mean, (10 + 30) / 2.0, 1e-9);
  EXPECT_NEAR(groups[1].figures.median, 20, 1e-9);
  EXPECT_NEAR(groups[1].figures.bias, (10 - 30) / 2.0, 1e-9);
  EXPECT_EQ(groups[2].name, "a");
  EXPECT_NEAR(groups[2].figures.mean, 10, 1e-9);
  EXPECT_EQ(groups[3].name, "b");
  EXPECT_NEAR(groups[3].figures.mean, 30, 1e-9);
}

TEST(MeasuredReport, IsACsvTableAndJson) {
  MeasuredReport report;
  report.results = {Result("headline", "a", 100, 110), Result("headline", "b", 10, std::nullopt)};
  report.results[1].status = CaseStatus::kUnsupported;
  report.results[1].reason = "a, b";
  EXPECT_EQ(MeasuredCsv(report),
            "id,role,published,predicted,error_pct,status,reason\n"
            "headlinea,headline,100,110,10.000,simulated,\n"
            "headlineb,headline,10,,,unsupported,\"a, b\"\n");
  EXPECT_THAT(MeasuredJson(report), HasSubstr("\"error_pct\": 10"));
  EXPECT_THAT(MeasuredText(report), HasSubstr("headlineb  headline           10            -"));
}

}  // namespace
}  // namespace gridlock
