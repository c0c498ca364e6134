// Jobs that move to make room for others, and jobs that lie within one group of servers.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/clos_of.h"
#include "tests/cluster/lives.h"

namespace gridlock {
namespace {

/// Two halls of four servers. A long job holds one server of each; a job of four waits.
Scenario TwoHallsTaken() {
  JobSpec west = TrainingJob("west", 1, 50000), east = TrainingJob("east", 1, 50000),
          gang = TrainingJob("gang", 4, 100, kHour);
  east.sites = gang.sites = {};  // both halls
  for (JobSpec* job : {&west, &east, &gang}) {
    TrainingOf(*job).checkpoint_interval = Seconds(6 * kHour);
  }
  east.start = Seconds(1);
  Scenario scenario = Week(4, {west, east, gang});
  SiteSpec other = Hall(4);
  other.name = "other";
  scenario.sites.push_back(other);
  for (SiteSpec& site : scenario.sites) {
    site.storage_bandwidth = BytesPerSecond(1e11);
  }
  scenario.epochs[0].sites = scenario.sites;
  // West first takes three more, so that east goes to the other hall.
  scenario.jobs.insert(scenario.jobs.begin(), TrainingJob("first", 3, 60));
  scenario.reliability.restart_time = Seconds(300);
  return scenario;
}

TEST(Migration, StartsABigGangWhereBackfillLeavesItWaiting) {
  for (const char* policy : {"BACKFILL", "MIGRATE"}) {
    Scenario scenario = TwoHallsTaken();
    scenario.scheduler = &PolicyNamed(policy);
    const bool moves = std::string(policy) == "MIGRATE";
    EXPECT_EQ(Live(scenario, TenSeconds,
                   [&](const LifeRecord& record) {
                     const LifeJob &east = record.jobs[2], &gang = record.jobs[3];
                     // East ends after 500,000 s; it moves to the hall of west, or stays.
                     return BrokenLaws(scenario, record) +
                            Differ("moves", east.moves, moves ? 1 : 0) +
                            Differ("lost", east.lost.si(), 0) +
                            (moves ? (gang.waiting.si() < 60 ? "" : "the gang waits\n") +
                                         Differ("restart", east.restarting.si(), 300, 0.2) +
                                         Differ("preemptions", east.preemptions, 0)
                                   : (gang.waiting.si() > kDay ? "" : "it need not wait\n"));
                   }),
              "");
  }
}

TEST(Migration, OfWhatWouldEndSoonAnywayIsNotWorthARestart) {
  Scenario scenario = TwoHallsTaken();
  scenario.scheduler = &PolicyNamed("MIGRATE");
  TrainingOf(scenario.jobs[1]).steps = TrainingOf(scenario.jobs[2]).steps = 365;  // 50 s more
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) + Differ("moves", record.jobs[2].moves, 0);
                 }),
            "");
}

/// Two leaves of four servers.
Scenario TwoLeaves(std::vector<JobSpec> jobs) {
  Scenario scenario = Week(8, std::move(jobs));
  ClosOf(scenario.sites[0]).servers_per_leaf = 4;
  ClosOf(scenario.sites[0]).tiers = 2;
  ClosOf(scenario.sites[0]).leaves_per_pod = 2;
  scenario.sites[0].storage_bandwidth = BytesPerSecond(1e11);
  scenario.epochs[0].sites = scenario.sites;
  return scenario;
}

// c and e lie on one leaf each, because a was beside c when e came. They end before the week does.
TEST(Within, WaitsForAGroupOfServersUnlessOthersMove) {
  JobSpec a = TrainingJob("a", 2, 100), c = TrainingJob("c", 2, 40000, 2),
          d = TrainingJob("d", 4, 10, kHour), e = TrainingJob("e", 1, 40000, 3);
  d.within = "leaf";
  for (JobSpec* job : {&c, &e}) {
    TrainingOf(*job).checkpoint_interval = Seconds(6 * kHour);
  }
  for (const char* policy : {"FIFO", "BACKFILL", "CONSERVATIVE", "MIGRATE"}) {
    Scenario scenario = TwoLeaves({a, c, d, e});
    scenario.scheduler = &PolicyNamed(policy);
    EXPECT_EQ(Live(scenario, TenSeconds,
                   [&](const LifeRecord& record) {
                     std::string says = BrokenLaws(scenario, record);
                     for (const LifeEvent& event : record.events) {
                       if (event.kind == EventKind::kStart && event.job.value == 2) {
                         says += event.server % 4 == 0 ? "" : "not one leaf\n";
                       }
                     }
                     return says + (record.jobs[2].start.si() >= 0 ? "" : "never started\n");
                   }),
              "")
        << policy;
  }
}

TEST(Within, MovesTheSmallestJobOutOfAGroup) {
  // One leaf holds a job of two, the other a job of one: a whole leaf is free when the one moves.
  JobSpec two = TrainingJob("two", 2, 50000), three = TrainingJob("three", 3, 100, 1),
          one = TrainingJob("one", 1, 50000, 2), leaf = TrainingJob("leaf", 4, 100, kHour);
  leaf.within = "leaf";
  TrainingOf(two).checkpoint_interval = TrainingOf(one).checkpoint_interval = Seconds(6 * kHour);
  for (const char* policy : {"BACKFILL", "MIGRATE"}) {
    JobSpec four = TrainingJob("beside", 2, 100, 1.5);
    Scenario scenario = TwoLeaves({two, three, four, one, leaf});
    scenario.scheduler = &PolicyNamed(policy);
    const bool moves = std::string(policy) == "MIGRATE";
    EXPECT_EQ(
        Live(scenario, TenSeconds,
             [&](const LifeRecord& record) {
               return BrokenLaws(scenario, record) +
                      Differ("moves of the one", record.jobs[3].moves, moves ? 1 : 0) +
                      Differ("moves of the two", record.jobs[0].moves, 0) +
                      ((record.jobs[4].waiting.si() < 60) == moves ? "" : "wait of the leaf\n");
             }),
        "")
        << policy;
  }
}

}  // namespace
}  // namespace gridlock
