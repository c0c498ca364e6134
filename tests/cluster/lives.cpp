#include "tests/cluster/lives.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/process/pool.h"
#include "sim/record/life_measures.h"
#include "tests/clos_of.h"
#include "tests/engine/machines.h"

namespace gridlock {

SiteSpec Hall(int servers) {
  SiteSpec site = OneLeafSite(IdealServer(8, 8), servers);
  site.name = "hall";
  ClosOf(site).leaf.power = ClosOf(site).spine.power = ClosOf(site).core.power = Watts(0);
  site.storage_bandwidth = BytesPerSecond(1e12);
  return site;
}

JobSpec TrainingJob(const std::string& name, int servers, std::int64_t steps, double start) {
  Layout layout;
  layout.data = 8 * servers;
  PretrainingSpec run;
  run.step = SmallJob(layout, 2);
  run.steps = steps;
  JobSpec job;
  job.name = name;
  job.start = Seconds(start);
  job.sites = {SiteIndex{0}};
  job.kind = run;
  return job;
}

PretrainingSpec& TrainingOf(JobSpec& job) {
  return std::get<PretrainingSpec>(job.kind);
}

Scenario Week(int servers, std::vector<JobSpec> jobs, double horizon) {
  Scenario scenario;
  scenario.name = "week";
  scenario.seed = 1;
  scenario.horizon = Seconds(horizon);
  scenario.sites = {Hall(servers)};
  scenario.jobs = std::move(jobs);
  scenario.epochs = {{Seconds(0), scenario.sites, scenario.wans, {}}};
  return scenario;
}

std::vector<StepRate> TenSeconds(const Situation& situation) {
  std::vector<StepRate> rates;
  for (const PlacedJob& job : situation.jobs) {
    StepRate rate;
    rate.step_time = Seconds(10);
    rate.energy = Joules(40e3 * static_cast<double>(ServersIn(job.placement)));
    rates.push_back(rate);
  }
  return rates;
}

std::string Live(const Scenario& scenario, const RateSource& rates,
                 const std::function<std::string(const LifeRecord&)>& look) {
  const TaskResult result = RunInChild([&](const auto& /*progress*/) {
    return look(SimulateLife(scenario, rates, {}));
  });
  if (!result.problems.empty()) {
    return "threw: " + std::string(UserError(result.problems).what());
  }
  return result.ok ? result.bytes : "threw: " + result.failure;
}

std::string Differ(const std::string& what, double is, double expected, double tolerance) {
  const double scale = std::max({std::abs(is), std::abs(expected), 1e-12});
  if (std::abs(is - expected) <= tolerance * scale) {
    return "";
  }
  return fmt::format("{} is {:.12g}, expected {:.12g}\n", what, is, expected);
}

namespace {

std::string BrokenSiteLaws(const LifeRecord& record) {
  std::string broken;
  for (const LifeSite& site : record.sites) {
    double energy = 0;
    for (std::size_t t = 0; t < site.power.size(); ++t) {
      const Seconds begin = record.interval * static_cast<double>(t);
      energy += site.power[t] * std::min(record.interval, record.horizon - begin).si();
      double accelerators = site.idle[t] + site.down[t];
      for (const std::vector<double>& busy : site.busy) {
        accelerators += busy[t];
      }
      broken += Differ(fmt::format("accelerators in interval {}", t), accelerators,
                       static_cast<double>(site.accelerators));
    }
    broken += Differ("energy of the power series", energy, site.energy.si());
  }
  return broken;
}

// What a battery holds stays between nothing and its capacity; it was full, and lost a share of
// what it took.
std::string BrokenBatteryLaws(const Scenario& scenario, const LifeRecord& record) {
  std::string broken;
  for (std::size_t s = 0; s < record.sites.size(); ++s) {
    const LifeSite& site = record.sites[s];
    const double capacity = site.battery_capacity.si();
    const double gained = site.battery_charged.si() * scenario.sites[s].battery.efficiency -
                          site.battery_discharged.si();
    const double slack = 1e-6 * (capacity + site.battery_charged.si());
    bool bounded = gained <= slack && gained >= -capacity - slack;
    for (const double stored : site.battery_stored) {
      bounded = bounded && stored >= -slack && stored <= capacity + slack;
    }
    broken += bounded ? "" : "the battery of " + site.name + " holds what it cannot\n";
  }
  return broken;
}

// Energy costs its price, and accelerators are written off while they are there. Where prices vary
// by the hour, other tests look.
std::string BrokenMoneyLaws(const Scenario& scenario, const LifeRecord& record) {
  std::string broken;
  for (std::size_t s = 0; s < record.sites.size(); ++s) {
    const LifeSite& site = record.sites[s];
    const SiteSpec& spec = scenario.sites[s];
    if (spec.profile) {
      continue;
    }
    double there = spec.servers * record.horizon.si();  // server-seconds
    for (const DeliverySpec& delivery : spec.deliveries) {
      there -= delivery.servers * std::min(delivery.at, record.horizon).si();
    }
    for (const RetirementSpec& each : spec.retirements) {
      there -= each.servers * std::max(0.0, (record.horizon - each.at).si());
    }
    const double each = spec.capital_usd_per_accelerator * spec.server.accelerators;
    broken += Differ("cost of " + site.name, site.cost_usd,
                     site.energy.si() / 3.6e6 * spec.electricity_usd_per_kwh);
    broken += Differ("capital of " + site.name,
                     site.capital_usd - site.battery_capital_usd - site.sales_usd,
                     each * there / spec.depreciation.si());
  }
  return broken;
}

// Failures lose no more of the runs' training than these lost in all.
std::string BrokenLawOfLosses(const LifeRecord& record) {
  double lost = 0, by_failures = 0;
  for (const LifeJob& job : record.jobs) {
    lost += job.lost.si();
  }
  for (const LifeFailure& failure : record.failures) {
    by_failures += failure.lost.si();
  }
  return by_failures <= lost * (1 + 1e-9) + 1e-6
             ? ""
             : fmt::format("failures lost {} s of the {} s that runs lost\n", by_failures, lost);
}

}  // namespace

std::string BrokenLaws(const Scenario& scenario, const LifeRecord& record) {
  std::string broken = BrokenSiteLaws(record) + BrokenBatteryLaws(scenario, record) +
                       BrokenLawOfLosses(record) + BrokenMoneyLaws(scenario, record);
  double held = 0, drawn = 0, waiting = 0;
  for (const LifeJob& job : record.jobs) {
    held += job.energy.si();
    if (job.kind == JobKind::kServing || job.submit.si() < 0) {
      continue;
    }
    const double end = job.end.si() >= 0 ? job.end.si() : scenario.horizon.si();
    broken += Differ("time of " + job.name, SumOfTimes(job).si(), end - job.submit.si(), 1e-9);
    waiting += job.waiting.si();
    if (job.steps_done > job.steps ||
        (job.outcome == Outcome::kFinished && job.steps_done != job.steps)) {
      broken += fmt::format("{} did {} of {} steps\n", job.name, job.steps_done, job.steps);
    }
  }
  for (const LifeSite& site : record.sites) {
    held += site.rest_energy.si();
    drawn += site.it_energy.si();
  }
  broken += Differ("energy of jobs and the rest", held, drawn);
  // Little's law, which holds exactly for sums over the horizon.
  double queued = 0;
  for (std::size_t t = 0; t < record.series.queue_jobs.size(); ++t) {
    const Seconds begin = record.interval * static_cast<double>(t);
    queued += record.series.queue_jobs[t] * std::min(record.interval, record.horizon - begin).si();
  }
  broken += std::abs(queued - waiting) < 1e-6 ? "" : Differ("queue over time", queued, waiting);
  return broken;
}

}  // namespace gridlock
