// Fleets in the life of a cluster: requests are conserved, capacity follows the day.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/cluster/job_sites.h"
#include "sim/energy/site_power.h"
#include "tests/cluster/lives.h"
#include "tests/engine/machines.h"
#include "workloads/decode.h"

namespace gridlock {
namespace {

JobSpec FleetOf(int replicas, double requests_per_second) {
  ServingSpec fleet;
  fleet.path = "job[0].serving";
  fleet.model = SmallJob({}, 2).model;
  fleet.replicas = fleet.replicas_min = fleet.replicas_simulated = replicas;
  fleet.tensor = 8;
  fleet.arrivals.requests_per_second = requests_per_second;
  fleet.groups = {{"chat", 1.0, {100, 300, 2000}, {50, 150, 1000}}};
  JobSpec job;
  job.name = "fleet";
  job.priority = 1;
  job.sites = {SiteIndex{0}};
  job.kind = fleet;
  return job;
}

ServingSpec& ServingOf(JobSpec& job) {
  return std::get<ServingSpec>(job.kind);
}

double Decoded(const LifeRecord& record) {
  double tokens = 0;
  for (std::size_t t = 0; t < record.series.decoded_tokens.size(); ++t) {
    const Seconds begin = record.interval * static_cast<double>(t);
    tokens +=
        record.series.decoded_tokens[t] * std::min(record.interval, record.horizon - begin).si();
  }
  return tokens;
}

TEST(Fleet, AnswersWhatComes) {
  const Scenario scenario = Week(4, {FleetOf(4, 2)}, 2 * kHour);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeRequests& chat = record.requests[0];
                   std::string says = BrokenLaws(scenario, record);
                   // 14,400 on average, give or take three standard deviations.
                   says += Differ("arrived", chat.arrived, 2 * 7200, 3 / std::sqrt(2 * 7200.0));
                   says += chat.completed > 0.999 * chat.arrived ? "" : "not all were answered";
                   says += Differ("tokens", Decoded(record), chat.output_tokens, 1e-3);
                   return says;
                 }),
            "");
}

// Two images of 1,000 tokens each in every request: prompts are 2,000 tokens longer, and the first
// token comes after the images and what is longer.
TEST(Fleet, EncodesImagesBeforeThePrompt) {
  JobSpec text = FleetOf(4, 0.2), pictures = text;
  ServingOf(pictures).groups[0].images = {2, 1000, "qwen2.5_vl"};
  std::vector<double> first, prompt;
  for (const JobSpec& job : {text, pictures}) {
    const Scenario scenario = Week(4, {job}, kHour);
    const std::string says = Live(scenario, TenSeconds, [&](const LifeRecord& record) {
      const LifeRequests& chat = record.requests[0];
      return fmt::format("{:.17g} {:.17g}", chat.ttft_p50, chat.prompt_tokens / chat.completed);
    });
    first.push_back(0);
    prompt.push_back(0);
    ASSERT_EQ(std::sscanf(says.c_str(), "%lf %lf", &first.back(), &prompt.back()), 2) << says;
  }
  const Seconds images = CostsOf(ServingOf(pictures), Hall(4).server).images[0];
  EXPECT_GT(images.si(), 0.002);
  EXPECT_NEAR(prompt[1], prompt[0] + 2000, 1);
  EXPECT_GT(first[1], first[0] + images.si());
  EXPECT_LT(first[1], first[0] + 20 * images.si());
}

// Two halls, the second with servers of `accelerators` of the kind `name`, and a fleet for both.
Scenario TwoHalls(int accelerators, const std::string& name) {
  JobSpec fleet = FleetOf(4, 2);
  fleet.path = "job[0]";
  fleet.sites.clear();
  Scenario scenario = Week(4, {fleet}, kHour);
  SiteSpec other = Hall(4);
  other.name = "other";
  other.server.accelerators = accelerators;
  other.server.accelerator.name = name;
  scenario.sites.push_back(other);
  scenario.epochs[0].sites = scenario.sites;
  return scenario;
}

