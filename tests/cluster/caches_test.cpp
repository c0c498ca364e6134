// Caches between the pools of a fleet and the traffic of a training run slow each other where they
// share links, by rates that are simulated and not stated.

#include <cstdio>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/oracle/situation.h"
#include "tests/cluster/lives.h"
#include "tests/engine/machines.h"

namespace gridlock {
namespace {

// Three leaves of two servers, with `over` times the bandwidth down than up.
SiteSpec ThreeLeaves(double over) {
  SiteSpec site = ClosSite(
      IdealServer(8, 8),
      {.servers = 6, .servers_per_leaf = 2, .leaves_per_pod = 3, .tiers = 2, .leaf_over = over});
  site.name = "hall";
  return site;
}

struct Rates {
  double run = 0, transfer = 0;
};

// A run on servers 1, 4 and 5, and caches from 0 to 2: they meet on the ways out of the first leaf.
Rates Meet(StepOracle& oracle, double over, bool run, bool stream) {
  const std::vector<SiteSpec> sites = {ThreeLeaves(over)};
  const std::vector<WanSpec> wans;
  const JobSpec job = TrainingJob("run", 3, 10);
  const CacheStream caches{1, 8, Bytes(2e9), Seconds(0.01)};
  Situation situation{&sites, &wans, {}};
  if (run) {
    PlacedJob placed{&std::get<PretrainingSpec>(job.kind).step,
                     {{SiteIndex{0}, ServerIndex{1}, 1}, {SiteIndex{0}, ServerIndex{4}, 2}}};
    situation.jobs.push_back(placed);
  }
  if (stream) {
    PlacedJob placed;
    placed.stream = caches;
    placed.placement = {{SiteIndex{0}, ServerIndex{0}, 1}, {SiteIndex{0}, ServerIndex{2}, 1}};
    situation.jobs.push_back(placed);
  }
  const std::vector<StepRate> rates = oracle.RatesOf(situation);
  Rates out;
  out.run = run ? rates.front().step_time.si() : 0;
  out.transfer = stream ? (rates.back().step_time - caches.delay).si() : 0;
  return out;
}

TEST(CacheStream, AloneTakesItsBytesOverTheLink) {
  StepOracle oracle;
  const double nic = ThreeLeaves(1).server.nic_bandwidth.si();
  EXPECT_NEAR(Meet(oracle, 1, false, true).transfer, 2e9 / nic, 0.01 * 2e9 / nic);
  // A leaf of two servers whose ways up carry an eighth: one server alone has a quarter.
  EXPECT_NEAR(Meet(oracle, 8, false, true).transfer, 4 * 2e9 / nic, 0.02 * 4 * 2e9 / nic);
}

TEST(CacheStream, AndATrainingRunSlowEachOtherWhereTheyShareLinks) {
  StepOracle oracle;
  const Rates run = Meet(oracle, 8, true, false), stream = Meet(oracle, 8, false, true);
  const Rates both = Meet(oracle, 8, true, true);
  EXPECT_GT(both.run, 1.05 * run.run);
  EXPECT_GT(both.transfer, 1.05 * stream.transfer);
  // And not where no link binds.
  const Rates wide = Meet(oracle, 1, true, true);
  EXPECT_NEAR(wide.run, Meet(oracle, 1, true, false).run, 1e-3 * wide.run);
}

// A fleet of one unit, two servers that prefill and one that decodes, beside a run on the other
// three: they meet under the middle leaf.
Scenario PoolsBesideARun(double requests_per_second, bool run) {
  ServingSpec fleet;
  fleet.path = "job[0].serving";
  fleet.model = SmallJob({}, 2).model;
  fleet.replicas = fleet.replicas_min = fleet.replicas_simulated = 1;
  fleet.tensor = 8;
  fleet.prefill_replicas = 2;
  fleet.decode_replicas = 1;
  fleet.arrivals.requests_per_second = requests_per_second;
  fleet.groups = {{"chat", 1.0, {20000, 22000, 40000}, {50, 60, 100}}};
  JobSpec serving;
  serving.name = "fleet";
  serving.priority = 1;
  serving.sites = {SiteIndex{0}};
  serving.kind = fleet;
  std::vector<JobSpec> jobs = {serving};
  if (run) {
    jobs.push_back(TrainingJob("run", 3, 1000000));
  }
  Scenario scenario = Week(6, jobs, 10);
  scenario.sites = {ThreeLeaves(8)};
  scenario.epochs = {{Seconds(0), scenario.sites, {}, {}}};
  return scenario;
}

// "" and the steps of the run and the time per token, or what is wrong.
std::string Lived(StepOracle& oracle, const Scenario& scenario, double& steps, double& tpot) {
  const std::string says = Live(
      scenario,
      [&](const Situation& situation) {
        return oracle.RatesOf(situation);
      },
      [&](const LifeRecord& record) {
        const std::string broken = BrokenLaws(scenario, record);
        const LifeRequests& chat = record.requests[0];
        const double done =
            record.jobs.size() > 1 ? static_cast<double>(record.jobs[1].steps_done) : 0;
        return broken.empty() && chat.completed > 0.9 * chat.arrived
                   ? fmt::format("{:.9g} {:.9g}", done, chat.tpot_p50)
                   : fmt::format("{} of {} completed; {}", chat.completed, chat.arrived, broken);
      });
  return std::sscanf(says.c_str(), "%lf %lf", &steps, &tpot) == 2 ? "" : says;
}

TEST(Life, OfPoolsBesideARunThatSharesTheirLinksSlowsBoth) {
  StepOracle oracle;
  double steps = 0, quiet_steps = 0, tpot = 0, alone_tpot = 0, nothing = 0;
  EXPECT_EQ(Lived(oracle, PoolsBesideARun(60, true), steps, tpot), "");
  EXPECT_EQ(Lived(oracle, PoolsBesideARun(1, true), quiet_steps, nothing), "");
  EXPECT_EQ(Lived(oracle, PoolsBesideARun(60, false), nothing, alone_tpot), "");
  EXPECT_LT(steps, 0.97 * quiet_steps) << "caches slow the run";
  EXPECT_GT(tpot, 1.01 * alone_tpot) << "the run slows caches";
}

}  // namespace
}  // namespace gridlock
