#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/record/fingerprint.h"
#include "sim/report/life_figures.h"
#include "sim/report/life_picture.h"
#include "sim/report/life_summary.h"
#include "sim/report/life_words.h"
#include "tests/record/life_sample.h"

namespace gridlock {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr Seconds kHour(3600.0);

constexpr const char* kLifeSummary = R"(two halls: the life of a cluster over 4 h
A life for the reports

  machine                north: 2 x DGX H100; south: 1 x DGX H100
  main                   pretraining of llama

  horizon                4 h in 4 intervals of 60 min
  jobs                   1 pretraining, 3 experiments, 1 fleet
  queue                  0.2 jobs for 2 accelerators on average, at most 1.0 jobs
  training               3.25 PFLOPS of model FLOP on average
  serving                500 tokens/s decoded on average
  storage                500 MB/s written and read on average

Sites (means over the horizon)
  north                  16 accelerators: 50.0 % pretraining, 25.0 % experiments, 25.0 % idle
    power                17.5 kW mean, 20.5 kW peak, capped at 15 kW, at the cap 100.0 % of the
                         capped time; PUE 1.25
    board limit          500 W to 700 W, mean 600 W
    energy               70 kWh (estimate), 7.00 USD, 0.01 t CO2, with PUE
  south                  8 accelerators: 75.0 % serving, 0.0 % idle, 25.0 % down
    power                3 kW mean, 4 kW peak, no cap; PUE 1
    energy               12 kWh (estimate), with PUE

Accelerators over time: # pretraining, + experiments, o serving, . idle, x down
  north
                 100 %   |++++++++++++++++++++++++........................|
                         |++++++++++++++++++++++++........................|
                         |++++++++++++++++++++++++........................|
                         |++++++++++++++++++++++++........................|
                         |################################################|
                         |################################################|
                         |################################################|
                         |################################################|
                 power   |999999999999999999999999777777777777777777777777| tenths of 20.5 kW
            at the cap   |                        ^^^^^^^^^^^^^^^^^^^^^^^^| ^ yes, - below
                          0                                            4 h
  south
                 100 %   |ooooooooooooooooooooooooooooooooooooxxxxxxxxxxxx|
                         |ooooooooooooooooooooooooooooooooooooxxxxxxxxxxxx|
                         |ooooooooooooooooooooooooooooooooooooxxxxxxxxxxxx|
                         |ooooooooooooooooooooooooooooooooooooxxxxxxxxxxxx|
                         |ooooooooooooooooooooooooooooooooooooxxxxxxxxxxxx|
                         |ooooooooooooooooooooooooooooooooooooxxxxxxxxxxxx|
                         |ooooooooooooooooooooooooooooooooooooxxxxxxxxxxxx|
                         |ooooooooooooooooooooooooooooooooooooxxxxxxxxxxxx|
                 power   |999999999999999999999999999999999999000000000000| tenths of 4 kW
                          0                                            4 h

Pretraining
  main                   running on 8 accelerators: 300 of 1,000 steps, 36 s each on average, 300M
                         tokens
    goodput              ETTR 75.0 %, MFU 25.0 % while it held accelerators
    time                 75.0 % training, 12.5 % lost, 6.2 % checkpointing, 6.2 % restarting of 4 h
    stopped by           1 interruption, 0 preemptions
    energy               32 kWh (estimate) in its servers; with PUE 4.00 USD, 0.01 t CO2

Experiments
  ladder                 3 experiments: 1 finished, 1 failed, 1 not submitted
    waiting              median 0 s, 90th percentile 60 min, of 2 that started
    accelerator-hours    16.0: 50.0 % finished, 25.0 % failed, 25.0 % lost
    energy               16 kWh (estimate) in its servers
    compute              0.225 of the model FLOP of the whole of main

Fleets
  chat                   running on up to 8 accelerators: 500 tokens/s decoded, 1 J a token
    time                 75.0 % serving, 25.0 % stalled of 4 h; 1 interruption, 0 preemptions
    energy               2 kWh (estimate) in its servers
    group            requests/s completed       TTFT p50/p90/p99       TPOT p50/p90/p99     good
    short                     1    97.2 %          0.2/0.4/1.5 s            20/30/50 ms   95.0 %
    long                      0       n/a                    n/a                    n/a      n/a

Changes and outages (means over one hour before and after, or up to the next one)
  02:00                  change at north: site[0].facility.power_cap: 15 kW
                         training 4 PFLOPS -> 1.5 PFLOPS (-62.5 %), decoding 700 tokens/s -> 600
                         tokens/s (-14.3 %), power 24 kW -> 19 kW (-20.8 %)
  03:00                  outage at south: server 0
                         training 1.5 PFLOPS -> 1.5 PFLOPS (+0.0 %), decoding 600 tokens/s -> 0
                         tokens/s (-100.0 %), power 19 kW -> 15 kW (-21.1 %)

Energy of all sites (estimate)
  jobs                         50 kWh   61.0 %  servers while jobs held them
  no job                       18 kWh   22.0 %  servers idle or out of service
  PUE                          14 kWh   17.1 %  cooling and conversion
  total                        82 kWh  100.0 %

Notes
  - a note

Estimates among the inputs of this run
  - accelerator h100: power.idle

gridlock 0.1.0, seed 7, 3 situations simulated, 7,200 requests simulated
fingerprint 8e51ac42caa585dd
)";

