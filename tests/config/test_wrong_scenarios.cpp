// Every fixture in tests/fixtures/wrong is refused with exactly the lines of its .expected file:
// the messages are part of what the loader promises. A fixture without the file next to it fails.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/config/scenario.h"

namespace gridlock {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFixtures = GRIDLOCK_SOURCE_DIR "/tests/fixtures";

std::vector<std::string> WrongScenarios() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(std::string(kFixtures) + "/wrong")) {
    if (entry.path().extension() == ".textproto") {
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

/// The messages of a refusal, one per line; fails when the scenario is accepted.
std::string Refusals(const std::string& file) {
  try {
    (void)LoadScenario(file, {});
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

class WrongScenario : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    // Relative names, so that the messages are the same wherever the sources are.
    before_ = fs::current_path();
    fs::current_path(std::string(kFixtures) + "/wrong");
    setenv("GRIDLOCK_CATALOG", "../catalog", 1);
  }

  void TearDown() override { fs::current_path(before_); }

 private:
  fs::path before_;
};

TEST_P(WrongScenario, IsRefusedWithExactlyTheExpectedMessages) {
  EXPECT_EQ(Refusals(GetParam() + ".textproto"), Contents(GetParam() + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, WrongScenario, ::testing::ValuesIn(WrongScenarios()),
                         [](const auto& param_info) {
                           return param_info.param;
                         });

TEST(WrongScenarios, AreManyAndEachHasItsOwnMessage) {
  const std::vector<std::string> names = WrongScenarios();
  EXPECT_GE(names.size(), 100U);
  for (const std::string& name : names) {
    const std::string expected = Contents(std::string(kFixtures) + "/wrong/" + name + ".expected");
    // "file:line:column: what"; the file is the fixture or one that it includes.
    EXPECT_THAT(expected, ::testing::ContainsRegex("^[a-z0-9_/]+\\.textproto:[0-9]+:[0-9]+: "))
        << name;
  }
}

class UnreadableFile : public WrongScenario {};

TEST_F(UnreadableFile, ThatDoesNotExistIsNamed) {
  EXPECT_EQ(Refusals("no_such_file.textproto"),
            "no_such_file.textproto: does not exist; expected a text file in the form of a "
            "scenario\n");
}

TEST_F(UnreadableFile, ThatIsAFolderIsNamed) {
  EXPECT_EQ(Refusals("part"),
            "part: is a directory; expected a text file in the form of a scenario\n");
}

TEST_F(UnreadableFile, ThatNeverEndsIsNotRead) {
  EXPECT_EQ(Refusals("/dev/zero"),
            "/dev/zero: is not a plain file; expected a text file in the form of a scenario\n");
}

}  // namespace
}  // namespace gridlock
