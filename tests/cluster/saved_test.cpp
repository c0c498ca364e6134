// Checkpoints in the background and in memory, and runs that go on with fewer replicas.

#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/cluster/lives.h"
#include "workloads/transformer.h"

namespace gridlock {
namespace {

double BytesOf(JobSpec& job) {
  return 14 * ModelParameters(TrainingOf(job).step.model);
}

// A run on one server that copies for 5 s and writes for 200 s, every 1,000 s.
Scenario SavedInTheBackground() {
  JobSpec job = TrainingJob("run", 1, 1000);
  PretrainingSpec& run = TrainingOf(job);
  run.checkpoint_interval = Seconds(1000);
  run.checkpoint.asynchronous = true;
  run.checkpoint.copy_bandwidth = BytesPerSecond(BytesOf(job) / 8 / 5);
  const double storage = BytesOf(job) / 200;
  Scenario scenario = Week(1, {job}, kDay);
  scenario.sites[0].storage_bandwidth = BytesPerSecond(storage);
  scenario.epochs[0].sites = scenario.sites;
  return scenario;
}

TEST(Saved, InTheBackgroundARunWaitsForTheCopyAlone) {
  const Scenario scenario = SavedInTheBackground();
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& run = record.jobs[0];
                   // After 100, 200, ... 900 of 1,000 steps.
                   return BrokenLaws(scenario, record) +
                          Differ("end", run.end.si(), 10000 + 9 * 5) +
                          Differ("checkpointing", run.checkpointing.si(), 9 * 5);
                 }),
            "");
}

TEST(Saved, InTheBackgroundACheckpointCountsOnceTheStorageHasIt) {
  Scenario scenario = SavedInTheBackground();
  // The second one begins at 2,005 s and is whole at 2,210 s.
  scenario.outages = {{Seconds(2100), Seconds(2200), 0, 0, 1, -1}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("lost", record.jobs[0].lost.si(), 2090 - 1000, 1e-6);
                 }),
            "");
  scenario.outages = {{Seconds(2300), Seconds(2400), 0, 0, 1, -1}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("lost", record.jobs[0].lost.si(), 2290 - 2000, 1e-6);
                 }),
            "");
}

// On four of five servers, copied to memory every 100 s and to one neighbour.
Scenario SavedInMemory(int servers_out) {
  JobSpec job = TrainingJob("run", 4, 1000);
  PretrainingSpec& run = TrainingOf(job);
  run.checkpoint_interval = Seconds(5000);
  run.checkpoint.memory_interval = Seconds(100);
  run.checkpoint.neighbours = 1;
  run.checkpoint.copy_bandwidth = BytesPerSecond(1e18);
  Scenario scenario = Week(6, {job}, kDay);
  scenario.sites[0].storage_bandwidth = BytesPerSecond(1e15);
  scenario.epochs[0].sites = scenario.sites;
  scenario.outages = {{Seconds(1555), Seconds(1600), 0, 0, servers_out, -1}};
  return scenario;
}

TEST(Saved, InMemoryItGoesBackToTheLastCopyUnlessANeighbourFailsToo) {
  for (const int out : {1, 2}) {
    const Scenario scenario = SavedInMemory(out);
    EXPECT_EQ(Live(scenario, TenSeconds,
                   [&](const LifeRecord& record) {
                     const LifeJob& run = record.jobs[0];
                     return BrokenLaws(scenario, record) +
                            Differ("lost", run.lost.si(), out == 1 ? 55 : 1555, 1e-4) +
                            Differ("from memory", run.memory_restarts, out == 1 ? 1 : 0);
                   }),
              "");
  }
}

// Daly 2006, equation 13, as in life_test.cpp.
double RenewalOfCopies(double work, double restart, double mtbf) {
  return mtbf * std::exp(restart / mtbf) * (std::exp(work / mtbf) - 1);
}

TEST(Saved, InMemoryItTakesAsLongThroughFailuresAsTheRenewalFormulaSays) {
  constexpr int kSegments = 3000;
  constexpr double kMtbf = 2000, kSegment = 600, kRestart = 200;
  JobSpec job = TrainingJob("run", 1, kSegments * 60);
  PretrainingSpec& run = TrainingOf(job);
  run.checkpoint_interval = Seconds(400 * kDay);
  run.checkpoint.memory_interval = Seconds(kSegment);
  run.checkpoint.copy_bandwidth = BytesPerSecond(1e18);
  Scenario scenario = Week(1, {job}, 400 * kDay);
  FailureSpec software;
  software.name = "software";
  software.mtbf = Seconds(kMtbf);
  software.takes = "run";
  software.repair_time = Seconds(10);
  scenario.reliability.failures = {software};
  scenario.reliability.restart_time = Seconds(kRestart);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("time", record.jobs[0].end.si(),
                                 kSegments * RenewalOfCopies(kSegment, kRestart, kMtbf), 0.03);
                 }),
            "");
}

TEST(Saved, ALargerRunTakesLongerToRestart) {
  JobSpec job = TrainingJob("run", 2, 1000);
  TrainingOf(job).checkpoint_interval = Seconds(1000);
  Scenario scenario = Week(3, {job}, kDay);
  scenario.reliability.restart_time = Seconds(100);
  scenario.reliability.restart_time_per_accelerator = Seconds(0.5);
  scenario.outages = {{Seconds(3500), Seconds(4000), 0, 0, 1, -1}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) + Differ("restarting",
                                                                record.jobs[0].restarting.si(),
                                                                100 + 16 * 0.5, 1e-3);
                 }),
            "");
}

