// What a site's power cap does.

#include <algorithm>
#include <cmath>
#include <memory>

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

// A server at work and an idle one draw 8.4 kW.
TEST(PowerCap, BelowWhatARunNeedsSaysSo) {
  EXPECT_EQ(Live(Capped(8e3, PowerPolicy::kQueue), PacedByPower,
                 [](const LifeRecord& record) {
                   int told = 0;
                   for (const LifeEvent& event : record.events) {
                     told += event.detail.starts_with(
                                 "a needs 8.4 kW at its own clock to start, "
                                 "and the cap of ")
                                 ? 1
                                 : 0;
                   }
                   return Differ("told", told, 1) + Differ("start", record.jobs[0].start.si(), -1);
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

// A rack of four servers at work draws 26.4 kW, and 14.3 kW at 40 % of the boards' work.
TEST(PowerCap, OfARackHoldsAllBoardsOfItsSiteDown) {
  for (const double cap : {30e3, 20e3}) {
    Scenario scenario = Week(8, {TrainingJob("a", 4, 1000)}, kDay);
    scenario.sites[0].server.accelerator.power.limit = Watts(kBoard);
    scenario.sites[0].servers_per_rack = 4;
    scenario.sites[0].rack_cap = Watts(cap);
    scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
    EXPECT_EQ(
        Live(scenario, PacedByPower,
             [&](const LifeRecord& record) {
               const double rack = record.sites[0].peak_power.si() - 4 * 1800;
               return BrokenLaws(scenario, record) +
                      (rack <= cap ? "" : "the rack draws too much\n") +
                      (rack > std::min(cap, 26.4e3) - 0.025 * kBoard * 32 ? "" : "too slow\n") +
                      (cap > 26.4e3 ? Differ("end", record.jobs[0].end.si(), 10000) : "");
             }),
        "");
  }
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

// A site of 16 accelerators at 1,000 USD a year each, half of it for a job that holds half.
TEST(Money, OfOperationIsBorneByAccelerators) {
  Scenario scenario = Capped(0, PowerPolicy::kSlow);
  scenario.jobs.pop_back();
  scenario.sites[0].operation_usd_per_accelerator_year = 1000;
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(
      Live(scenario, PacedByPower,
           [&](const LifeRecord& record) {
             constexpr double kYear = 365.25 * kDay;
             return Differ("of the site", record.sites[0].operation_usd, 16 * 1000 * kDay / kYear) +
                    Differ("of the job", record.jobs[0].operation_usd, 8 * 1000 * 10000 / kYear);
           }),
      "");
}

// Six of eight servers come at noon: until then they cost nothing and draw nothing, and a job of
// all waits for them.
TEST(Delivery, IsWhenServersBeginToCostAndToWork) {
  Scenario scenario = Week(8, {TrainingJob("all", 8, 100)}, kDay);
  scenario.sites[0].capital_usd_per_accelerator = 1e4;
  scenario.sites[0].depreciation = Seconds(1000 * kDay);
  scenario.sites[0].deliveries = {{Seconds(kDay / 4), 2}, {Seconds(kDay / 2), 4}};
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const double servers = 2 + 2 * 0.75 + 4 * 0.5;  // over the day, mean
                   const double idle_joules = 1800 * (servers * kDay - 8 * 1000);
                   return BrokenLaws(scenario, record) +
                          Differ("start", record.jobs[0].start.si(), kDay / 2) +
                          Differ("capital", record.sites[0].capital_usd, servers * 8 * 1e4 / 1000) +
                          Differ("idle energy", record.sites[0].rest_energy.si(), idle_joules);
                 }),
            "");
}

// One server at work, 6.6 kW, beside an idle one of 1.8 kW. Twelve dear and hot hours, twelve
// cheap and cold ones, again and again.
Scenario ByTheHour() {
  Scenario scenario = Capped(0, PowerPolicy::kSlow);
  scenario.horizon = Seconds(2 * kDay);
  scenario.jobs.pop_back();
  TrainingOf(scenario.jobs[0]).steps = 1000000;
  auto profile = std::make_shared<ProfileSpec>();
  profile->hours = {{Seconds(0), 0.2, 500, 30}, {Seconds(kDay / 2), 0.05, 100, 10}};
  profile->repeats = Seconds(kDay);
  scenario.sites[0].profile = profile;
  scenario.sites[0].pue_points = {{0, 1.1}, {20, 1.2}, {30, 1.4}};
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  return scenario;
}

TEST(Profile, PricesCarbonAndPueFollowTheHour) {
  const Scenario scenario = ByTheHour();
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   const double kwh = 8.4 * 24;  // of each half, over two days, without PUE
                   const LifeSite& site = record.sites[0];
                   return BrokenLaws(scenario, record) +
                          Differ("energy", site.energy.si() / 3.6e6, kwh * (1.4 + 1.15)) +
                          Differ("cost", site.cost_usd, kwh * (1.4 * 0.2 + 1.15 * 0.05)) +
                          Differ("carbon", site.carbon_kg, kwh * (1.4 * 0.5 + 1.15 * 0.1)) +
                          Differ("PUE", site.pue, (1.4 + 1.15) / 2);
                 }),
            "");
}

