// Laws that hold in every life, on lives drawn at random.

#include <algorithm>
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/clos_of.h"
#include "tests/cluster/lives.h"

namespace gridlock {
namespace {

JobSpec AnyJob(int number, int servers) {
  JobSpec job = TrainingJob("job " + std::to_string(number), *rc::gen::inRange(1, servers + 1),
                            *rc::gen::inRange(1, 3000), *rc::gen::inRange(0, 40000));
  job.priority = *rc::gen::inRange(0, 3);
  job.tenant = *rc::gen::element<std::string>("", "one", "two");
  PretrainingSpec& run = TrainingOf(job);
  run.checkpoint_interval = Seconds(*rc::gen::element(0.0, 100.0, 1000.0, 7777.0));
  run.fails_at_step = *rc::gen::element<std::int64_t>(0, 0, 0, 50);
  return job;
}

OutageSpec AnyOutage(int servers) {
  OutageSpec outage;
  outage.from = Seconds(*rc::gen::inRange(0, 60000));
  outage.until = outage.from + Seconds(*rc::gen::inRange(1, 60000));
  outage.site = {0};
  outage.first_server = {*rc::gen::inRange(0, servers)};
  outage.servers = *rc::gen::inRange(1, servers - outage.first_server + 1);
  return outage;
}

FailureSpec AnyFailure(int number, int servers) {
  FailureSpec kind;
  kind.name = "kind " + std::to_string(number);
  kind.mtbf = Seconds(*rc::gen::element(2e4, 2e5));
  kind.unit = *rc::gen::element(FailureUnit::kServer, FailureUnit::kAccelerator, FailureUnit::kNic);
  kind.takes = *rc::gen::element<std::string>("server", "run", "site", "leaf");
  kind.neighbours = *rc::gen::element(0, 0, 1, servers);
  kind.repair_time = Seconds(*rc::gen::element(10.0, 5000.0));
  kind.detection_time = Seconds(*rc::gen::element(0.0, 700.0));
  if (kind.detection_time > Seconds(0) && *rc::gen::arbitrary<bool>()) {
    kind.flaps = {Seconds(5), Seconds(50), Seconds(*rc::gen::element(0.0, 10.0))};
  }
  if (*rc::gen::arbitrary<bool>()) {
    kind.early = {4, Seconds(20000)};
  }
  if (*rc::gen::arbitrary<bool>()) {
    kind.late = {5, Seconds(40000), 3};
  }
  return kind;
}

ReliabilitySpec AnyReliability(int servers) {
  ReliabilitySpec spec = {Seconds(*rc::gen::element(0.0, 5e4, 1e6)), Seconds(3000), Seconds(120)};
  const int kinds = *rc::gen::inRange(0, 4);
  for (int i = 0; i < kinds; ++i) {
    spec.failures.push_back(AnyFailure(i, servers));
  }
  if (*rc::gen::arbitrary<bool>()) {
    spec.lemon_share = 0.2;
    spec.lemon_failures = 0.7;
  }
  spec.hot_spares = *rc::gen::inRange(0, servers);
  spec.cold_spares = *rc::gen::inRange(0, servers - spec.hot_spares);
  spec.cold_start = Seconds(*rc::gen::element(0.0, 500.0));
  return spec;
}

// Now and then racks that cross leaves, jobs that lie within one, servers that leave, boards that
// may not rise and fall at once, and storage that draws power.
void RacksAndRamps(Scenario& scenario) {
  SiteSpec& hall = scenario.sites[0];
  if (*rc::gen::arbitrary<bool>()) {
    hall.servers_per_rack = *rc::gen::inRange(1, 4);
    hall.racks_per_row = hall.rows_per_feed = 2;
    for (JobSpec& job : scenario.jobs) {
      const std::string group = *rc::gen::element<std::string>("rack", "row", "feed");
      const bool fits = TrainingOf(job).step.layout.data <= hall.ServersOfGroup(group) * 8;
      job.within = fits && *rc::gen::arbitrary<bool>() ? group : job.within;
    }
  }
  if (hall.deliveries.empty() && *rc::gen::arbitrary<bool>()) {
    hall.retirements = {{Seconds(*rc::gen::inRange(1, 80000)), 1, 100.0}};
    if (hall.servers > 1) {
      hall.retirements.push_back({Seconds(80000), hall.servers - 1, std::nullopt});
    }
  }
  PowerSpec& power = hall.server.accelerator.power;
  power.limit = Watts(700);
  power.ramp_down = WattsPerSecond(*rc::gen::element(0.0, 0.5, 5.0, 500.0));
  power.ramp_up = WattsPerSecond(*rc::gen::element(0.0, 0.5, 500.0));
  hall.storage_power = Watts(*rc::gen::element(0.0, 700.0));
  hall.capital_usd_per_accelerator = 1000;
  hall.electricity_usd_per_kwh = 0.1;
}

// Now and then leaves of four servers, jobs that lie within one, servers that come later, and a
// second hall.
void LeavesAndHalls(Scenario& scenario) {
  SiteSpec& hall = scenario.sites[0];
  if (hall.servers > 4 && *rc::gen::arbitrary<bool>()) {
    ClosOf(hall).servers_per_leaf = 4;
    ClosOf(hall).tiers = 2;
    ClosOf(hall).leaves_per_pod = (hall.servers + 3) / 4;
    for (JobSpec& job : scenario.jobs) {
      const bool fits = TrainingOf(job).step.layout.data <= 4 * 8;
      job.within = fits && *rc::gen::arbitrary<bool>() ? "leaf" : "";
    }
  }
  if (*rc::gen::arbitrary<bool>()) {
    hall.deliveries = {
        {Seconds(*rc::gen::inRange(1, 90000)), *rc::gen::inRange(1, hall.servers + 1)}};
  }
  if (*rc::gen::arbitrary<bool>()) {
    hall.battery.capacity = Joules(*rc::gen::element(1e6, 1e8));
    hall.battery.power = Watts(*rc::gen::inRange(100, 30000));
    hall.battery.efficiency = 0.8;
    hall.battery.shave_above = Watts(*rc::gen::element(0, 20000));
  }
  RacksAndRamps(scenario);
  if (*rc::gen::arbitrary<bool>()) {
    scenario.sites.push_back(hall);
    scenario.sites[1].name = "other";
    for (JobSpec& job : scenario.jobs) {
      job.sites = *rc::gen::element(std::vector<SiteIndex>{}, std::vector<SiteIndex>{SiteIndex{1}},
                                    std::vector<SiteIndex>{SiteIndex{0}});
    }
  }
}

Scenario AnyLife() {
  const int servers = *rc::gen::inRange(1, 13);
  std::vector<JobSpec> jobs;
  const int count = *rc::gen::inRange(1, 9);
  for (int i = 0; i < count; ++i) {
    jobs.push_back(AnyJob(i, servers));
  }
  Scenario scenario = Week(servers, jobs, kDay);
  scenario.seed = *rc::gen::arbitrary<std::uint64_t>();
  scenario.scheduler = &PolicyNamed(
      *rc::gen::element("FIFO", "BACKFILL", "CONSERVATIVE", "FAIR_SHARE", "MIGRATE", "SHORTEST"));
  scenario.reliability = AnyReliability(servers);
  scenario.fair_share.half_life = Seconds(*rc::gen::element(0.0, 5000.0));
  // Slow enough that two checkpoints at a time meet.
  scenario.sites[0].storage_bandwidth = BytesPerSecond(*rc::gen::element(1e8, 1e12));
  LeavesAndHalls(scenario);
  scenario.epochs[0].sites = scenario.sites;
  const int outages = *rc::gen::inRange(0, 3);
  for (int i = 0; i < outages; ++i) {
    scenario.outages.push_back(AnyOutage(servers));
  }
  if (*rc::gen::arbitrary<bool>()) {
    Epoch capped = scenario.epochs[0];
    capped.from = Seconds(*rc::gen::inRange(1, 80000));
    capped.sites[0].power_cap = Watts(1800 * servers + 700 + *rc::gen::inRange(1, 30000));
    capped.sites[0].power_policy = *rc::gen::element(PowerPolicy::kSlow, PowerPolicy::kQueue);
    scenario.epochs.push_back(capped);
  }
  return scenario;
}

// Work is conserved through failures, outages and preemptions: what counts as training is the steps
// that count, ten seconds each, and at most a part of the step under way.
std::string BrokenWork(const LifeRecord& record) {
  std::string broken;
  for (const LifeJob& job : record.jobs) {
    const double under_way = job.training.si() - 10.0 * static_cast<double>(job.steps_done);
    const double most = job.outcome == Outcome::kRunning ? 10 : 0;
    if (under_way < -0.01 || under_way > most + 0.01) {
      broken += job.name + " trained " + std::to_string(under_way) + " s beyond its steps\n";
    }
  }
  return broken;
}

RC_GTEST_PROP(AnyLife, ConservesAcceleratorsTimeEnergyAndSteps, ()) {
  const Scenario scenario = AnyLife();
  const std::string broken = Live(scenario, TenSeconds, [&](const LifeRecord& record) {
    return BrokenLaws(scenario, record) + BrokenWork(record);
  });
  RC_ASSERT(broken == "");
}

}  // namespace
}  // namespace gridlock
