// What stands in a building and leaves it: racks and feeds that jobs lie within, servers that are
// retired, storage that draws power, boards that rise and fall slowly, and bytes between buildings.

#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/cluster/lives.h"

namespace gridlock {
namespace {

// Two feeds of four servers. Two of each are free at 600 s: a job of four that lies within a feed
// waits until the rest of the first is free, at 1,000 s, and one without `within` does not.
TEST(Within, OfAFeedWaitsUntilOneIsFree) {
  for (const bool within : {true, false}) {
    JobSpec first = TrainingJob("first", 2, 100), second = TrainingJob("second", 2, 50, 1),
            last = TrainingJob("last", 2, 200, 2), gang = TrainingJob("gang", 4, 10, 600);
    gang.within = within ? "feed" : "";
    Scenario scenario = Week(8, {first, second, last, gang}, kDay);
    SiteSpec& hall = scenario.sites[0];
    hall.servers_per_rack = 1;
    hall.racks_per_row = hall.rows_per_feed = 2;
    scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
    EXPECT_EQ(Live(scenario, TenSeconds,
                   [&](const LifeRecord& record) {
                     return BrokenLaws(scenario, record) +
                            Differ("start", record.jobs[3].start.si(), within ? 1000 : 600);
                   }),
              "");
  }
}

// Six servers under one leaf in two feeds of three. A server of each is down until the morning, so
// that four are free: a job of three waits with `within` and does not without.
TEST(Within, OfAFeedSeesWhatIsOutOfService) {
  for (const bool within : {true, false}) {
    JobSpec gang = TrainingJob("gang", 3, 10, 60);
    gang.within = within ? "feed" : "";
    Scenario scenario = Week(6, {gang}, kDay);
    scenario.sites[0].servers_per_rack = 3;
    scenario.sites[0].racks_per_row = scenario.sites[0].rows_per_feed = 1;
    scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
    scenario.outages = {{Seconds(0), Seconds(5000), 0, 1, 1, -1},
                        {Seconds(0), Seconds(9000), 0, 4, 1, -1}};
    EXPECT_EQ(Live(scenario, TenSeconds,
                   [&](const LifeRecord& record) {
                     return BrokenLaws(scenario, record) +
                            Differ("start", record.jobs[0].start.si(), within ? 5000 : 60);
                   }),
              "");
  }
}

// Half of the servers of the old hall leave at noon. The run on them goes on in the new hall, and
// the others draw and cost nothing from then on.
TEST(Retirement, StopsPowerAndCostAndSendsRunsElsewhere) {
  JobSpec run = TrainingJob("run", 4, 7200);
  run.sites = {};
  TrainingOf(run).checkpoint_interval = Seconds(600);
  Scenario scenario = Week(4, {run}, kDay);
  SiteSpec& old = scenario.sites[0];
  old.capital_usd_per_accelerator = 1000;
  old.depreciation = Seconds(10 * kDay);
  old.retirements = {{Seconds(kDay / 2), 2, std::nullopt}, {Seconds(kDay * 0.75), 1, 700.0}};
  scenario.sites.push_back(Hall(4));
  scenario.sites[1].name = "new";
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   // Four servers for half a day, two for a quarter, one for a quarter; a tenth of
                   // the price a day. The last to leave has kept 925 of 1,000 USD and is sold for
                   // 700.
                   const double written_off = (2 + 0.5 + 0.25) * 8 * 100, kept = 8 * (925 - 700);
                   const LifeSite& site = record.sites[0];
                   const double idle = 1800 * (2 * kDay / 4 + kDay / 4);
                   return BrokenLaws(scenario, record) + Differ("sales", site.sales_usd, kept) +
                          Differ("capital", site.capital_usd, written_off + kept) +
                          Differ("idle energy", site.rest_energy.si(), idle) +
                          Differ("site", record.jobs[0].site.value, 1) +
                          Differ("interruptions", record.jobs[0].interruptions, 1) +
                          (record.sites[1].energy > Joules(0) ? "" : "the new hall does nothing\n");
                 }),
            "");
}

// 5 kW of storage beside four idle servers of 1.8 kW, at PUE 1.5.
TEST(Storage, DrawsItsPowerAtAllTimes) {
  Scenario scenario = Week(4, {}, kDay);
  scenario.sites[0].storage_power = Watts(5000);
  scenario.sites[0].pue = 1.5;
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeSite& site = record.sites[0];
                   return BrokenLaws(scenario, record) +
                          Differ("said", site.storage_power.si(), 5000) +
                          Differ("peak", site.peak_power.si(), 1.5 * 12200) +
                          Differ("energy", site.energy.si(), 1.5 * 12200 * kDay);
                 }),
            "");
}