TEST(Profile, OverheadThatIsFixedWeighsMoreAtLowLoad) {
  Scenario scenario = ByTheHour();
  scenario.sites[0].pue_points.clear();
  scenario.sites[0].pue = 1.5;
  scenario.sites[0].pue_fixed = 0.4;
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   const double load = 8.4 / 13.2;  // of two servers at their limits
                   return Differ("PUE", record.sites[0].pue, 1 + 0.5 * (0.6 + 0.4 / load), 1e-6);
                 }),
            "");
}

TEST(Profile, DearHoursLowerTheCap) {
  Scenario scenario = ByTheHour();
  scenario.sites[0].pue_points.clear();
  scenario.sites[0].response_price = 0.1;
  scenario.sites[0].response_cap = Watts(8e3);
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(
      Live(scenario, PacedByPower,
           [&](const LifeRecord& record) {
             const std::vector<double>& power = record.sites[0].power;
             const std::size_t quarter = power.size() / 4;
             return BrokenLaws(scenario, record) +
                    (power[quarter / 2] <= 8e3 && power[quarter / 2] > 7.5e3 ? "" : "no cap\n") +
                    Differ("cheap hours", power[quarter + quarter / 2], 8400);
           }),
      "");
}

// One server at work, 8.4 kW with the idle one beside it, for 10,000 s; then 3.6 kW. The battery
// gives 1 kW of that for 5,000 s, and is full again 5 MJ / 0.8 later.
TEST(Battery, ShavesTheTopUntilItIsEmptyAndFillsBelowIt) {
  Scenario scenario = Capped(0, PowerPolicy::kSlow);
  scenario.jobs.pop_back();
  scenario.recording.interval = Seconds(1000);
  BatterySpec& battery = scenario.sites[0].battery;
  battery = {Joules(5e6), Watts(2000), 0.8, Watts(7400), {}, {}};
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   const LifeSite& site = record.sites[0];
                   return BrokenLaws(scenario, record) +
                          Differ("given", site.battery_discharged.si(), 5e6) +
                          Differ("taken", site.battery_charged.si(), 5e6 / 0.8) +
                          Differ("least", site.battery_least.si(), 0) +
                          Differ("shaved", site.power[2], 7400) +
                          Differ("then not", site.power[7], 8400) +
                          Differ("filled", site.power[11], 5600) +
                          Differ("full", site.power[20], 3600) +
                          Differ("stored", site.battery_stored[2], 2.5e6) +
                          Differ("stored later", site.battery_stored[20], 5e6) +
                          Differ("grid", site.energy.si(), site.it_energy.si() + 1.25e6);
                 }),
            "");
}

// 12,000 USD a month: for ten days of a year of 365.25, half at each end, and no job pays it.
TEST(Rent, OfALinkIsSharedByItsSites) {
  Scenario scenario = Week(1, {TrainingJob("run", 1, 100)}, 864000);
  scenario.sites.push_back(Hall(1));
  scenario.sites[1].name = "annex";
  WanSpec wan;
  wan.path = "wan[0]";
  wan.from = SiteIndex{0};
  wan.to = SiteIndex{1};
  wan.bandwidth = BytesPerSecond(1e9);
  wan.rent_usd_per_month = 12000;
  scenario.wans = {wan};
  scenario.epochs = {{Seconds(0), scenario.sites, scenario.wans, {}}};
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   const double half = 6000 * 12 * 10 / 365.25;
                   return BrokenLaws(scenario, record) +
                          Differ("hall", record.sites[0].wan_rent_usd, half) +
                          Differ("annex", record.sites[1].wan_rent_usd, half) +
                          Differ("operation", record.sites[1].operation_usd, half) +
                          Differ("job", record.jobs[0].operation_usd, 0);
                 }),
            "");
}

