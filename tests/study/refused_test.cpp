// Scenarios whose text is right and whose machine or memory is not: each in tests/fixtures/refused
// is refused before the simulation, with exactly the lines of its .expected file.

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "sim/scenario/scenario.h"
#include "sim/study/evaluate.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

const std::string kRefused = GRIDLOCK_SOURCE_DIR "/tests/fixtures/refused";

class Refused : public ::testing::TestWithParam<std::string> {
 private:
  InFolder folder_{kRefused};
};

TEST_P(Refused, BeforeTheSimulationWithExactlyTheExpectedMessages) {
  setenv("GRIDLOCK_CATALOG", GRIDLOCK_SOURCE_DIR "/tests/fixtures/catalog", 1);
  const Scenario scenario = LoadScenario(GetParam() + ".textproto", {});
  std::string lines;
  try {
    CheckScenario(scenario, Fidelity::kFolded);
    ADD_FAILURE() << GetParam() << " was accepted";
  } catch (const UserError& error) {
    for (const std::string& line : Locate(error, scenario.sources)) {
      lines += line + "\n";
    }
  }
  EXPECT_EQ(lines, FileContents(GetParam() + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Refused,
                         ::testing::ValuesIn(FixtureNames(kRefused, ".textproto")),
                         [](const auto& param_info) {
                           return param_info.param;
                         });

}  // namespace
}  // namespace gridlock
