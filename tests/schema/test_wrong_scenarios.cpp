// Every fixture in a folder of tests/fixtures/wrong is refused with exactly the lines of its
// .expected file: the messages are part of what the loader promises. A fixture without that file
// next to it fails. Files that fixtures include lie in folders called "part".

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/scenario/scenario.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

const std::string kWrong = GRIDLOCK_SOURCE_DIR "/tests/fixtures/wrong";

std::string RefusalsOfFile(const std::string& file) {
  return RefusalsOf([&] {
    (void)LoadScenario(file, {});
  });
}

/// "FOLDER/NAME" of every fixture.
std::vector<std::string> WrongFixtures() {
  std::vector<std::string> fixtures;
  for (const auto& folder : std::filesystem::directory_iterator(kWrong)) {
    const std::string name = folder.path().filename().string();
    EXPECT_TRUE(folder.is_directory()) << name << ": expected to lie in one of the folders";
    for (const std::string& fixture : FixtureNames(folder.path().string(), ".textproto")) {
      fixtures.push_back(name + "/" + fixture);
    }
  }
  std::sort(fixtures.begin(), fixtures.end());
  return fixtures;
}

class WrongScenario : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { setenv("GRIDLOCK_CATALOG", "../../catalog", 1); }
};

TEST_P(WrongScenario, IsRefusedWithExactlyTheExpectedMessages) {
  const std::filesystem::path fixture(GetParam());
  const InFolder folder(kWrong + "/" + fixture.parent_path().string());
  const std::string name = fixture.filename().string();
  EXPECT_EQ(RefusalsOfFile(name + ".textproto"), FileContents(name + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, WrongScenario, ::testing::ValuesIn(WrongFixtures()),
                         [](const auto& param_info) {
                           return std::filesystem::path(param_info.param).filename().string();
                         });

/// Fixtures that may say the same as another one: the same mistake, met on another way.
const std::map<std::string, std::string> kTwins = {
    {"catalogue/catalogue_building_better_than_perfect", "in an entry, and not in a scenario"},
    {"catalogue/catalogue_cluster_of_no_servers", "in an entry, and not in a scenario"},
    {"catalogue/catalogue_cluster_with_dragonfly", "in an entry, and not in a scenario"},
    {"include/include_of_other_version", "in an included file"},
    {"life/campaign_rung_does_not_fit", "a rung, and not the job itself"},
    {"life/campaign_rung_without_steps", "a rung, and not the job itself"},
    {"life/change_to_power_limit_below_idle", "a change, and not the site itself"},
    {"machine/cluster_core_switch_of_two_tiers", "a cluster, and not a fabric"},
    {"machine/second_site_power_limit_below_idle", "the second site, and not the first"},
    {"text/only_comments", "comments, and not an empty file"},
    {"text/tab_before_the_mistake", "columns behind a tab"},
    {"text/unclosed_brace_at_end", "the last brace, and not one before it"},
    {"text/unterminated_string", "no quote at all, and not another one"},
    {"text/windows_line_ends", "positions in a file with CRLF"},
};

TEST(WrongScenarios, AreManyAndEachHasItsOwnMessage) {
  const std::vector<std::string> fixtures = WrongFixtures();
  EXPECT_GE(fixtures.size(), 100U);
  // "file:line:column: what"; the file is the fixture or one that it includes.
  const std::regex position("^[a-z0-9_/]+\\.textproto:[0-9]+:[0-9]+: ", std::regex::multiline);
  std::map<std::string, std::string> fixture_of;
  for (const std::string& fixture : fixtures) {
    const std::string expected = FileContents(kWrong + "/" + fixture + ".expected");
    EXPECT_TRUE(std::regex_search(expected, position)) << fixture << ": no position";
    const std::string what = std::regex_replace(expected, position, "");
    if (!kTwins.contains(fixture)) {
      const auto [other, is_new] = fixture_of.emplace(what, fixture);
      EXPECT_TRUE(is_new) << fixture << " and " << other->second
                          << " are refused with the same words; one of them shows nothing new";
    }
  }
  for (const auto& [twin, reason] : kTwins) {
    EXPECT_TRUE(std::find(fixtures.begin(), fixtures.end(), twin) != fixtures.end()) << twin;
  }
}

class UnreadableFile : public ::testing::Test {
 private:
  InFolder folder_{kWrong};
};

TEST_F(UnreadableFile, ThatDoesNotExistIsNamed) {
  EXPECT_EQ(RefusalsOfFile("no_such_file.textproto"),
            "no_such_file.textproto: does not exist; expected a text file in the form of a "
            "scenario\n");
}

TEST_F(UnreadableFile, ThatIsAFolderIsNamed) {
  EXPECT_EQ(RefusalsOfFile("text"),
            "text: is a directory; expected a text file in the form of a scenario\n");
}

TEST_F(UnreadableFile, ThatNeverEndsIsNotRead) {
  EXPECT_EQ(RefusalsOfFile("/dev/zero"),
            "/dev/zero: is not a plain file; expected a text file in the form of a scenario\n");
}

}  // namespace
}  // namespace gridlock
