// Every fixture in tests/fixtures/wrong is refused with exactly the lines of its .expected file:
// the messages are part of what the loader promises. A fixture without the file next to it fails.

#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/scenario/scenario.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

const std::string kWrong = GRIDLOCK_SOURCE_DIR "/tests/fixtures/wrong";

std::string Refusals(const std::string& file) {
  return RefusalsOf([&] {
    (void)LoadScenario(file, {});
  });
}

class WrongScenario : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { setenv("GRIDLOCK_CATALOG", "../catalog", 1); }

 private:
  InFolder folder_{kWrong};
};

TEST_P(WrongScenario, IsRefusedWithExactlyTheExpectedMessages) {
  EXPECT_EQ(Refusals(GetParam() + ".textproto"), FileContents(GetParam() + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, WrongScenario,
                         ::testing::ValuesIn(FixtureNames(kWrong, ".textproto")),
                         [](const auto& param_info) {
                           return param_info.param;
                         });

TEST(WrongScenarios, AreManyAndEachHasItsOwnMessage) {
  const std::vector<std::string> names = FixtureNames(kWrong, ".textproto");
  EXPECT_GE(names.size(), 100U);
  for (const std::string& name : names) {
    const std::string expected = FileContents(kWrong + "/" + name + ".expected");
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