std::string RefusalOf(const Scenario& scenario) {
  try {
    CheckSitesAlike(scenario.jobs[0], scenario.sites);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Fleet, ThatMayRunOnUnlikeSitesIsRefused) {
  const std::string name = Hall(4).server.accelerator.name;
  EXPECT_EQ(RefusalOf(TwoHalls(8, name)), "");
  EXPECT_NE(RefusalOf(TwoHalls(16, name)).find("job[0]"), std::string::npos);
  EXPECT_NE(RefusalOf(TwoHalls(8, "another")).find("another"), std::string::npos);
}

TEST(Fleet, OnSeveralSitesCountsOnTheLeastOfTheirServers) {
  Scenario scenario = TwoHalls(8, Hall(4).server.accelerator.name);
  AcceleratorSpec& second = scenario.sites[1].server.accelerator;
  second.hbm_bandwidth = second.hbm_bandwidth / 2;
  EXPECT_EQ(LeastServer(scenario.jobs[0], scenario.sites).accelerator.hbm_bandwidth,
            second.hbm_bandwidth);
  scenario.jobs[0].sites = {SiteIndex{0}};
  EXPECT_EQ(LeastServer(scenario.jobs[0], scenario.sites).accelerator.hbm_bandwidth,
            second.hbm_bandwidth * 2);
}

TEST(Fleet, OfWhichAShareIsSimulatedAnswersAsMany) {
  JobSpec job = FleetOf(8, 8);
  ServingOf(job).replicas_simulated = 2;
  const Scenario scenario = Week(8, {job}, kHour);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("scale", record.requests[0].scale, 4) +
                          Differ("arrived", record.requests[0].arrived, 8 * kHour,
                                 3 / std::sqrt(2 * kHour)) +
                          Differ("simulated", static_cast<double>(record.requests_simulated) * 4,
                                 record.requests[0].arrived);
                 }),
            "");
}

TEST(Fleet, OfWhichADayIsSimulatedRepeatsIt) {
  JobSpec job = FleetOf(2, 1);
  ServingOf(job).arrivals.swing = 0.8;
  for (const int days : {0, 1}) {
    ServingOf(job).days_simulated = days;
    const Scenario scenario = Week(2, {job}, 3 * kDay);
    EXPECT_EQ(Live(scenario, TenSeconds,
                   [&](const LifeRecord& record) {
                     const LifeRequests& chat = record.requests[0];
                     const double simulated = days == 0 ? 3 * kDay : kDay;
                     return BrokenLaws(scenario, record) +
                            Differ("arrived", chat.arrived, 3 * kDay, 4 / std::sqrt(simulated)) +
                            Differ("simulated", static_cast<double>(record.requests_simulated),
                                   simulated, 4 / std::sqrt(simulated)) +
                            Differ("tokens", Decoded(record), chat.output_tokens, 2e-3);
                   }),
              "");
  }
}

TEST(Fleet, GivesItsServersToRunsAtNightAndTakesThemBack) {
  JobSpec fleet = FleetOf(6, 1);
  ServingOf(fleet).replicas_min = 1;
  ServingOf(fleet).arrivals.swing = 0.9;
  ServingOf(fleet).arrivals.peak = Seconds(12 * kHour);
  JobSpec run = TrainingJob("run", 4, 1000000);
  TrainingOf(run).checkpoint_interval = Seconds(600);
  const Scenario scenario = Week(6, {fleet, run}, 2 * kDay);
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   std::string says = BrokenLaws(scenario, record);
                   const auto& serving = record.sites[0].busy[static_cast<int>(JobKind::kServing)];
                   const auto& training =
                       record.sites[0].busy[static_cast<int>(JobKind::kPretraining)];
                   const std::size_t noon = serving.size() / 4, midnight = serving.size() / 2;
                   says += Differ("servers at noon", serving[noon], 6 * 8);
                   says += Differ("training at noon", training[noon], 0);
                   says += Differ("servers at midnight", serving[midnight], 8);
                   says += Differ("training at midnight", training[midnight], 4 * 8);
                   says += record.jobs[1].preemptions == 2
                               ? ""
                               : fmt::format("{} preemptions", record.jobs[1].preemptions);
                   return says;
                 }),
            "");
}