TEST(LifeSummaryText, ReadsAsWritten) {
  EXPECT_EQ(LifeSummaryText(LifeHeader(), SmallLife()), kLifeSummary);
}

/// Lives in which something is missing.
std::vector<LifeRecord> PoorLives() {
  std::vector<LifeRecord> lives(6, SmallLife());
  lives[0] = {};
  lives[1].events.clear();
  lives[1].requests.clear();
  lives[2].jobs.clear();
  lives[2].requests.clear();
  lives[2].events.clear();
  for (LifeJob& job : lives[3].jobs) {  // no job ever came
    job = {.name = job.name, .kind = job.kind, .accelerators = 8};
  }
  LifeRecord& none = lives[4];  // no intervals
  none.series = {};
  for (LifeSite& site : none.sites) {
    site = {.name = site.name, .accelerators = site.accelerators};
  }
  lives[5].sites[0] = {.name = "empty", .busy = {}};
  LifeSite& empty = lives[5].sites[0];
  empty.power = empty.idle = empty.down = empty.power_limit = {0, 0, 0, 0};
  empty.power_cap = {0, kNaN, kNaN, kNaN};
  for (std::vector<double>& busy : empty.busy) {
    busy = {0, 0, 0, 0};
  }
  return lives;
}

TEST(LifeSummaryText, OfPoorLivesHasNoNumberThatIsNone) {
  for (const LifeRecord& life : PoorLives()) {
    const std::string text = LifeSummaryText(LifeHeader(), life);
    // "inf" is in no word of the summary but "information", which it does not use.
    EXPECT_THAT(text, AllOf(Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
    EXPECT_THAT(text, HasSubstr("two halls: the life of a cluster"));
    const std::string json = LifeSummaryJson(LifeHeader(), life);
    EXPECT_THAT(json, AllOf(Not(HasSubstr(": nan")), Not(HasSubstr(": inf"))));
    EXPECT_THAT(json, HasSubstr("\"fingerprint\": \"" + FingerprintText(life.fingerprint) + "\""));
  }
}

TEST(LifeSummaryText, OfNothingHasNoEmptySections) {
  EXPECT_EQ(LifeSummaryText({}, {}),
            ": the life of a cluster over 0 s\n\n"
            "  horizon                0 s\n"
            "  jobs                   0 pretraining, 0 experiments, 0 fleets\n\n"
            "gridlock , seed 0, 0 situations simulated, 0 requests simulated\n"
            "fingerprint 0000000000000000\n");
}

TEST(LifeSummaryText, FitsAHundredColumns) {
  LifeRecord life = SmallLife();
  for (LifeJob& job : life.jobs) {
    job.name = "a-very-long-name-of-a-team/" + job.name;
    job.steps = job.steps_done = 123456789;
    job.interruptions = job.preemptions = 123456;
    job.cost_usd = job.carbon_kg = 123456789012.0;
  }
  life.requests[0].fleet = life.jobs.back().name;
  life.requests[0].group = "a-very-long-name-of-a-group";
  life.requests[0].ttft_p50 = life.requests[0].ttft_p90 = life.requests[0].ttft_p99 = 86400.5;
  life.sites[0].name = "a-very-long-name-of-a-hall-in-a-far-off-place";
  life.sites[0].peak_power = Watts(1.23456e9);
  life.events[3].detail += " and so on and so on and so on and so on and so on and so on and so on";
  for (const LifeRecord& record : {life, LifeOf(500, 300, 1000, 6)}) {
    std::istringstream lines(LifeSummaryText(LifeHeader(), record));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 100u) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line << "|";
    }
  }
}

