// What a board's power limit does to a pass: the clock falls until the limit is kept.

#include <cmath>

#include <gtest/gtest.h>

#include "tests/engine/machines.h"

namespace gridlock {
namespace {

// The first forward pass of a job that only the matrix units bound, on a board that may draw
// `limit`.
Pass ForwardAt(Watts limit) {
  ServerSpec server = IdealServer(8, 8);
  server.accelerator.power.limit = limit;
  server.accelerator.power.per_hbm_byte = JoulesPerByte(0);
  Layout layout;
  layout.data = 8;
  const TrainingSpec job = SmallJob(layout, 2);
  return BuildStepProgram(job, server).passes[0];
}

// Power above idle while the pass computes.
double DynamicPower(const Pass& pass) {
  return (pass.flop_energy / pass.compute_time).si();
}

constexpr double kIdle = 100;

TEST(PowerLimit, ThatIsNotReachedChangesNothing) {
  const Pass full = ForwardAt(Watts(1e9));
  const Pass just = ForwardAt(Watts(kIdle + DynamicPower(full) * 1.0001));
  EXPECT_EQ(just.compute_time, full.compute_time);
  EXPECT_EQ(just.flop_energy, full.flop_energy);
}

TEST(PowerLimit, IsKeptByTheCubeOfTheClockWhileTheVoltageFalls) {
  const Pass full = ForwardAt(Watts(1e9));
  for (const double share : {0.9, 0.7, 0.5}) {
    const Pass capped = ForwardAt(Watts(kIdle + share * DynamicPower(full)));
    const double clock = full.compute_time / capped.compute_time;
    EXPECT_NEAR(clock, std::cbrt(share), 1e-9) << share;
    EXPECT_NEAR(DynamicPower(capped) / DynamicPower(full), share, 1e-9);
    EXPECT_NEAR(capped.flop_energy / full.flop_energy, clock * clock, 1e-9);
  }
}

TEST(PowerLimit, CostsTimeInProportionBelowTheLowestVoltage) {
  const Pass full = ForwardAt(Watts(1e9));
  const double quarter = 0.25 * DynamicPower(full);
  const Pass one = ForwardAt(Watts(kIdle + quarter));
  const Pass half = ForwardAt(Watts(kIdle + quarter / 2));
  EXPECT_NEAR(half.compute_time / one.compute_time, 2, 1e-9);
  EXPECT_EQ(half.flop_energy, one.flop_energy);
}

// The rates were measured at the board's own limit, where GEMMs draw all of it, though their price
// at those clocks would leave a fifth unused.
TEST(PowerLimit, BelowTheBoardsOwnCostsTimeFromTheFirstWattOn) {
  const Pass full = ForwardAt(Watts(1e9));
  const double drawn = 1.2 * DynamicPower(full);
  const auto at = [&](double share) {
    ServerSpec server = IdealServer(8, 8);
    PowerSpec& power = server.accelerator.power;
    power.per_hbm_byte = JoulesPerByte(0);
    power.per_flop_at_full_clock = power.per_flop * 1.5;
    power.own_limit = Watts(kIdle + drawn);
    power.limit = Watts(kIdle + share * drawn);
    Layout layout;
    layout.data = 8;
    return BuildStepProgram(SmallJob(layout, 2), server).passes[0];
  };
  EXPECT_EQ(at(1).compute_time, full.compute_time);
  for (const double share : {0.99, 0.94, 0.7, 0.5}) {
    EXPECT_NEAR(full.compute_time / at(share).compute_time, std::pow(share, 0.25), 1e-9) << share;
  }
}

}  // namespace
}  // namespace gridlock