// The same battery loses a tenth of its capacity by giving all of it, and is full with the rest. A
// two-hundredth of its 416.67 USD is written off.
TEST(Battery, WearsAndIsWrittenOff) {
  Scenario scenario = Capped(0, PowerPolicy::kSlow);
  scenario.jobs.pop_back();
  scenario.recording.interval = Seconds(1000);
  BatterySpec& battery = scenario.sites[0].battery;
  battery = {Joules(5e6), Watts(2000), 0.8, Watts(7400), {}, {}};
  battery.wear = 0.1;
  battery.capital_usd_per_kwh = 300;
  battery.lifetime = scenario.horizon * 200;
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   const LifeSite& site = record.sites[0];
                   const double usd = 300 * 5e6 / 3.6e6 / 200;
                   return BrokenLaws(scenario, record) +
                          Differ("given", site.battery_discharged.si(), 5e6) +
                          Differ("taken", site.battery_charged.si(), 4.5e6 / 0.8) +
                          Differ("lost", site.battery_faded.si(), 0.5e6) +
                          Differ("stored later", site.battery_stored[20], 4.5e6) +
                          Differ("written off", site.battery_capital_usd, usd) +
                          Differ("capital", site.capital_usd, usd);
                 }),
            "");
  // One that rests all the time ages: a hundredth of a year's tenth.
  battery.shave_above = Watts(0);
  battery.wear = 0;
  battery.ageing = 0.1 * (kYear / scenario.horizon) / 100;
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   return Differ("aged", record.sites[0].battery_faded.si(), 5e6 / 1000);
                 }),
            "");
}

// Two servers draw 13.2 kW under a cap of 10 kW. The battery gives 3.2 kW for 5,000 s; then boards
// keep the cap at 490 W, and a step takes 600 / 390 times as long.
TEST(Battery, HoldsACapOffForAsLongAsItLasts) {
  Scenario scenario = Capped(10e3, PowerPolicy::kSlow);
  scenario.sites[0].battery = {Joules(16e6), Watts(5000), 0.85, Watts(0), {}, {}};
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(
      Live(scenario, PacedByPower,
           [&](const LifeRecord& record) {
             const double empty = 1 + 5000;  // the second job comes after a second
             const double end = empty + (1000 - empty / 10) * 10 * 600 / 390;
             return BrokenLaws(scenario, record) +
                    Differ("end", record.jobs[0].end.si(), end, 1e-6) +
                    (record.sites[0].peak_power <= Watts(10e3 * (1 + 1e-9)) ? "" : "cap passed\n");
           }),
      "");
}

// A cap below what idle servers draw can be ridden through.
TEST(Battery, RidesThroughAnEventOfTheGrid) {
  Scenario scenario = Capped(0, PowerPolicy::kSlow);
  Epoch event = scenario.epochs[0], after = scenario.epochs[0];
  for (Epoch* epoch : {&scenario.epochs[0], &event, &after}) {
    epoch->sites[0].battery = {Joules(20e6), Watts(14e3), 0.85, Watts(0), {}, {}};
  }
  scenario.sites = scenario.epochs[0].sites;
  event.from = Seconds(2000);
  event.sites[0].power_cap = Watts(1000);
  after.from = Seconds(3000);
  scenario.epochs.insert(scenario.epochs.end(), {event, after});
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("end", record.jobs[0].end.si(), 10000) +
                          Differ("preemptions", record.jobs[1].preemptions, 0) +
                          Differ("given", record.sites[0].battery_discharged.si(), 12.2e6);
                 }),
            "");
}

// Two dear halves of days, two cheap ones: it gives its 50 kWh in five hours of each dear one and
// takes 50 / 0.8 in each cheap one.
TEST(Battery, MovesEnergyFromCheapHoursToDearOnes) {
  Scenario scenario = ByTheHour();
  scenario.sites[0].battery = {Joules(50 * 3.6e6), Watts(10e3), 0.8, Watts(0), 0.1, 0.1};
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, PacedByPower,
                 [&](const LifeRecord& record) {
                   const double kwh = 8.4 * 24;
                   const LifeSite& site = record.sites[0];
                   return BrokenLaws(scenario, record) +
                          Differ("energy", site.energy.si() / 3.6e6,
                                 kwh * (1.4 + 1.15) - 100 + 125) +
                          Differ("cost", site.cost_usd,
                                 kwh * (1.4 * 0.2 + 1.15 * 0.05) - 100 * 0.2 + 125 * 0.05) +
                          Differ("carbon", site.carbon_kg,
                                 kwh * (1.4 * 0.5 + 1.15 * 0.1) - 100 * 0.5 + 125 * 0.1) +
                          Differ("PUE", site.pue, (1.4 + 1.15) / 2);
                 }),
            "");
}

}  // namespace
}  // namespace gridlock
