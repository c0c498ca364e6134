// Of every table in tests/fixtures/tables/wrong exactly the lines of its .expected file are said:
// the messages are part of what the command promises. Those of the first line refuse the table;
// those of rows are the reasons of these rows.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/schema/csv.h"
#include "sim/validation/case_table.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

const std::string kWrong = GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/wrong";

const KnownNames kKnown{{"megatron", "composer_fsdp"}, {"a100_sxm_80gb", "h100_sxm", "h20"}};

class WrongTable : public ::testing::TestWithParam<std::string> {
 private:
  InFolder folder_{kWrong};
};

TEST_P(WrongTable, IsRefusedWithExactlyTheExpectedMessages) {
  const std::string refusals = RefusalsOf([&] {
    ProblemList problems;
    (void)ReadCases(GetParam() + ".csv", FileContents(GetParam() + ".csv"), kKnown, problems,
                    problems);
    problems.ThrowIfAny();
  });
  EXPECT_EQ(refusals, FileContents(GetParam() + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, WrongTable, ::testing::ValuesIn(FixtureNames(kWrong, ".csv")),
                         [](const auto& param_info) {
                           return param_info.param;
                         });

TEST(WrongTables, AreMany) {
  EXPECT_GE(FixtureNames(kWrong, ".csv").size(), 25U);
}

TEST(WrongTables, ThatDoNotExistAreNamedTogether) {
  try {
    (void)LoadCases({"no_such_table.csv", "/"}, kKnown);
    FAIL();
  } catch (const UserError& error) {
    ASSERT_EQ(error.problems().size(), 2U);
    EXPECT_EQ(error.problems()[0].message,
              "no_such_table.csv: does not exist; expected a table of published cases (CSV)");
    EXPECT_EQ(error.problems()[1].message,
              "/: is a directory; expected a table of published cases (CSV)");
  }
}

TEST(RightTable, KeepsRowsWithEqualIds) {
  const std::string table = GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/small.csv";
  const std::vector<PublishedCase> once = LoadCases({table}, kKnown);
  const std::vector<PublishedCase> twice = LoadCases({table, table}, kKnown);
  EXPECT_EQ(twice.size(), 2 * once.size());
  EXPECT_EQ(twice.front().id, twice[once.size()].id);
}

TEST(RightTable, TakesColumnsInAnyOrderAndNamesThatNobodyKnows) {
  std::string text = FileContents(GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/small.csv");
  text.replace(text.find("id,role"), 7, "role,id");
  // A product that is not in the catalogue is no slip of one that is: its row is reported later.
  const std::size_t accelerator = text.find("a100_sxm_80gb");
  text.replace(accelerator, 13, "h200");
  ProblemList problems;
  const std::vector<PublishedCase> cases = ReadCases("t", text, kKnown, problems, problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(cases.front().role, "DENSE-TP8");
  EXPECT_EQ(cases.front().accelerator, "h200");
}

TEST(RightTable, TakesASlipForTheNameThatItIsNearestTo) {
  std::string text = FileContents(GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/small.csv");
  text.replace(text.find("a100_sxm_80gb"), 13, "a100_smx_80gb");
  ProblemList problems;
  EXPECT_EQ(ReadCases("t", text, kKnown, problems, problems).front().accelerator, "a100_sxm_80gb");
  EXPECT_TRUE(problems.empty());
}

TEST(RightTable, TakesNoProductForAnotherOneLetterOff) {
  const KnownNames known{{}, {"h20", "rtx_4090", "b200_sxm", "a30"}};
  for (const char* name : {"l20", "x20", "rtx_4090d", "4090d", "l200", "b200_sxn2", "b30"}) {
    std::string text = FileContents(GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/small.csv");
    text.replace(text.find("a100_sxm_80gb"), 13, name);
    ProblemList problems;
    EXPECT_EQ(ReadCases("t", text, known, problems, problems).front().accelerator, name);
  }
}

TEST(RightTable, TellsOfAnOddRowInTheRowAndKeepsTheOthers) {
  std::string text = FileContents(GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/small.csv");
  text += "odd,row\n\"open,row\n";
  ProblemList problems;
  ProblemList of_rows;
  const std::vector<PublishedCase> cases = ReadCases("t", text, kKnown, problems, of_rows);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(of_rows.size(), 2U);
  ASSERT_GE(cases.size(), 3U);
  EXPECT_EQ(cases.front().problem, "");
  EXPECT_EQ(cases[cases.size() - 2].id, "odd");
  EXPECT_NE(cases[cases.size() - 2].problem.find("has 2 cells"), std::string::npos);
  EXPECT_NE(cases.back().problem.find("not closed"), std::string::npos);
}

TEST(Csv, CellsSurviveQuoting) {
  for (const std::string text : {"plain", "with, comma", "with \"quotes\"", "", "Ü,\""}) {
    ProblemList problems;
    const std::vector<CsvLine> lines = ReadCsv("t", "x," + CsvQuoted(text) + ",y\n", problems);
    ASSERT_EQ(lines.size(), 1U);
    ASSERT_EQ(lines[0].cells.size(), 3U);
    EXPECT_EQ(lines[0].cells[1].text, text);
    EXPECT_EQ(lines[0].cells[1].column, 3);
  }
}

TEST(ShippedTable, IsReadWithoutAProblem) {
  const KnownNames any;
  const std::vector<PublishedCase> cases = LoadCases({ShippedTable("published.csv")}, any);
  EXPECT_GE(cases.size(), 100U);
}

}  // namespace
}  // namespace gridlock
