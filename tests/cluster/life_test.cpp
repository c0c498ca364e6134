// Lives whose course can be followed on paper.

#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "tests/cluster/lives.h"

namespace gridlock {
namespace {

TEST(Life, OfOneRunIsItsStepsOneAfterAnother) {
  const Scenario scenario = Week(2, {TrainingJob("run", 1, 1000, 60)}, kDay);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& job = record.jobs[0];
                   return BrokenLaws(scenario, record) + Differ("start", job.start.si(), 60) +
                          Differ("end", job.end.si(), 60 + 10000) +
                          Differ("energy", job.energy.si(), 4000.0 * 10000) +
                          Differ("of the site", record.sites[0].it_energy.si(),
                                 4000.0 * 10000 + 1800 * (2 * kDay - 10000));
                 }),
            "");
}

// Two runs of a tenant with a quota of one server, and one of three servers behind them, which does
// not wait for the second.
TEST(Quota, KeepsATenantToItsServersAndNobodyElse) {
  for (const char* policy :
       {"FIFO", "BACKFILL", "CONSERVATIVE", "FAIR_SHARE", "MIGRATE", "SHORTEST"}) {
    Scenario scenario = Week(
        4, {TrainingJob("a1", 1, 100), TrainingJob("a2", 1, 100, 1), TrainingJob("b", 3, 100, 2)},
        kDay);
    scenario.jobs[0].tenant = scenario.jobs[1].tenant = "a";
    scenario.jobs[2].tenant = "b";
    scenario.fair_share.quota["a"] = 1;
    scenario.scheduler = &PolicyNamed(policy);
    EXPECT_EQ(Live(scenario, TenSeconds,
                   [&](const LifeRecord& record) {
                     return BrokenLaws(scenario, record) +
                            Differ("a1", record.jobs[0].start.si(), 0) +
                            Differ("a2", record.jobs[1].start.si(), 1000) +
                            Differ("b", record.jobs[2].start.si(), 2);
                   }),
              "")
        << policy;
  }
}

// Nobody stops for a run that may not start.
TEST(Quota, StopsNobodyForARunBeyondIt) {
  Scenario scenario = Week(
      2, {TrainingJob("a1", 1, 100), TrainingJob("b", 1, 200), TrainingJob("a2", 1, 100, 1)}, kDay);
  scenario.jobs[0].tenant = scenario.jobs[2].tenant = "a";
  scenario.jobs[2].priority = 5;
  scenario.fair_share.quota["a"] = 1;
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return Differ("a2", record.jobs[2].start.si(), 1000) +
                          Differ("stopped", record.jobs[1].preemptions, 0);
                 }),
            "");
}

TEST(Life, AJobIsWhatItsFieldsSayWhateverItsName) {
  JobSpec experiment = TrainingJob("plain", 1, 100);
  experiment.origin = {.campaign = "ladder", .rung = 2, .round = 3};
  JobSpec campaign = TrainingJob("ladder", 1, 100);
  CampaignSpec ladder;
  ladder.final_run = "team/run";
  ladder.expanded = true;
  campaign.kind = ladder;
  const Scenario scenario = Week(4, {TrainingJob("team/run", 1, 1000), experiment, campaign}, kDay);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob &run = record.jobs[0], &plain = record.jobs[1];
                   return fmt::format("{} {} '{}' {} {}; {} {} '{}' {} {} '{}'", run.name,
                                      NameOf(run.kind), run.campaign, run.rung, run.round,
                                      plain.name, NameOf(plain.kind), plain.campaign, plain.rung,
                                      plain.round, plain.final_run);
                 }),
            "team/run pretraining '' -1 0; plain experiment 'ladder' 2 3 'team/run'");
}

TEST(Life, ItsEnergyIsAnEstimateWhenThatOfOneSiteIs) {
  Scenario scenario = Week(1, {TrainingJob("run", 1, 10)}, kDay);
  scenario.sites.push_back(Hall(1));
  scenario.sites[1].name = "other";
  for (const int estimated : {0, 1, 2}) {
    for (int s = 0; s < 2; ++s) {
      scenario.sites[s].server.accelerator.power.estimate = s == estimated;
    }
    scenario.epochs[0].sites = scenario.sites;
    EXPECT_EQ(Live(scenario, TenSeconds,
                   [](const LifeRecord& record) {
                     return std::string(record.energy_is_estimate ? "estimate" : "sourced");
                   }),
              estimated < 2 ? "estimate" : "sourced");
  }
}

