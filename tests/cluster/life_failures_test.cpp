// Kinds of failures: how often, what they take, how long nobody notices, and what replaces it.

#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/cluster/failures.h"
#include "sim/scenario/point.h"
#include "tests/clos_of.h"
#include "tests/cluster/lives.h"
#include "topologies/locality.h"

namespace gridlock {
namespace {

constexpr Seconds kEver(1e300);

FailureSpec Kind(const std::string& name, double mtbf, const std::string& takes = "server") {
  FailureSpec kind;
  kind.name = name;
  kind.mtbf = Seconds(mtbf);
  kind.takes = takes;
  kind.repair_time = Seconds(kHour);
  return kind;
}

/// Servers under leaves of four.
SiteSpec Leaves(int servers) {
  SiteSpec site = Hall(servers);
  ClosOf(site).servers_per_leaf = 4;
  ClosOf(site).tiers = 2;
  ClosOf(site).leaves_per_pod = (servers + 3) / 4;
  return site;
}

Scenario Failing(int servers, std::vector<JobSpec> jobs, std::vector<FailureSpec> kinds,
                 double horizon = 100 * kDay) {
  Scenario scenario = Week(servers, std::move(jobs), horizon);
  scenario.reliability.failures = std::move(kinds);
  return scenario;
}

std::string Count(const LifeRecord& record, std::size_t kind, double expected) {
  return Differ(record.failures[kind].name, static_cast<double>(record.failures[kind].failures),
                expected, 4 / std::sqrt(expected));  // four deviations of a Poisson count
}

TEST(Failures, HappenAsOftenAsTheirUnitsSay) {
  FailureSpec server = Kind("server", 1e7), accelerator = Kind("accelerator", 1e7),
              nic = Kind("nic", 1e7), feed = Kind("feed", 1e7);
  accelerator.unit = FailureUnit::kAccelerator;
  nic.unit = FailureUnit::kNic;
  feed.unit = FailureUnit::kTogether;
  feed.neighbours = 5;
  for (FailureSpec* kind : {&server, &accelerator, &nic, &feed}) {
    kind->repair_time = Seconds(1);
  }
  const Scenario scenario =
      Failing(100, {TrainingJob("run", 1, 10)}, {server, accelerator, nic, feed}, 1e9);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const double nics = scenario.sites[0].server.nics;
                   return Count(record, 0, 1e4) + Count(record, 1, 8e4) +
                          Count(record, 2, 1e4 * nics) + Count(record, 3, 20 * 100) +
                          Differ("servers of a feed",
                                 static_cast<double>(record.failures[3].servers),
                                 5.0 * static_cast<double>(record.failures[3].failures));
                 }),
            "");
}

TEST(Failures, OfALeafTakeTheServersUnderItAndNoOthers) {
  FailureSpec leaf = Kind("leaf", 5 * kDay, "leaf");
  leaf.unit = FailureUnit::kTogether;
  Scenario scenario = Failing(16, {TrainingJob("run", 3, 1000000)}, {leaf});
  scenario.sites = {Leaves(16)};
  scenario.epochs[0].sites = scenario.sites;
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   std::string says = BrokenLaws(scenario, record);
                   std::set<std::int32_t> first;
                   for (const LifeEvent& event : record.events) {
                     if (event.kind == EventKind::kFailure) {
                       first.insert(event.server);
                       says += event.servers == 4 ? "" : "not four\n";
                     }
                   }
                   return says + (first == std::set<std::int32_t>{0, 4, 8, 12} ? "" : "no leaves") +
                          Count(record, 0, 4 * 100 / 5.0);
                 }),
            "");
}

TEST(Failures, OfARunLeaveItsServersInService) {
  Scenario scenario = Failing(2, {TrainingJob("run", 2, 1000000)}, {Kind("software", kDay, "run")});
  scenario.reliability.restart_time = Seconds(100);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& run = record.jobs[0];
                   const double down = record.sites[0].down[0];
                   return BrokenLaws(scenario, record) + Count(record, 0, 200) +
                          Differ("stopped", run.interruptions,
                                 static_cast<double>(record.failures[0].failures)) +
                          Differ("restarting", run.restarting.si(), 100.0 * run.interruptions,
                                 0.01) +
                          Differ("waiting", run.waiting.si(), 0) + Differ("down", down, 0);
                 }),
            "");
}