TEST(LifeSummaryText, OfLongListsShowsTheFirstAndCountsTheRest) {
  LifeRecord life = LifeOf(500, 300, 1000, 6);
  for (int i = 0; i < 12; ++i) {
    life.events.push_back({.at = Seconds(3600.0 * i),
                           .kind = EventKind::kChange,
                           .detail = "moment-" + std::to_string(i)});
  }
  const std::string text = LifeSummaryText(LifeHeader(), life);
  EXPECT_THAT(text, HasSubstr("... and 92 more pretraining jobs"));
  EXPECT_THAT(text, HasSubstr("... and 2 more sites"));
  EXPECT_THAT(text, HasSubstr("... and 2 more moments"));
  EXPECT_THAT(text, AllOf(HasSubstr("moment-9"), Not(HasSubstr("moment-10"))));
}

TEST(LifeSummaryText, OfManyEventsAtOneMomentShowsTheFirstFew) {
  LifeRecord life = SmallLife();
  life.events.resize(4);  // the last one is a change
  life.events.resize(7, life.events.back());
  EXPECT_THAT(LifeSummaryText(LifeHeader(), life), Not(HasSubstr("more")));
  life.events.resize(10, life.events.back());
  EXPECT_THAT(LifeSummaryText(LifeHeader(), life), HasSubstr("15 kW; and 3 more\n"));
}

TEST(LifeSummaryText, SaysEstimateOnlyWhenItIsOne) {
  LifeRecord life = SmallLife();
  life.energy_is_estimate = false;
  EXPECT_THAT(LifeSummaryText(LifeHeader(), life), Not(HasSubstr("(estimate)")));
}

TEST(LifeSummaryJson, ListsTheFirstThousandEventsAndCountsAll) {
  const std::string json = LifeSummaryJson(LifeHeader(), LifeOf(10, 3, 50000, 1));
  EXPECT_THAT(json, AllOf(HasSubstr("\"events_total\": 50000"), HasSubstr("\"submit\": 10000"),
                          HasSubstr("\"events_listed\": 1000")));
  EXPECT_LT(json.size(), 300000U);
  const std::string few = LifeSummaryJson(LifeHeader(), LifeOf(10, 3, 999, 1));
  EXPECT_THAT(few, AllOf(HasSubstr("\"events_total\": 999"), HasSubstr("\"events_listed\": 999")));
}

TEST(EnergyBalance, SumsToTheSites) {
  const LifeRecord life = SmallLife();
  const EnergyBalance balance = EnergyBalanceOf(life);
  Joules sites;
  for (const LifeSite& site : life.sites) {
    sites += site.energy;
  }
  EXPECT_DOUBLE_EQ(balance.total().si(), sites.si());
  EXPECT_DOUBLE_EQ(balance.jobs.si(), (8e3 * 4 + 8e3 * 2 + 2e3) * 3600.0);
  EXPECT_DOUBLE_EQ(balance.pue.si(), 14e3 * 3600.0);
}

TEST(Campaign, ItsClassesSumToWhatItsExperimentsHeld) {
  const std::vector<CampaignFigures> campaigns = CampaignsOf(SmallLife());
  ASSERT_EQ(campaigns.size(), 1u);
  const CampaignFigures& ladder = campaigns[0];
  EXPECT_EQ(ladder.name, "ladder");
  EXPECT_DOUBLE_EQ(ladder.held(), 16 * 3600.0);
  EXPECT_DOUBLE_EQ(ladder.lost, 4 * 3600.0);  // half of the second one's hour
  EXPECT_DOUBLE_EQ(ladder.failed, 4 * 3600.0);
  EXPECT_EQ(ladder.outcomes[static_cast<int>(Outcome::kNotSubmitted)], 1);
  EXPECT_EQ(ladder.waiting_median, Seconds(0.0));
  EXPECT_EQ(ladder.waiting_p90, kHour);
  // The final run did 300 of 1,000 steps with 0.25 x 4 h of the peak; 0.75 h x 0.3 / (4 x 0.25) h.
  EXPECT_DOUBLE_EQ(ladder.multiple, 0.225);
}

TEST(Campaign, CostsWhatItsExperimentsDo) {
  LifeRecord life = SmallLife();
  double usd = 0;
  for (LifeJob& job : life.jobs) {
    if (job.kind == JobKind::kExperiment) {
      job.capital_usd = 1200;
      job.operation_usd = 30;
      usd += job.cost_usd + 1230;
    }
  }
  const CampaignFigures ladder = CampaignsOf(life)[0];
  ASSERT_GT(ladder.started, 0);
  EXPECT_DOUBLE_EQ(ladder.usd_each(), usd / static_cast<double>(ladder.started));
  EXPECT_THAT(LifeSummaryText(LifeHeader(), life), HasSubstr("USD for each that started"));
}