TEST(Life, AFailureNamesItsServerByNumber) {
  JobSpec job = TrainingJob("run", 4, 100000);
  Scenario scenario = Week(4, {job}, 2 * kDay);
  scenario.reliability = {Seconds(kDay), Seconds(kHour), Seconds(60)};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [](const LifeRecord& record) {
                   std::string says;
                   int failures = 0;
                   for (std::size_t e = 0; e < record.events.size(); ++e) {
                     const LifeEvent& event = record.events[e];
                     if (event.kind != EventKind::kFailure) {
                       continue;
                     }
                     ++failures;
                     if (event.server < 0 || event.server >= 4 || event.servers != 1) {
                       says += fmt::format("server {} of {}\n", event.server, event.servers);
                     }
                     const LifeEvent& next = record.events.at(e + 1);
                     if (next.kind == EventKind::kInterrupt && next.server != event.server) {
                       says += fmt::format("{} interrupts, {} failed\n", next.server, event.server);
                     }
                   }
                   return says + (failures > 0 ? "" : "no failures");
                 }),
            "");
}

TEST(Life, RunsJobsOneAfterAnotherWhereOnlyOneFits) {
  const Scenario scenario =
      Week(4, {TrainingJob("first", 3, 100), TrainingJob("second", 3, 100, 1)}, kDay);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("start", record.jobs[1].start.si(), 1000) +
                          Differ("waiting", record.jobs[1].waiting.si(), 999);
                 }),
            "");
}

TEST(Life, LetsSmallJobsPassOnlyWithBackfill) {
  for (const char* policy : {"FIFO", "BACKFILL"}) {
    Scenario scenario = Week(4,
                             {TrainingJob("half", 2, 100), TrainingJob("all", 4, 100, 1),
                              TrainingJob("small", 1, 50, 2)},
                             kDay);
    scenario.scheduler = &PolicyNamed(policy);
    const double small = scenario.scheduler->needs_run_times ? 2 : 2000;
    EXPECT_EQ(Live(scenario, TenSeconds,
                   [&](const LifeRecord& record) {
                     return BrokenLaws(scenario, record) +
                            Differ("all", record.jobs[1].start.si(), 1000) +
                            Differ("small", record.jobs[2].start.si(), small);
                   }),
              "");
  }
}

TEST(Life, StopsRunsOfLowerPriorityForOneThatNeedsTheirServers) {
  JobSpec low = TrainingJob("low", 2, 200), other = TrainingJob("other", 2, 200, 10);
  JobSpec high = TrainingJob("high", 2, 50, 505);
  TrainingOf(low).checkpoint_interval = TrainingOf(other).checkpoint_interval = Seconds(100);
  high.priority = 1;
  const Scenario scenario = Week(4, {low, other, high}, kDay);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& stopped = record.jobs[1];  // the one that started last
                   return BrokenLaws(scenario, record) +
                          Differ("start", record.jobs[2].start.si(), 505) +
                          Differ("end", record.jobs[2].end.si(), 1005) +
                          Differ("untouched", record.jobs[0].preemptions, 0) +
                          Differ("stopped", stopped.preemptions, 1) +
                          Differ("waiting", stopped.waiting.si(), 500) +
                          // From 410 s on, where its last checkpoint was.
                          Differ("lost", stopped.lost.si(), 95, 1e-3);
                 }),
            "");
}

TEST(Life, EndsAnExperimentInTheStepInWhichItFails) {
  JobSpec job = TrainingJob("run", 1, 1000);
  TrainingOf(job).fails_at_step = 30;
  const Scenario scenario = Week(1, {job}, kDay);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("end", record.jobs[0].end.si(), 300) +
                          (record.jobs[0].outcome == Outcome::kFailed ? "" : "it did not fail");
                 }),
            "");
}

