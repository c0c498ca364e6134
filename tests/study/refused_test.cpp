// Scenarios whose text is right and whose machine or memory is not: each in tests/fixtures/refused
// is refused before the simulation, with exactly the lines of its .expected file.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/config/scenario.h"
#include "sim/study/evaluate.h"

namespace gridlock {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFixtures = GRIDLOCK_SOURCE_DIR "/tests/fixtures/refused";

std::vector<std::string> Fixtures() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(kFixtures)) {
    if (entry.path().extension() == ".textproto") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Refused : public ::testing::TestWithParam<std::string> {};

TEST_P(Refused, BeforeTheSimulationWithExactlyTheExpectedMessages) {
  fs::current_path(kFixtures);
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
  std::ifstream file(GetParam() + ".expected");
  std::ostringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(lines, expected.str());
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Refused, ::testing::ValuesIn(Fixtures()),
                         [](const auto& param_info) {
                           return param_info.param;
                         });

}  // namespace
}  // namespace gridlock