TEST(Failures, ThatNobodySeesHoldTheRunUpUntilTheyAreNoticed) {
  FailureSpec hang = Kind("hang", kDay, "run");
  hang.detection_time = Seconds(600);
  const Scenario scenario = Failing(2, {TrainingJob("run", 2, 1000000)}, {hang});
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& run = record.jobs[0];
                   const auto hangs = static_cast<double>(record.failures[0].failures);
                   // Two that overlap stop the run once and hold it up less than twice as long.
                   return BrokenLaws(scenario, record) + Count(record, 0, 200) +
                          (run.interruptions <= hangs ? "" : "more stops than hangs\n") +
                          Differ("stalled", run.stalled.si(), 600 * hangs, 0.05);
                 }),
            "");
}

TEST(Failures, ThatSlowAServerDownStretchTheStepsUntilTheyAreNoticed) {
  constexpr double kWork = 1e6, kSlow = 3, kDetection = 5000;
  FailureSpec straggler = Kind("straggler", kDay);
  straggler.slowdown = kSlow;
  straggler.detection_time = Seconds(kDetection);
  straggler.repair_time = Seconds(1);
  JobSpec job = TrainingJob("run", 1, static_cast<std::int64_t>(kWork / 10));
  TrainingOf(job).checkpoint_interval = Seconds(10);
  const Scenario scenario = Failing(1, {job}, {straggler});
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& run = record.jobs[0];
                   // For 5,000 s after each failure a third of the work is done.
                   const double slow = kDetection * run.interruptions;
                   return BrokenLaws(scenario, record) +
                          (run.interruptions > 5 ? "" : "hardly any failed\n") +
                          Differ("training", run.training.si(), kWork + slow * (1 - 1 / kSlow),
                                 0.01);
                 }),
            "");
}

TEST(Failures, OfARackARowAndAFeedTakeWhatStandsThere) {
  std::vector<FailureSpec> kinds;
  for (const char* group : {"rack", "row", "feed"}) {
    kinds.push_back(Kind(group, 20 * kDay, group));
    kinds.back().unit = FailureUnit::kTogether;
    kinds.back().repair_time = Seconds(1);
  }
  Scenario scenario = Failing(48, {TrainingJob("run", 1, 1000000)}, kinds, 1000 * kDay);
  scenario.sites[0].servers_per_rack = 2;
  scenario.sites[0].racks_per_row = 3;
  scenario.sites[0].rows_per_feed = 4;
  scenario.epochs[0].sites = scenario.sites;
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   std::string says;
                   const double groups[] = {24, 8, 2}, servers[] = {2, 6, 24};
                   for (std::size_t k = 0; k < 3; ++k) {
                     says += Count(record, k, groups[k] * 50) +
                             Differ("servers of " + record.failures[k].name,
                                    static_cast<double>(record.failures[k].servers),
                                    servers[k] * static_cast<double>(record.failures[k].failures));
                   }
                   return BrokenLaws(scenario, record) + says;
                 }),
            "");
}

// Of N servers until T: N / mtbf x (T + (times - 1) decay (1 - exp(-T / decay))).
TEST(Failures, OfNewPartsFallToTheRateOfOldOnes) {
  constexpr int kServers = 250;
  constexpr double kMtbf = 1000 * kDay, kTimes = 5, kDecay = 60 * kDay, kYear = 365 * kDay;
  FailureSpec kind = Kind("server", kMtbf);
  kind.early = {kTimes, Seconds(kDecay)};
  kind.repair_time = Seconds(1);
  const auto expected = [&](double age, double length) {
    const double excess = std::exp(-age / kDecay) - std::exp(-(age + length) / kDecay);
    return kServers / kMtbf * (length + (kTimes - 1) * kDecay * excess);
  };
  for (const double age : {0.0, 60 * kDay}) {
    Scenario scenario = Failing(kServers, {TrainingJob("run", 1, 10)}, {kind}, kYear);
    scenario.reliability.age = Seconds(age);
    EXPECT_EQ(Live(scenario, TenSeconds,
                   [&](const LifeRecord& record) {
                     double first = 0;
                     for (const LifeEvent& event : record.events) {
                       first += event.kind == EventKind::kFailure && event.at.si() < kDecay;
                     }
                     const double early = expected(age, kDecay);
                     return BrokenLaws(scenario, record) + Count(record, 0, expected(age, kYear)) +
                            Differ("in the first two months", first, early, 4 / std::sqrt(early));
                   }),
              "");
  }
}