TEST(Campaign, ExperimentsOfNoneStandTogether) {
  LifeRecord life = SmallLife();
  life.jobs[1].campaign = life.jobs[2].campaign = "";
  life.jobs[2].final_run = life.jobs[1].final_run = "";
  const std::vector<CampaignFigures> campaigns = CampaignsOf(life);
  ASSERT_EQ(campaigns.size(), 2u);
  EXPECT_EQ(campaigns[0].experiments, 2);
  EXPECT_TRUE(std::isnan(campaigns[0].multiple));
  EXPECT_THAT(LifeSummaryText(LifeHeader(), life), HasSubstr("no campaign "));
}

TEST(Job, EttrAndMfuOfTheTimeItHeldAccelerators) {
  const LifeRecord life = SmallLife();
  EXPECT_DOUBLE_EQ(Ettr(life.jobs[0], life), 0.75);
  EXPECT_DOUBLE_EQ(HoldingMfu(life.jobs[0]), 0.25);
  EXPECT_DOUBLE_EQ(Ettr(life.jobs[2], life), 0.25);  // waited an hour, lost half of one
  EXPECT_TRUE(std::isnan(Ettr(life.jobs[3], life)));
  EXPECT_DOUBLE_EQ(MeanStepTime(life.jobs[0]).si(), 36.0);
}

TEST(MeanOf, WeighsAShorterLastInterval) {
  LifeRecord life = SmallLife();
  life.horizon = 3.5 * kHour;
  EXPECT_DOUBLE_EQ(MeanOf(life, {1, 1, 1, 8}), 2.0);
  EXPECT_DOUBLE_EQ(MeanOf(life, {kNaN, 1, kNaN, 4}), 2.0);
  EXPECT_DOUBLE_EQ(MeanBetween(life, {1, 3, 0, 0}, 0.5 * kHour, 1.5 * kHour), 2.0);
  EXPECT_TRUE(std::isnan(MeanOf(life, {kNaN, kNaN, kNaN, kNaN})));
  EXPECT_TRUE(std::isnan(MeanOf(life, {})));
}

/// A life of ten minutes per interval whose power counts the intervals.
LifeRecord CountingLife() {
  LifeRecord life;
  life.horizon = 4 * kHour;
  life.interval = kHour / 6;
  life.sites = {{.name = "a"}};
  for (int i = 0; i < 24; ++i) {
    life.sites[0].power.push_back(i);
  }
  life.series.training_flops = life.series.decoded_tokens = life.sites[0].power;
  return life;
}

TEST(Change, IsJudgedByAnHourOfWholeIntervalsOnEitherSide) {
  LifeRecord life = CountingLife();
  life.events = {{2 * kHour, EventKind::kChange},
                 {2 * kHour, EventKind::kOutage},
                 {2 * kHour, EventKind::kFailure}};
  std::vector<ChangeFigures> changes = ChangesOf(life);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].events.size(), 2u);  // a failure of a server is not one
  EXPECT_DOUBLE_EQ(changes[0].before.power, (6 + 11) / 2.0);
  EXPECT_DOUBLE_EQ(changes[0].after.power, (12 + 17) / 2.0);
  EXPECT_DOUBLE_EQ(changes[0].after.training_flops, changes[0].after.power);
  for (LifeEvent& event : life.events) {
    event.at += Seconds(60.0);  // within interval 12, which then tells of neither side
  }
  changes = ChangesOf(life);
  EXPECT_DOUBLE_EQ(changes[0].before.power, (6 + 11) / 2.0);
  EXPECT_DOUBLE_EQ(changes[0].after.power, (13 + 18) / 2.0);
}

TEST(Change, IsNotJudgedBeyondTheNextOneNorOutsideTheHorizon) {
  LifeRecord life = CountingLife();
  life.events = {{Seconds(0.0), EventKind::kChange},
                 {kHour / 2, EventKind::kRestore},
                 {4 * kHour, EventKind::kChange}};
  const std::vector<ChangeFigures> changes = ChangesOf(life);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_TRUE(std::isnan(changes[0].before.power));
  EXPECT_DOUBLE_EQ(changes[0].after.power, 1.0);   // intervals 0 to 2
  EXPECT_DOUBLE_EQ(changes[1].before.power, 1.0);  // the same
  EXPECT_DOUBLE_EQ(changes[1].after.power, (3 + 8) / 2.0);
  EXPECT_TRUE(std::isnan(changes[2].after.power));
}