TEST(Fleet, LosesNoRequestWhenServersFail) {
  JobSpec job = FleetOf(4, 3);
  Scenario scenario = Week(4, {job}, 4 * kHour);
  scenario.reliability = {Seconds(1200), Seconds(300), Seconds(0)};
  // All are gone for a while; what comes then waits. Nothing comes in the last hour.
  scenario.outages = {{Seconds(kHour), Seconds(kHour + 300), 0, 0, 4, -1}};
  constexpr int kRequests = 10800;
  for (int i = 0; i < kRequests; ++i) {
    scenario.requests[{0}].push_back({.arrival = Seconds(i),
                                      .route = 0.25 * (i % 4),
                                      .group = 0,
                                      .prompt_tokens = 100,
                                      .output_tokens = 20000});
  }
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   const LifeRequests& chat = record.requests[0];
                   return BrokenLaws(scenario, record) +
                          Differ("arrived", chat.arrived, kRequests) +
                          Differ("completed", chat.completed, kRequests) +
                          Differ("tokens", chat.output_tokens, 20000.0 * kRequests) +
                          (record.jobs[0].interruptions >= 4 ? "" : "nothing failed");
                 }),
            "");
}

// Three of four servers are gone for an hour. Their replicas come back at once, with weights from
// the one that serves: 100 s over its NICs for each, 300 s for all. So requests meet what they
// would meet if replicas took 330 s to start by themselves, and not 130 s.
TEST(Fleet, SharesTheNicsOfReplicasThatSendWeights) {
  const auto rates_of = [](WeightsFrom from, double engine) {
    JobSpec job = FleetOf(4, 3);
    Scenario scenario = Week(4, {job}, 4 * kHour);
    ServerSpec& server = scenario.sites[0].server;
    server.nic_bandwidth = CostsOf(ServingOf(job), server).decode.weight_bytes() / Seconds(100) *
                           (1.0 * server.accelerators / server.nics);
    ServingOf(scenario.jobs[0]).start = {from, Seconds(engine)};
    scenario.outages = {{Seconds(kHour), Seconds(2 * kHour), 0, 1, 3, -1}};
    for (int i = 0; i < 600; ++i) {
      scenario.requests[{0}].push_back({.arrival = Seconds(2 * kHour + i),
                                        .route = 0.25 * (i % 4),
                                        .group = 0,
                                        .prompt_tokens = 100,
                                        .output_tokens = 20000});
    }
    return Live(scenario, TenSeconds, [&](const LifeRecord& record) {
      const LifeRequests& chat = record.requests[0];
      return BrokenLaws(scenario, record) + fmt::format("{} {:.6g} {:.6g} {:.6g}", chat.completed,
                                                        chat.tpot_p50, chat.tpot_p90,
                                                        chat.tpot_p99);
    });
  };
  const std::string sent = rates_of(WeightsFrom::kReplica, 30);
  EXPECT_EQ(sent, rates_of(WeightsFrom::kThere, 330));
  EXPECT_NE(sent, rates_of(WeightsFrom::kThere, 130));
}

