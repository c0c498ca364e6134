// Power over the time of a step: nothing is lost when energies are dealt out, and storage evens out
// what it can.

#include "sim/measure/step_power.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "sim/base/random.h"
#include "sim/record/step_measures.h"
#include "tests/engine/machines.h"

namespace gridlock {
namespace {

double JoulesIn(const std::vector<double>& power, const std::vector<double>& widths) {
  return std::inner_product(power.begin(), power.end(), widths.begin(), 0.0);
}

ServerSpec BoardsOf100To700() {
  ServerSpec server = IdealServer(8, 8);
  server.overhead_power = Watts(1000);
  server.overhead_per_watt = 0.25;
  server.accelerator.power.idle = Watts(100);
  server.accelerator.power.active = Watts(120);
  server.accelerator.power.limit = Watts(700);
  return server;
}

// Eight boards compute for a second at 500 W above waiting, and wait for a second.
StepLoads HalfAndHalf() {
  return {{0.5, 0.5, 0.5, 0.5}, {8e12, 8e12, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}};
}

StepActivity HalfOfTwoSeconds() {
  StepActivity activity;
  activity.arithmetic = Joules(8 * 500);
  activity.busy = Seconds(8);
  return activity;
}

TEST(StepPower, FollowsWhatIsComputed) {
  const ServerSpec server = BoardsOf100To700();
  const StepEnergy energy = EnergyOfStep(server, 8, Seconds(2), HalfOfTwoSeconds());
  const std::vector<double> power = PowerOverStep(energy, server, 8, Seconds(8), HalfAndHalf());
  const double waiting = 8 * 120 + 1000 + 0.25 * 8 * 20;
  EXPECT_NEAR(power[0], waiting + 1.25 * 8 * 500, 1e-6);
  EXPECT_NEAR(power[3], waiting, 1e-6);
  EXPECT_NEAR(JoulesIn(power, HalfAndHalf().widths), energy.total().si(), 1e-6);
}

TEST(StepPower, OfBoardsWithAFloorFallsToItAlone) {
  ServerSpec server = BoardsOf100To700();
  server.accelerator.power.floor = Watts(420);
  const StepEnergy energy = EnergyOfStep(server, 8, Seconds(2), HalfOfTwoSeconds());
  EXPECT_NEAR(energy.burned.si(), 8 * 1 * 300, 1e-9);
  const std::vector<double> power = PowerOverStep(energy, server, 8, Seconds(8), HalfAndHalf());
  const double waiting = 8 * 120 + 1000 + 0.25 * 8 * 20;
  EXPECT_NEAR(power[0], waiting + 1.25 * 8 * 500, 1e-6);
  EXPECT_NEAR(power[3], waiting + 1.25 * 8 * 300, 1e-6);
}

TEST(StepPower, OfAFloorAboveWorkIsEven) {
  ServerSpec server = BoardsOf100To700();
  server.accelerator.power.floor = Watts(660);
  const StepEnergy energy = EnergyOfStep(server, 8, Seconds(2), HalfOfTwoSeconds());
  EXPECT_NEAR(energy.boards().si(), 8 * 660 * 2, 1e-9);
  const std::vector<double> power = PowerOverStep(energy, server, 8, Seconds(8), HalfAndHalf());
  EXPECT_NEAR(*std::max_element(power.begin(), power.end()),
              *std::min_element(power.begin(), power.end()), 1e-6);
}

TEST(StepPower, NeverPassesTheLimitOfBoardsAndKeepsItsEnergy) {
  Random random(7, "loads");
  ServerSpec server = BoardsOf100To700();
  server.overhead_per_watt = 0;
  for (int draw = 0; draw < 200; ++draw) {
    StepLoads loads;
    for (int i = 0; i < 20; ++i) {
      loads.widths.push_back(i < 19 ? 0.1 : 0.01 + 0.09 * random.Uniform());
      loads.flop.push_back(random.Uniform());
      loads.hbm.push_back(random.Uniform() < 0.5 ? 0 : random.Uniform());
      loads.links.push_back(random.Uniform());
    }
    const double step = std::accumulate(loads.widths.begin(), loads.widths.end(), 0.0);
    StepEnergy energy;
    energy.idle = Watts(8 * 120) * Seconds(step);
    energy.flop = Joules(8 * 580 * step * random.Uniform() * 0.6);
    energy.hbm = Joules(8 * 580 * step * random.Uniform() * 0.3);
    energy.links = Joules(8 * 580 * step * random.Uniform() * 0.1);
    energy.servers = Watts(1000) * Seconds(step);
    const std::vector<double> power = PowerOverStep(energy, server, 8, Seconds(4), loads);
    EXPECT_LE(*std::max_element(power.begin(), power.end()), (8 * 700 + 1000) * (1 + 1e-9));
    EXPECT_NEAR(JoulesIn(power, loads.widths), energy.total().si(), 1e-6 * energy.total().si());
  }
}

TEST(StepStorage, NarrowsASquareWaveByWhatItHolds) {
  const std::vector<double> wave = {100, 300}, widths = {1, 1};
  EXPECT_EQ(EvenedOut(wave, widths, Joules(0)), wave);
  const std::vector<double> part = EvenedOut(wave, widths, Joules(50));
  EXPECT_NEAR(part[0], 150, 1e-6);
  EXPECT_NEAR(part[1], 250, 1e-6);
  const std::vector<double> all = EvenedOut(wave, widths, Joules(100));
  EXPECT_NEAR(all[0], 200, 1e-6);
  EXPECT_NEAR(all[1], 200, 1e-6);
}

TEST(StepStorage, GivesBackWhatItTakesAndNeverHoldsMore) {
  Random random(8, "waves");
  for (int draw = 0; draw < 200; ++draw) {
    std::vector<double> power, widths;
    for (int i = 0; i < 30; ++i) {
      power.push_back(1000 * random.Uniform());
      widths.push_back(0.1 + random.Uniform());
    }
    const double capacity = 300 * random.Uniform();
    const std::vector<double> evened = EvenedOut(power, widths, Joules(capacity));
    EXPECT_NEAR(JoulesIn(evened, widths), JoulesIn(power, widths), 1e-6 * JoulesIn(power, widths));
    double stored = 0, least = 0, most = 0;
    for (std::size_t i = 0; i < power.size(); ++i) {
      stored += (evened[i] - power[i]) * widths[i];
      least = std::min(least, stored);
      most = std::max(most, stored);
    }
    EXPECT_LE(most - least, capacity * (1 + 1e-6));
    EXPECT_LE(*std::max_element(evened.begin(), evened.end()),
              *std::max_element(power.begin(), power.end()));
  }
}

TEST(StepRamp, IsTheSteepestChangeAlsoFromAStepToTheNext) {
  StepRecord record;
  record.interval = Seconds(1);
  record.step_time = Seconds(2.5);  // the last interval is half as long
  record.power = {100, 200, 500};
  EXPECT_DOUBLE_EQ(PowerRamp(record), 400 / 0.75);
  EXPECT_DOUBLE_EQ(PowerMin(record).si(), 100);
  EXPECT_DOUBLE_EQ(PowerMax(record).si(), 500);
}

}  // namespace
}  // namespace gridlock
