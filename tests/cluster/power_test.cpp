// What a site's power cap does.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/cluster/lives.h"

namespace gridlock {
namespace {

constexpr double kBoard = 700;

// A server draws 1,800 W idle and 8 (limit - 100) W more in work; half the power above idle makes
// steps twice as long.
std::vector<StepRate> PacedByPower(const Situation& situation) {
  std::vector<StepRate> rates;
  for (const PlacedJob& job : situation.jobs) {
    const PowerSpec& power = (*situation.sites)[static_cast<std::size_t>(job.placement[0].site)]
                                 .server.accelerator.power;
    const double above = (power.limit - power.idle).si();
    StepRate rate;
    rate.step_time = Seconds(10 * (kBoard - power.idle.si()) / above);
    rate.energy =
        Watts(1800 + 8 * above) * rate.step_time * static_cast<double>(ServersIn(job.placement));
    rates.push_back(rate);
  }
  return rates;
}

// Two servers at work draw 13.2 kW.
Scenario Capped(double cap, PowerPolicy policy) {
  Scenario scenario = Week(2, {TrainingJob("a", 1, 1000), TrainingJob("b", 1, 1000, 1)}, kDay);
  scenario.sites[0].server.accelerator.power.limit = Watts(kBoard);
  scenario.sites[0].power_cap = Watts(cap);
  scenario.sites[0].power_policy = policy;
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  return scenario;
}

double Highest(const LifeRecord& record) {
  const std::vector<double>& power = record.sites[0].power;
  return *std::max_element(power.begin(), power.end());
}

TEST(PowerCap, ThatIsNeverReachedChangesNothing) {
  EXPECT_EQ(Live(Capped(14e3, PowerPolicy::kSlow), PacedByPower,
                 [](const LifeRecord& record) {
                   return Differ("end", record.jobs[0].end.si(), 10000) +
                          Differ("peak", record.sites[0].peak_power.si(), 13200);
                 }),
            "");
}

TEST(PowerCap, IsKeptByLowerClocksToTheNextLevel) {
  const Scenario scenario = Capped(10e3, PowerPolicy::kSlow);
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   std::string says = BrokenLaws(scenario, record);
                   const double peak = record.sites[0].peak_power.si();
                   // A level is 2.5 % of 700 W on 16 accelerators.
                   says += peak <= 10e3 && peak > 10e3 - 0.025 * 700 * 16
                               ? ""
                               : fmt::format("peak {}", peak);
                   // Alone, a server may draw all it likes beside an idle one: 1.8 + 6.6 kW.
                   says += record.jobs[0].end.si() > 12000 ? "" : "it was not slowed";
                   return says;
                 }),
            "");
}

TEST(PowerCap, MakesJobsWaitWhenClocksAreNotToBeTouched) {
  const Scenario scenario = Capped(10e3, PowerPolicy::kQueue);
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("peak", record.sites[0].peak_power.si(), 8400) +
                          Differ("start of b", record.jobs[1].start.si(), 10000);
                 }),
            "");
}

TEST(PowerCap, LeavesNoTraceOfARunThatWaitsForPowerToTheEnd) {
  Scenario scenario = Capped(10e3, PowerPolicy::kQueue);
  std::get<PretrainingSpec>(scenario.jobs[0].kind).steps = 1'000'000'000;
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("site of a", record.jobs[0].site, 0) +
                          Differ("site of b, which never ran", record.jobs[1].site, -1);
                 }),
            "");
}

TEST(PowerCap, ThatComesLaterStopsTheLastToStart) {
  Scenario scenario = Capped(0, PowerPolicy::kQueue);
  Epoch capped = scenario.epochs[0];
  capped.from = Seconds(5000);
  capped.sites[0].power_cap = Watts(10e3);
  scenario.epochs.push_back(capped);
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("preemptions", record.jobs[1].preemptions, 1) +
                          Differ("end of a", record.jobs[0].end.si(), 10000) +
                          // Nothing of b was saved: it begins anew.
                          Differ("end of b", record.jobs[1].end.si(), 20000);
                 }),
            "");
}

TEST(PowerCap, ThatAnIdleSitePassesIsRefused) {
  EXPECT_EQ(Live(Capped(3000, PowerPolicy::kSlow), PacedByPower,
                 [](const LifeRecord&) {
                   return std::string("it lived");
                 })
                .substr(0, 7),
            "threw: ");
}

TEST(PowerCap, CountsThePueOfTheSite) {
  Scenario scenario = Capped(14e3, PowerPolicy::kQueue);
  scenario.sites[0].pue = 1.5;  // two servers would draw 19.8 kW at the meter
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("power", Highest(record), 1.5 * 8400) +
                          Differ("energy", record.sites[0].energy.si(),
                                 1.5 * record.sites[0].it_energy.si());
                 }),
            "");
}

TEST(Money, IsEnergyWithPueAtTheSitesPrice) {
  Scenario scenario = Capped(0, PowerPolicy::kSlow);
  scenario.sites[0].pue = 1.25;
  scenario.sites[0].electricity_usd_per_kwh = 0.08;
  scenario.sites[0].carbon_g_per_kwh = 400;
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   const double kwh = record.sites[0].energy.si() / 3.6e6;
                   const LifeJob& job = record.jobs[0];
                   return Differ("cost", record.sites[0].cost_usd, 0.08 * kwh) +
                          Differ("carbon", record.sites[0].carbon_kg, 0.4 * kwh) +
                          Differ("of the job", job.cost_usd, job.energy.si() * 1.25 / 3.6e6 * 0.08);
                 }),
            "");
}

}  // namespace
}  // namespace gridlock