TEST(Change, InALifeOfLongIntervalsIsJudgedByOneOfThem) {
  LifeRecord life = CountingLife();
  life.interval = 2 * kHour;
  life.horizon = 48 * kHour;
  life.events = {{20 * kHour, EventKind::kChange}};
  EXPECT_DOUBLE_EQ(ChangesOf(life)[0].before.power, 9.0);
  EXPECT_DOUBLE_EQ(ChangesOf(life)[0].after.power, 10.0);
  EXPECT_THAT(LifeSummaryText({}, life), HasSubstr("means over one interval before and after"));
}

TEST(LifePicture, IsTheStackOfWhoHeldTheAccelerators) {
  const LifeRecord life = LifeOf(500, 3, 10, 1);
  const std::string picture = LifePicture(life, life.sites[0]);
  // 40 % pretraining, 10 % experiments, 20 % serving in eight rows of 12.5 %.
  EXPECT_EQ(std::count(picture.begin(), picture.end(), '#'), 3 * 48);
  EXPECT_EQ(std::count(picture.begin(), picture.end(), '+'), 48);
  EXPECT_EQ(std::count(picture.begin(), picture.end(), 'o'), 2 * 48);
  EXPECT_EQ(LifePicture({}, {}), "");
}

TEST(LifePicture, MarksWhenTheSiteIsAtItsCap) {
  LifeRecord life = SmallLife();
  EXPECT_EQ(AtCap(life.sites[0]).back(), 1.0);
  life.sites[0].power[3] = 14e3;
  EXPECT_EQ(AtCap(life.sites[0]).back(), 0.0);
  EXPECT_TRUE(std::isnan(AtCap(life.sites[0]).front()));
  EXPECT_THAT(LifePicture(life, life.sites[0]),
              HasSubstr("|" + std::string(24, ' ') + std::string(12, '^') + std::string(12, '-')));
  EXPECT_THAT(LifePicture(life, life.sites[1]), Not(HasSubstr("at the cap")));
}

TEST(Words, AreSingularForOneAndNeverNone) {
  EXPECT_EQ(Counted(1, "failure"), "1 failure");
  EXPECT_EQ(Counted(0, "failure"), "0 failures");
  EXPECT_EQ(Counted(12345, "failure"), "12,345 failures");
  EXPECT_EQ(ShortNumber(15.6e12), "15.6T");
  EXPECT_EQ(ShortNumber(999.6), "1k");
  EXPECT_EQ(ShortNumber(kNaN), "n/a");
  EXPECT_EQ(TimeText(Seconds(kNaN)), "n/a");
  EXPECT_EQ(PowerText(Watts(kNaN)), "n/a");
  EXPECT_EQ(EnergyText(Joules(kNaN)), "n/a");
}

TEST(Words, OfTimeAndEnergy) {
  EXPECT_EQ(Clock(Seconds(0.0)), "00:00");
  EXPECT_EQ(Clock(12.25 * kHour), "12:15");
  EXPECT_EQ(Clock(84.25 * kHour + Seconds(30.0)), "3 d 12:15:30");
  EXPECT_EQ(EnergyText(Joules(3.6e6)), "1 kWh");
  EXPECT_EQ(EnergyText(Joules(3.6e9 * 456.7)), "457 MWh");
  EXPECT_EQ(EnergyText(Joules(3.6e12 * 7.891)), "7.89 GWh");
  EXPECT_EQ(EnergyText(Joules(3.6e12 * 7891)), "7,890 GWh");
  EXPECT_EQ(EnergyCost(Joules(3.6e9), true, 80.5, 0.0), "1 MWh (estimate), 80.50 USD");
  EXPECT_EQ(EnergyCost(Joules(3.6e9), false, 0.0, 4e5), "1 MWh, 400 t CO2");
  EXPECT_EQ(JobEnergyCost(Joules(3.6e9), Joules(0), false, 80.5, 4e5),
            "1 MWh in its servers; with PUE 80.50 USD, 400 t CO2");
  EXPECT_EQ(JobEnergyCost(Joules(3.6e9), Joules(4.5e9), false, 80.5, 0.0),
            "1 MWh in its servers, 1.25 MWh with PUE: 80.50 USD");
  EXPECT_EQ(MoneyText(25.0, 75.0, 0.0), "100 USD: 25.0 % energy, 75.0 % capital (estimate)");
  EXPECT_EQ(JobEnergyCost(Joules(3.6e9), Joules(0), true, 0.0, 0.0),
            "1 MWh (estimate) in its servers");
}

}  // namespace
}  // namespace gridlock
