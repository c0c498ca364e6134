// Scenarios whose text is right and whose machine or memory is not: each in tests/fixtures/refused
// is refused before the simulation, with exactly the lines of its .expected file.

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "sim/scenario/scenario.h"
#include "sim/study/evaluate.h"
#include "tests/engine/machines.h"
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

// 20,000 agents and a communicator for each two of them, which share the experts of a layer: the
// groups of experts are counted like all others.
TEST(RefusedAtFullFidelity, CountsTheCommunicatorsOfExperts) {
  Layout layout;
  layout.data = 20000;
  layout.expert = 2;
  TrainingSpec job = SmallJob(layout, 1);
  job.global_batch = layout.data;
  job.model.mixture.experts = 16;
  job.model.mixture.experts_per_token = 2;
  job.model.mixture.expert_ffn = 1024;
  const Scenario scenario = ScenarioOf(
      ClosSite(IdealServer(8, 8), {.servers = 2500, .servers_per_leaf = 25, .leaves_per_pod = 100}),
      job);
  EXPECT_NO_THROW(CheckScenario(scenario, Fidelity::kFolded));
  try {
    CheckScenario(scenario, Fidelity::kFull);
    ADD_FAILURE() << "accepted";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("30003 are needed and 28000 is the most"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace gridlock