// Two halls of two servers each, which the fleet takes all. Hosts of the second draw as much again
// as their boards: its servers take twice as much for the same work.
TEST(Fleet, OnSeveralSitesDrawsWhatTheServersOfEachDraw) {
  Scenario scenario = TwoHalls(8, Hall(4).server.accelerator.name);
  for (SiteSpec& site : scenario.sites) {
    site.servers = 2;
    site.server.accelerator.power.per_hbm_byte = JoulesPerByte(1e-9);
    site.server.accelerator.power.limit = Watts(700);
  }
  scenario.sites[1].server.overhead_per_watt = 1;
  scenario.epochs[0].sites = scenario.sites;
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   std::vector<double> above;
                   for (std::size_t s = 0; s < 2; ++s) {
                     const Watts held = HeldPower(scenario.sites[s].server) * 2;
                     above.push_back((record.sites[s].it_energy - held * record.horizon).si());
                   }
                   return BrokenLaws(scenario, record) +
                          (above[0] > 1000 ? "" : "it did nothing\n") +
                          Differ("the second hall", above[1], 2 * above[0], 1e-6);
                 }),
            "");
}

// The second server was out, and has been starting for half an hour when it fails again. The first
// goes on serving.
TEST(Fleet, KeepsTheReplicaThatServesWhereAServerThatStartsFails) {
  JobSpec job = FleetOf(2, 2);
  ServingOf(job).start = {WeightsFrom::kThere, Seconds(kHour)};
  Scenario scenario = Week(2, {job}, 6 * kHour);
  scenario.outages = {{Seconds(1.5 * kHour), Seconds(2 * kHour), 0, 1, 1, -1},
                      {Seconds(2.5 * kHour), Seconds(5 * kHour), 0, 1, 1, -1}};
  for (int i = 0; i < 100; ++i) {
    scenario.requests[{0}].push_back({.arrival = Seconds(2.5 * kHour - 50 + i),
                                      .route = 0.01 * i,
                                      .group = 0,
                                      .prompt_tokens = 100,
                                      .output_tokens = 2000});
  }
  EXPECT_EQ(Live(scenario, TenSeconds,
                 [&](const LifeRecord& record) {
                   return BrokenLaws(scenario, record) +
                          Differ("completed", record.requests[0].completed, 100) +
                          (record.requests[0].ttft_p99 < 60 ? "" : "they waited for a start\n");
                 }),
            "");
}

// Four replicas that never rest read HBM most of the time, which draws 500 W of each board beside
// 100 W at rest. Under a cap of 60 % of what that makes they keep it by reading slower, and each
// token takes longer in proportion.
TEST(Fleet, SlowsDownUnderACap) {
  constexpr double kRead = 2e9, kReading = 500;
  JobSpec fleet = FleetOf(4, 100);
  ServingOf(fleet).batch_max = 4;
  Scenario scenario = Week(4, {fleet}, kHour / 2);
  AcceleratorSpec& chip = scenario.sites[0].server.accelerator;
  chip.hbm_bandwidth = BytesPerSecond(kRead);
  chip.power.per_hbm_byte = JoulesPerByte(kReading / kRead);
  chip.power.limit = Watts(700);
  const auto live = [&](double cap) {
    scenario.sites[0].power_cap = Watts(cap);
    scenario.epochs[0].sites = scenario.sites;
    const std::string text = Live(scenario, TenSeconds, [&](const LifeRecord& record) {
      const std::vector<double>& power = record.sites[0].power;
      return BrokenLaws(scenario, record) +
             fmt::format("{} {}", *std::max_element(power.begin() + 10, power.end()),
                         record.requests[0].tpot_p50);
    });
    double watts = 0, tpot = 0;
    EXPECT_EQ(std::sscanf(text.c_str(), "%lf %lf", &watts, &tpot), 2) << text;
    return std::pair(watts, tpot);
  };
  constexpr double kIdle = 4 * 1800;
  const auto [usual, usual_tpot] = live(0);
  const double cap = kIdle + 0.6 * (usual - kIdle);
  const auto [kept, slow_tpot] = live(cap);
  EXPECT_LE(kept, cap);
  EXPECT_GT(kept, kIdle + 0.8 * (cap - kIdle));
  EXPECT_NEAR(slow_tpot / usual_tpot, (usual - kIdle) / (kept - kIdle), 0.15);
}

}  // namespace
}  // namespace gridlock