// A server at work draws 4 kW, 275 W a board above waiting. At 5.5 W/s it has fallen after 50 s:
// eight triangles of 6,875 J. A checkpoint of 20 s leaves no room for all of one: 275 x 20 - 5.5 x
// 20^2 / 2 = 4,400 J.
TEST(Ramps, BurnATriangleWhenWorkStops) {
  Scenario scenario = Week(1, {TrainingJob("run", 1, 100)}, kDay);
  PowerSpec& power = scenario.sites[0].server.accelerator.power;
  power.ramp_down = WattsPerSecond(5.5);
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  const double triangle = 8 * 275 * 50 / 2;
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("burned", record.sites[0].ramp_energy.si(), triangle) +
                          Differ("job", record.jobs[0].energy.si(), 4000 * 1000 + triangle);
                 }),
            "");
  PretrainingSpec& run = TrainingOf(scenario.jobs[0]);
  run.checkpoint_interval = Seconds(500);
  const Bytes bytes(14 * ModelParameters(run.step.model));
  scenario.sites[0].storage_bandwidth = bytes / Seconds(20);
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& job = record.jobs[0];
                   const double saves = std::round(job.checkpointing.si() / 20);
                   return BrokenLaws(scenario, record) + (saves > 0 ? "" : "nothing was saved\n") +
                          Differ("burned", record.sites[0].ramp_energy.si(),
                                 saves * 8 * 4400 + triangle, 1e-6);
                 }),
            "");
}

// From 100 W to the limit of 700 W at 6 W/s: the clock goes with the fourth root, so that a fifth
// of the 100 s is lost.
TEST(Ramps, LoseAFifthOfTheirRise) {
  Scenario scenario = Week(1, {TrainingJob("run", 1, 100)}, kDay);
  PowerSpec& power = scenario.sites[0].server.accelerator.power;
  power.limit = Watts(700);
  power.ramp_up = WattsPerSecond(6);
  const double rise = 100;
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("restarting", record.jobs[0].restarting.si(), rise / 5) +
                          Differ("end", record.jobs[0].end.si(), 1000 + rise / 5);
                 }),
            "");
}

std::vector<StepRate> SendsATerabyte(const Situation& situation) {
  std::vector<StepRate> rates = TenSeconds(situation);
  for (StepRate& rate : rates) {
    rate.wan_bytes = 1e12;
  }
  return rates;
}

// A hundred steps of a terabyte at 0.02 USD/GB. With a third site the ring has three links, and the
// dear one carries a third.
TEST(Traffic, OverALinkIsPaidByTheRunThatSendsIt) {
  for (const int sites : {2, 3}) {
    JobSpec job = TrainingJob("run", sites, 100);
    job.spans = true;
    Scenario scenario = Week(1, {job}, kDay);
    for (int s = 1; s < sites; ++s) {
      scenario.sites.push_back(Hall(1));
      scenario.sites.back().name = fmt::format("other {}", s);
    }
    for (int s = 0; s < sites; ++s) {
      scenario.jobs[0].sites.resize(static_cast<std::size_t>(s) + 1);
      scenario.jobs[0].sites.back() = SiteIndex{s};
      for (int other = 0; other < s; ++other) {
        WanSpec wan;
        wan.from = {other};
        wan.to = {s};
        wan.bandwidth = BytesPerSecond(1e9);
        wan.usd_per_byte = scenario.wans.empty() ? 0.02e-9 : 0;
        scenario.wans.push_back(wan);
      }
    }
    scenario.epochs = {{Seconds(0), scenario.sites, scenario.wans, {}}};
    const double usd = 100 * 1e3 * 0.02 / (sites == 2 ? 1 : 3);
    EXPECT_EQ(Live(scenario, SendsATerabyte,
                   [&](const LifeRecord& record) {
                     return BrokenLaws(scenario, record) +
                            Differ("job", record.jobs[0].operation_usd, usd) +
                            Differ("one end", record.sites[0].wan_traffic_usd, usd / 2) +
                            Differ("its operation", record.sites[0].operation_usd, usd / 2) +
                            Differ("other end", record.sites[1].wan_traffic_usd, usd / 2);
                   }),
              "");
  }
}

}  // namespace
}  // namespace gridlock