// Worn out from about their second year on: the integral of 1 + (times - 1) (1 - exp(-(t /
// after)^p)).
TEST(Failures, OfOldPartsRiseToTheRateOfWornOutOnes) {
  constexpr int kServers = 250, kParts = 100000;
  constexpr double kMtbf = 5000 * kDay, kTimes = 20, kAfter = 600 * kDay, kYear = 365 * kDay;
  FailureSpec kind = Kind("server", kMtbf);
  kind.late = {kTimes, Seconds(kAfter), 4};
  kind.repair_time = Seconds(1);
  for (const double age : {0.0, kYear, 3 * kYear}) {
    double expected = 0;
    for (int i = 0; i < kParts; ++i) {
      const double at = age + kYear * (i + 0.5) / kParts;
      const double worn = 1 - std::exp(-std::pow(at / kAfter, 4));
      expected += kServers / kMtbf * (1 + (kTimes - 1) * worn) * kYear / kParts;
    }
    Scenario scenario = Failing(kServers, {TrainingJob("run", 1, 10)}, {kind}, kYear);
    scenario.reliability.age = Seconds(age);
    EXPECT_EQ(Live(scenario, TenSeconds,
                   [&](const LifeRecord& record) {
                     return BrokenLaws(scenario, record) + Count(record, 0, expected);
                   }),
              "");
  }
}

// Of 18,837 accelerators of Titan's first batch, by age.
TEST(Failures, OfTitansFirstBatchAreWhatItsRateSays) {
  const Scenario scenario = ScenarioBase("titan", R"(schema_version: 1
name: "titan" horizon: "1 days"
site { name: "hall" server: "dgx_h100" servers: 1 }
job { pretraining { model: "llama_3.1_8b" stack: "megatron_core" layout { tensor: 8 data: 1 }
      global_batch: 8 sequence_length: 8192 steps: 10 } }
reliability { repair_time: "1 h" failure { rate: "titan_k20x" } }
)",
                                         {})
                                .At({});
  const FailureSpec& kind = scenario.reliability.failures.front();

  // Years lived and losses between two ages, data/gc_summary_loc.csv of olcf/TitanGPULife.
  struct Band {
    double from, to, lived, lost;
  };

  for (const Band& band :
       {Band{0, 1.5, 28194.4, 24}, Band{1.5, 2, 9335.2, 146}, Band{2, 2.5, 9118.5, 729},
        Band{2.5, 3.5, 13599.7, 2110}, Band{3.5, 5, 12265.5, 1529}}) {
    double rate = 0;  // a year, mean over the band
    for (int i = 0; i < 1000; ++i) {
      const double years = band.from + (band.to - band.from) * (i + 0.5) / 1000;
      const Seconds age(365.25 * kDay * years);
      rate += TimesAt(kind, age) * (365.25 * kDay / kind.mtbf.si()) / 1000;
    }
    EXPECT_NEAR(rate * band.lived, band.lost, std::max(8.0, 0.15 * band.lost)) << band.from;
  }
}

