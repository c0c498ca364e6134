// Every table in tests/fixtures/tables/wrong is refused with exactly the lines of its .expected
// file: the messages are part of what the command promises.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/validation/case_table.h"
#include "sim/validation/csv.h"

namespace gridlock {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFixtures = GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/wrong";

const KnownNames kKnown{{"megatron", "composer_fsdp"}, {"a100_sxm_80gb", "h100_sxm", "h20"}};

std::vector<std::string> WrongTables() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(kFixtures)) {
    if (entry.path().extension() == ".csv") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Contents(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  EXPECT_TRUE(stream) << file << " is missing";
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string Refusals(const std::string& file) {
  try {
    (void)LoadCases({file}, kKnown);
    ADD_FAILURE() << file << " was accepted";
    return "";
  } catch (const UserError& error) {
    std::string lines;
    for (const Problem& problem : error.problems()) {
      EXPECT_THAT(problem.message, ::testing::Not(::testing::HasSubstr("\n")));
      lines += problem.message + "\n";
    }
    return lines;
  }
}

class WrongTable : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    // Relative names, so that the messages are the same wherever the sources are.
    before_ = fs::current_path();
    fs::current_path(kFixtures);
  }

  void TearDown() override { fs::current_path(before_); }

 private:
  fs::path before_;
};

TEST_P(WrongTable, IsRefusedWithExactlyTheExpectedMessages) {
  EXPECT_EQ(Refusals(GetParam() + ".csv"), Contents(GetParam() + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, WrongTable, ::testing::ValuesIn(WrongTables()),
                         [](const auto& param_info) {
                           return param_info.param;
                         });

TEST(WrongTables, AreMany) {
  EXPECT_GE(WrongTables().size(), 25U);
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
  std::string text = Contents(GRIDLOCK_SOURCE_DIR "/tests/fixtures/tables/small.csv");
  text.replace(text.find("id,role"), 7, "role,id");
  // A product that is not in the catalogue is no slip of one that is: its row is reported later.
  const std::size_t accelerator = text.find("a100_sxm_80gb");
  text.replace(accelerator, 13, "h200");
  ProblemList problems;
  const std::vector<PublishedCase> cases = ReadCases("t", text, kKnown, problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(cases.front().role, "DENSE-TP8");
  EXPECT_EQ(cases.front().accelerator, "h200");
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
  const std::vector<PublishedCase> cases = LoadCases({ShippedTable()}, any);
  EXPECT_GE(cases.size(), 100U);
}

}  // namespace
}  // namespace gridlock