TEST(Life, SubmitsACohortWhenTheOneBeforeHasEnded) {
  JobSpec a = TrainingJob("a", 1, 10), b = TrainingJob("b", 1, 25),
          next = TrainingJob("next", 1, 10, 5);
  a.cohort = b.cohort = "round 1";
  next.after_cohort = "round 1";
  const Scenario scenario = Week(3, {a, b, next}, kDay);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("submit", record.jobs[2].submit.si(), 250);
                 }),
            "");
}

TEST(Life, GoesOnFromTheLastCheckpointAfterAnOutage) {
  JobSpec job = TrainingJob("run", 1, 1000);
  TrainingOf(job).checkpoint_interval = Seconds(1000);
  Scenario scenario = Week(1, {job}, kDay);
  // Checkpoints begin every 1,000 s and take next to nothing: the third was the last.
  scenario.reliability.restart_time = Seconds(100);
  scenario.outages = {{Seconds(3500), Seconds(4000), 0, 0, 1, -1}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& run = record.jobs[0];
                   const double lost = run.lost.si();
                   std::string says = BrokenLaws(scenario, record);
                   says += Differ("waiting", run.waiting.si(), 500);
                   says += run.interruptions == 1 ? "" : "interruptions";
                   says += lost > 400 && lost < 500 ? "" : fmt::format("lost {} s", lost);
                   // What is trained for good is exactly the steps.
                   says += Differ("training", run.training.si(), 10000, 1e-6);
                   return says;
                 }),
            "");
}

TEST(Life, ChangesPaceWithTheEpoch) {
  Scenario scenario = Week(1, {TrainingJob("run", 1, 1000)}, kDay);
  Epoch slow = scenario.epochs[0];
  slow.from = Seconds(5000);
  slow.sites[0].server.nic_bandwidth = slow.sites[0].server.nic_bandwidth / 2;
  slow.changes = {"site[0].override.nic_bandwidth: halved"};
  scenario.epochs.push_back(slow);
  const double full = scenario.sites[0].server.nic_bandwidth.si();
  const RateSource paced = [full](const Situation& situation) {
    std::vector<StepRate> rates = TenSeconds(situation);
    for (StepRate& rate : rates) {
      rate.step_time = rate.step_time * (full / (*situation.sites)[0].server.nic_bandwidth.si());
    }
    return rates;
  };
  EXPECT_EQ(Live(scenario, paced,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("end", record.jobs[0].end.si(), 5000 + 2 * 5000);
                 }),
            "");
}

TEST(Life, StallsARunAcrossSitesWhileItsLinkIsCutOff) {
  JobSpec job = TrainingJob("run", 2, 100);
  job.sites = {SiteIndex{0}, SiteIndex{1}};
  job.spans = true;
  Scenario scenario = Week(1, {job}, kDay);
  scenario.sites.push_back(Hall(1));
  scenario.sites[1].name = "other";
  WanSpec wan;
  wan.to = {1};
  wan.bandwidth = BytesPerSecond(1e9);
  scenario.wans = {wan};
  scenario.epochs = {{Seconds(0), scenario.sites, scenario.wans, {}}};
  scenario.outages = {{Seconds(105), Seconds(205), -1, 0, 0, 0}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("stalled", record.jobs[0].stalled.si(), 100) +
                          Differ("end", record.jobs[0].end.si(), 1100);
                 }),
            "");
}

// As the oracle does, refuses to simulate a run over a link that carries nothing.
std::vector<StepRate> OverOpenLinks(const Situation& situation) {
  for (const PlacedJob& job : situation.jobs) {
    const bool spans = job.placement.front().site != job.placement.back().site;
    if (spans && (*situation.wans)[0].bandwidth <= BytesPerSecond(0)) {
      throw UserError("job[0]", "no links join its sites");
    }
  }
  return TenSeconds(situation);
}