TEST(Failures, OfServersThatComeLaterBeginWithTheirDelivery) {
  constexpr double kDecay = 30 * kDay;
  FailureSpec kind = Kind("server", 1000 * kDay);
  kind.early = {20, Seconds(kDecay)};
  kind.repair_time = Seconds(1);
  Scenario scenario = Failing(250, {TrainingJob("run", 1, 10)}, {kind}, 200 * kDay);
  scenario.reliability.age = Seconds(10 * kDecay);
  scenario.sites[0].deliveries = {{Seconds(100 * kDay), 150}};
  scenario.epochs[0].sites = scenario.sites;
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   double before = 0, of_new = 0;
                   for (const LifeEvent& event : record.events) {
                     const bool fails = event.kind == EventKind::kFailure;
                     before += fails && event.at.si() < 100 * kDay;
                     of_new += fails && event.server >= 100;
                   }
                   const double old = 100 * 100 / 1000.0;
                   const double fresh = 150 / 1000.0 * (100 + 19 * 30 * (1 - std::exp(-10 / 3.0)));
                   return BrokenLaws(scenario, record) +
                          Differ("before", before, old, 4 / std::sqrt(old)) +
                          Differ("of new ones", of_new, fresh, 4 / std::sqrt(fresh));
                 }),
            "");
}

// A run on one server whose link flaps every second day: down for 5 s and up for 95 s in the mean,
// for two hours.
Scenario WithFlappingLink(Seconds patience) {
  FailureSpec link = Kind("link", 2 * kDay);
  link.detection_time = Seconds(2 * kHour);
  link.flaps = {Seconds(5), Seconds(95), patience};
  JobSpec job = TrainingJob("run", 1, 10000000);
  TrainingOf(job).checkpoint_interval = Seconds(600);
  return Failing(1, {job}, {link}, 400 * kDay);
}

// A link is down for 5 s and up for 95 s in the mean until a server goes out after two hours: the
// run stands still for a twentieth of that time, and for all of it where it never comes up.
TEST(Flaps, HoldARunUpWhileTheLinkIsDown) {
  const Scenario scenario = WithFlappingLink(Seconds(0));
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& run = record.jobs[0];
                   const double flapping = 2 * kHour * run.interruptions;
                   return BrokenLaws(scenario, record) +
                          (run.interruptions > 100 ? "" : "hardly any flapped\n") +
                          Differ("stalled", run.stalled.si(), flapping / 20, 0.05);
                 }),
            "");
}

// It is down for longer than 15 s with a probability of exp(-3). Each time the run starts again.
TEST(Flaps, StopARunThatHasNoPatienceForThem) {
  const Scenario scenario = WithFlappingLink(Seconds(15));
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const auto links = static_cast<double>(record.failures[0].failures);
                   const double stops = links * (1 + 2 * kHour / 100 * std::exp(-3.0));
                   return BrokenLaws(scenario, record) + Differ("stops",
                                                                record.jobs[0].interruptions, stops,
                                                                4 / std::sqrt(stops));
                 }),
            "");
}

TEST(Lemons, CauseTheirShareOfFailuresAndLeaveTheRateOfAllAsItIs) {
  const SiteSpec site = Hall(1000);
  const Locality locality = Locality::Flat("leaf", site.servers);
  const FailureSpec kind = Kind("server", 1e7);
  ReliabilitySpec spec;
  spec.lemon_share = 0.012;
  spec.lemon_failures = 0.13;
  const LemonServers lemons = DrawLemons(spec, site, 1);
  ASSERT_EQ(lemons.servers.size(), 12U);
  const std::vector<Seconds> since(static_cast<std::size_t>(site.servers));
  FailureStream stream(kind, site, locality, lemons, since, 1, "failures/test");
  constexpr int kDraws = 100000;
  int by_lemons = 0;
  double time = 0;
  for (int i = 0; i < kDraws; ++i) {
    const FailureStream::Drawn drawn = stream.Next(Seconds(time), kEver);
    time = drawn.at.si();
    by_lemons += std::binary_search(lemons.servers.begin(), lemons.servers.end(), drawn.server);
  }
  EXPECT_NEAR(1.0 * by_lemons / kDraws, 0.13, 0.005);
  EXPECT_NEAR(time / kDraws, 1e7 / 1000, 200);
}