// On all four servers of a site, of which one is out from 1,505 s to 5,000 s.
Scenario Elastic(double reconfiguration) {
  JobSpec job = TrainingJob("run", 4, 1000);
  PretrainingSpec& run = TrainingOf(job);
  run.step.global_batch = 32;
  run.checkpoint_interval = Seconds(1000);
  run.elastic.replicas_min = 16;
  run.elastic.reconfiguration_time = Seconds(reconfiguration);
  Scenario scenario = Week(4, {job}, kDay);
  scenario.sites[0].storage_bandwidth = BytesPerSecond(1e15);
  scenario.epochs[0].sites = scenario.sites;
  scenario.outages = {{Seconds(1505), Seconds(5000), 0, 0, 1, -1}};
  return scenario;
}

TEST(Elastic, ARunGoesOnWithTheReplicasThatAreLeft) {
  const Scenario scenario = Elastic(0);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& run = record.jobs[0];
                   // Back to step 100; 75 steps in each 1,000 s with 24 of 32 replicas; all of them
                   // again with the checkpoint at 5,505 s, after 400 steps.
                   return BrokenLaws(scenario, record) + Differ("lost", run.lost.si(), 505, 1e-4) +
                          Differ("fewer", run.shrunk.si(), 4000, 1e-4) +
                          Differ("end", run.end.si(), 5505 + 6000, 1e-4) +
                          Differ("waiting", run.waiting.si(), 0) +
                          Differ("stops", run.interruptions, 1) +
                          Differ("energy", run.energy.si(),
                                 4000.0 * (4 * (1505.0 + 6000) + 3 * 4000), 1e-3);
                 }),
            "");
}

TEST(Elastic, ReplicasThatKeepTheirStateLoseTheirStepAlone) {
  const Scenario scenario = Elastic(20);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& run = record.jobs[0];
                   // From step 150 on at 1,525 s; all of them again at 5,525 s, after 450 steps.
                   return BrokenLaws(scenario, record) + Differ("lost", run.lost.si(), 5, 1e-4) +
                          Differ("restarting", run.restarting.si(), 40, 1e-4) +
                          Differ("end", run.end.si(), 5525 + 20 + 5500, 1e-4) +
                          Differ("survivors", run.survivor_restarts, 2);
                 }),
            "");
}

TEST(Elastic, ARunGoesOnInOneSiteWhenTheOtherIsCutOff) {
  JobSpec job = TrainingJob("run", 2, 100);
  job.sites = {SiteIndex{0}, SiteIndex{1}};
  job.spans = true;
  PretrainingSpec& run = TrainingOf(job);
  run.step.global_batch = 16;
  run.checkpoint_interval = Seconds(50);
  run.elastic.replicas_min = 8;
  Scenario scenario = Week(1, {job}, kDay);
  scenario.sites.push_back(Hall(1));
  scenario.sites[1].name = "other";
  for (SiteSpec& site : scenario.sites) {
    site.storage_bandwidth = BytesPerSecond(1e15);
  }
  WanSpec wan;
  wan.to = {1};
  wan.bandwidth = BytesPerSecond(1e9);
  scenario.wans = {wan};
  scenario.epochs = {{Seconds(0), scenario.sites, scenario.wans, {}}};
  scenario.outages = {{Seconds(105), Seconds(205), -1, 0, 0, 0}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& end = record.jobs[0];
                   // From step 10 on in one site, 20 s each: saved at 165 s and at 225 s, after 16
                   // steps, when the link is back.
                   return BrokenLaws(scenario, record) + Differ("lost", end.lost.si(), 5, 1e-2) +
                          Differ("stalled", end.stalled.si(), 0) +
                          Differ("fewer", end.shrunk.si(), 120, 1e-4) +
                          Differ("end", end.end.si(), 225 + 84 * 10, 1e-4);
                 }),
            "");
}

TEST(Elastic, ARunWaitsForServersWhenTooFewAreLeft) {
  Scenario scenario = Elastic(0);
  TrainingOf(scenario.jobs[0]).elastic.replicas_min = 32;
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("waiting", record.jobs[0].waiting.si(), 5000 - 1505, 1e-4) +
                          Differ("fewer", record.jobs[0].shrunk.si(), 0);
                 }),
            "");
}

// jobs-04 of what people ask: a job that is killed after 3 s on two servers of 203 W is billed 3 s.
TEST(Killed, AJobPaysForTheSecondsThatItHeldItsServers) {
  JobSpec job = TrainingJob("run", 2, 1000);
  Scenario scenario = Week(2, {job}, kHour);
  scenario.outages = {{Seconds(3), Seconds(kHour - 1), 0, 0, 2, -1}};
  const RateSource watts = [](const Situation& situation) {
    std::vector<StepRate> rates = TenSeconds(situation);
    for (StepRate& rate : rates) {
      rate.energy = Joules(203.0 * 10 * 2);
    }
    return rates;
  };
  EXPECT_EQ(Live(scenario, watts,
                 [&](const LifeRecord& record) {
                   const double held = 3 + 1;  // it starts again in the last second
                   return BrokenLaws(scenario, record) +
                          Differ("energy", record.jobs[0].energy.si(), held * 203 * 2, 1e-6);
                 }),
            "");
}

// What fails alone and then with its leaf comes back when both are repaired.
TEST(Failures, AServerThatIsOutForTwoReasonsReturnsWithTheLater) {
  JobSpec job = TrainingJob("run", 1, 100000);
  Scenario scenario = Week(1, {job}, kDay);
  scenario.outages = {{Seconds(1000), Seconds(3000), 0, 0, 1, -1},
                      {Seconds(2000), Seconds(9000), 0, 0, 1, -1}};
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("waiting", record.jobs[0].waiting.si(), 8000);
                 }),
            "");
}

}  // namespace
}  // namespace gridlock