// It is submitted while its link is cut off, waits for its servers behind another, and starts
// there.
TEST(Life, OfARunThatStartsWhileItsLinkIsCutOffBeginsStalled) {
  JobSpec first = TrainingJob("first", 1, 50), run = TrainingJob("run", 2, 100, 300);
  run.sites = {SiteIndex{0}, SiteIndex{1}};
  run.spans = true;
  for (const char* policy : {"FIFO", "BACKFILL", "CONSERVATIVE"}) {
    Scenario scenario = Week(1, {first, run}, kDay);
    scenario.scheduler = &PolicyNamed(policy);
    scenario.sites.push_back(Hall(1));
    scenario.sites[1].name = "other";
    WanSpec wan;
    wan.to = {1};
    wan.bandwidth = BytesPerSecond(1e9);
    scenario.wans = {wan};
    scenario.epochs = {{Seconds(0), scenario.sites, scenario.wans, {}}};
    scenario.outages = {{Seconds(200), Seconds(800), -1, 0, 0, 0}};
    EXPECT_EQ(Live(scenario, OverOpenLinks,
                   [&](const LifeRecord& record) {
                     return BrokenLaws(scenario, record) +
                            Differ("waited", record.jobs[1].waiting.si(), 200) +
                            Differ("stalled", record.jobs[1].stalled.si(), 300) +
                            Differ("end", record.jobs[1].end.si(), 1800);
                   }),
              "")
        << policy;
  }
}

// Time to get through `work` seconds that a failure throws back to their beginning, when failures
// come every `mtbf` seconds and each takes `restart`, during which others may come (Daly 2006,
// equation 13; the renewal argument holds for any ratio of the three).
double Renewal(double work, double restart, double mtbf) {
  return mtbf * std::exp(restart / mtbf) * (std::exp(work / mtbf) - 1);
}

TEST(Life, TakesAsLongThroughFailuresAsTheRenewalFormulaSays) {
  constexpr int kServers = 4, kSegments = 3000;
  constexpr double kMtbf = 2000, kSegment = 600, kRestart = 200;
  JobSpec job = TrainingJob("run", kServers, kSegments * 60);
  TrainingOf(job).checkpoint_interval = Seconds(kSegment);
  Scenario scenario = Week(64, {job}, 400 * kDay);
  scenario.sites[0].storage_bandwidth = BytesPerSecond(1e15);  // saving takes no time to speak of
  scenario.epochs[0].sites = scenario.sites;
  scenario.reliability = {Seconds(kMtbf * kServers), Seconds(10), Seconds(kRestart)};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& run = record.jobs[0];
                   return BrokenLaws(scenario, record) +
                          Differ("time", run.end.si(),
                                 kSegments * Renewal(kSegment, kRestart, kMtbf), 0.03) +
                          Differ("training", run.training.si(), kSegments * kSegment, 1e-6);
                 }),
            "");
}

TEST(Life, LosesWhatYoungAndDalySayWhereFailuresAreRare) {
  constexpr int kServers = 4, kSegments = 20000;
  constexpr double kMtbf = 50000, kSegment = 2000, kRestart = 100;
  JobSpec job = TrainingJob("run", kServers, kSegments * 200);
  TrainingOf(job).checkpoint_interval = Seconds(kSegment);
  Scenario scenario = Week(64, {job}, 600 * kDay);
  scenario.sites[0].storage_bandwidth = BytesPerSecond(1e15);
  scenario.epochs[0].sites = scenario.sites;
  scenario.reliability = {Seconds(kMtbf * kServers), Seconds(10), Seconds(kRestart)};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& run = record.jobs[0];
                   const double waste = 1 - run.training.si() / run.end.si();
                   return Differ("waste", waste, (kSegment / 2 + kRestart) / kMtbf, 0.1);
                 }),
            "");
}

TEST(Life, IsTheSameTwiceAndAnotherWithAnotherSeed) {
  JobSpec job = TrainingJob("run", 2, 5000);
  TrainingOf(job).checkpoint_interval = Seconds(600);
  Scenario scenario = Week(8, {job, TrainingJob("other", 3, 4000, 77)}, 2 * kDay);
  scenario.reliability = {Seconds(2 * kDay), Seconds(kHour), Seconds(60)};
  const auto times = [&] {
    return Live(scenario, TenSeconds, [](const LifeRecord& record) {
      std::string all;
      for (const LifeEvent& event : record.events) {
        all += fmt::format("{:.9g} {} {};", event.at.si(), NameOf(event.kind), event.job);
      }
      return all;
    });
  };
  const std::string once = times();
  EXPECT_EQ(times(), once);
  scenario.seed = 2;
  EXPECT_NE(times(), once);
}

}  // namespace
}  // namespace gridlock