TEST(Lemons, AreNeverAllServersOfASite) {
  ReliabilitySpec spec;
  spec.lemon_share = 0.5;
  spec.lemon_failures = 0.6;
  for (std::int32_t servers = 1; servers <= 4; ++servers) {
    EXPECT_LT(DrawLemons(spec, Hall(servers), 1).servers.size(), servers);
  }
}

// Meta's RSC: jobs on 8 accelerators run 47.7 days until a failure in the mean, jobs on 1,024 7.9
// h; 1.2 % of the servers cause 13 % of the failed jobs (arXiv:2410.21680). One rate that explains
// the first gives 8.9 h for the second. Where the mean is over jobs that begin on all servers
// alike, it is that of 1/rate, most servers are better than the mean server, and large jobs meet
// lemons.
TEST(Lemons, ExplainWhyLargeJobsFailMoreOftenThanSmallOnesSay) {
  constexpr int kServers = 2000, kFailures = 2000000;
  const SiteSpec site = Hall(kServers);
  const Locality locality = Locality::Flat("leaf", site.servers);
  ReliabilitySpec spec;
  spec.lemon_share = 0.012;
  spec.lemon_failures = 0.13;
  const double usual = (1 - spec.lemon_failures) / (1 - spec.lemon_share);  // of the mean rate
  const double lemon = spec.lemon_failures / spec.lemon_share;
  const double mean_of_jobs = (1 - spec.lemon_share) / usual + spec.lemon_share / lemon;
  const FailureSpec kind = Kind("server", 47.7 * kDay / mean_of_jobs);
  const LemonServers lemons = DrawLemons(spec, site, 1);
  const std::vector<Seconds> since(static_cast<std::size_t>(site.servers));
  FailureStream stream(kind, site, locality, lemons, since, 1, "failures/test");
  std::vector<double> count(kServers, 0);
  double time = 0;
  for (int i = 0; i < kFailures; ++i) {
    const FailureStream::Drawn drawn = stream.Next(Seconds(time), kEver);
    time = drawn.at.si();
    ++count[drawn.server];
  }
  double small = 0, large = 0;
  for (int s = 0; s < kServers; ++s) {
    small += time / count[s] / kServers;
    large += count[s] / time * 128 / kServers;
  }
  EXPECT_NEAR(small / kDay, 47.7, 0.5);
  EXPECT_NEAR(1 / large / kHour, 7.9, 0.1);
}

TEST(Spares, KeepServersForRunsThatLostOne) {
  // One server of ten is a spare: the second run, of six servers, finds three and waits, even
  // though the first could do with less.
  Scenario scenario = Failing(10, {TrainingJob("run", 6, 1000000), TrainingJob("new", 4, 100, 60)},
                              {Kind("server", 5 * kDay)}, 20 * kDay);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [](const LifeRecord& record) {
                   return std::string(record.jobs[1].start.si() == 60 ? "" : "waits without cause");
                 }),
            "");
  scenario.reliability.hot_spares = 1;
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& run = record.jobs[0];
                   return BrokenLaws(scenario, record) +
                          (record.jobs[1].start.si() < 0 ? "" : "took the spare\n") +
                          (run.interruptions > 10 ? "" : "hardly failed\n") +
                          (run.waiting.si() < kHour ? "" : "waited beside spares\n");
                 }),
            "");
}

TEST(Spares, ThatAreColdDrawNothingAndComeAfterAWhile) {
  Scenario scenario =
      Failing(5, {TrainingJob("run", 4, 10000000)}, {Kind("server", 10 * kDay)}, 100 * kDay);
  scenario.reliability.cold_spares = 1;
  scenario.reliability.cold_start = Seconds(900);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeJob& run = record.jobs[0];
                   const double apart = run.waiting.si() / run.interruptions;
                   // A repair of an hour in the mean is sometimes faster: E min(900, X).
                   const double wait = kHour * (1 - std::exp(-900 / kHour));
                   return BrokenLaws(scenario, record) +
                          (run.interruptions > 20 ? "" : "hardly failed\n") +
                          Differ("waiting", apart, wait, 0.15) +
                          Differ("idle", record.sites[0].idle[0], 0);
                 }),
            "");
}

}  // namespace
}  // namespace gridlock
