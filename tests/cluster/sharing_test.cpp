// Runs whose traffic meets slow each other, by rates that are simulated and not stated.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/oracle/situation.h"
#include "tests/cluster/lives.h"
#include "tests/engine/machines.h"

namespace gridlock {
namespace {

// Three leaves of two servers, with an eighth of the bandwidth up: runs of three servers span two
// leaves, and two of them meet under the middle one.
Scenario TwoRunsOverThreeLeaves() {
  Scenario scenario = Week(6, {TrainingJob("a", 3, 40), TrainingJob("b", 3, 100)}, kDay);
  scenario.sites = {ClosSite(
      IdealServer(8, 8),
      {.servers = 6, .servers_per_leaf = 2, .leaves_per_pod = 3, .tiers = 2, .leaf_over = 8})};
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  return scenario;
}

double StepTime(StepOracle& oracle, const Scenario& scenario, std::size_t job, bool shared) {
  const auto training = [&](std::size_t j) {
    return &std::get<PretrainingSpec>(scenario.jobs[j].kind).step;
  };
  const Placement places[] = {{{0, 0, 3}}, {{0, 3, 3}}};
  Situation situation{&scenario.sites, &scenario.wans, {{training(job), places[job]}}};
  if (shared) {
    situation.jobs = {{training(0), places[0]}, {training(1), places[1]}};
    return oracle.RatesOf(situation)[job].step_time.si();
  }
  return oracle.RatesOf(situation)[0].step_time.si();
}

TEST(Life, OfTwoRunsThatMeetIsSlowerUntilOneEnds) {
  StepOracle oracle;  // before the child uses SimGrid
  const Scenario scenario = TwoRunsOverThreeLeaves();
  const double a = StepTime(oracle, scenario, 0, true);
  const double b = StepTime(oracle, scenario, 1, true);
  const double alone = StepTime(oracle, scenario, 1, false);
  EXPECT_GT(b, 1.05 * alone) << "they do not meet";
  const double first_end = 40 * a;
  const double left = 100 - first_end / b;
  EXPECT_EQ(Live(
                scenario,
                [&](const Situation& situation) {
                  return oracle.RatesOf(situation);
                },
                [&](const LifeRecord& record) {
                  return BrokenLaws(scenario, record) +
                         Differ("a", record.jobs[0].end.si(), first_end) +
                         Differ("b", record.jobs[1].end.si(), first_end + left * alone);
                }),
            "");
}

}  // namespace
}  // namespace gridlock
