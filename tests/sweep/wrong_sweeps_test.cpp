// Every fixture in tests/fixtures/wrong_sweeps is refused with exactly the lines of its .expected
// file: a place, what is wrong, what was expected, the nearest name. A fixture without that file
// fails.

#include <cstdlib>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/sweep/sweep.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

const std::string kWrong = GRIDLOCK_SOURCE_DIR "/tests/fixtures/wrong_sweeps";

std::string Refusals(const std::string& file) {
  return RefusalsOf([&] {
    (void)ReadSweep(file, {});
  });
}

class WrongSweep : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { setenv("GRIDLOCK_CATALOG", "../catalog", 1); }
};

TEST_P(WrongSweep, IsRefusedWithExactlyTheExpectedMessages) {
  const InFolder folder(kWrong);
  EXPECT_EQ(Refusals(GetParam() + ".textproto"), FileContents(GetParam() + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, WrongSweep,
                         ::testing::ValuesIn(FixtureNames(kWrong, ".textproto")),
                         [](const auto& param_info) {
                           return param_info.param;
                         });

TEST(WrongSweeps, AreManyAndEachHasItsOwnMessage) {
  const std::vector<std::string> fixtures = FixtureNames(kWrong, ".textproto");
  EXPECT_GE(fixtures.size(), 40U);
  const std::regex position("^[a-z0-9_/.]+\\.textproto:[0-9]+:[0-9]+: ", std::regex::multiline);
  std::map<std::string, std::string> fixture_of;
  for (const std::string& fixture : fixtures) {
    const std::string expected = FileContents(kWrong + "/" + fixture + ".expected");
    std::istringstream lines(expected);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_TRUE(std::regex_search(line, position)) << fixture << ": no position: " << line;
    }
    const auto [other, is_new] =
        fixture_of.emplace(std::regex_replace(expected, position, ""), fixture);
    EXPECT_TRUE(is_new) << fixture << " and " << other->second
                        << " are refused with the same words; one of them shows nothing new";
  }
}

TEST(WrongSweeps, ThatDoNotExistAreNamed) {
  const InFolder folder(kWrong);
  EXPECT_THAT(Refusals("no_such_file.textproto"),
              ::testing::HasSubstr("no_such_file.textproto: does not exist; expected "));
}

}  // namespace
}  // namespace gridlock
