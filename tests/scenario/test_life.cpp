// The life of a cluster as the loader understands it: typed values, epochs, outages.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <regex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/scenario/load_text.h"
#include "sim/scenario/scenario.h"
#include "tests/fixture_files.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr double kHour = 3600.0;
constexpr double kDay = 24 * kHour;

Scenario LoadRight(const std::string& name, const std::vector<std::string>& overrides = {}) {
  setenv("GRIDLOCK_CATALOG", (kFixtures + "/catalog").c_str(), 1);
  return LoadScenario(kFixtures + "/right/" + name + ".textproto", overrides);
}

TEST(Life, HasItsHorizonSitesAndLinks) {
  const Scenario life = LoadRight("life");
  EXPECT_DOUBLE_EQ(life.horizon.si(), 7 * kDay);
  ASSERT_EQ(life.sites.size(), 2U);
  EXPECT_EQ(life.sites[0].name, "east");
  EXPECT_EQ(life.sites[0].power_cap, Watts(150e3));
  EXPECT_EQ(life.sites[0].power_policy, PowerPolicy::kQueue);
  EXPECT_EQ(life.sites[0].storage_bandwidth, BytesPerSecond(1e12));
  EXPECT_DOUBLE_EQ(life.sites[0].electricity_usd_per_kwh, 0.08);
  EXPECT_DOUBLE_EQ(life.sites[0].carbon_g_per_kwh, 380);
  EXPECT_EQ(life.sites[1].path, "site[1]");
  EXPECT_EQ(life.sites[1].server.accelerator.name, "a100_sxm_80gb");
  EXPECT_EQ(life.sites[1].power_policy, PowerPolicy::kSlow);
  ASSERT_EQ(life.wans.size(), 1U);
  EXPECT_EQ(life.wans[0].path, "wan[0]");
  EXPECT_EQ(life.wans[0].from, 0);
  EXPECT_EQ(life.wans[0].to, 1);
  EXPECT_EQ(life.wans[0].bandwidth, BytesPerSecond(1.25e12));
  EXPECT_NEAR(life.wans[0].latency.si(), 490e-6, 1e-12) << "100 km at 4.9 us";
}

TEST(Life, HasItsRuns) {
  const Scenario life = LoadRight("life");
  ASSERT_EQ(life.jobs.size(), 4U);
  const JobSpec& job = life.jobs[0];
  EXPECT_EQ(job.name, "final");
  EXPECT_EQ(job.tenant, "research");
  EXPECT_EQ(job.priority, 3);
  EXPECT_DOUBLE_EQ(job.start.si(), 36 * kHour);
  EXPECT_THAT(job.sites, ElementsAre(0));
  EXPECT_FALSE(job.spans);
  const auto& run = std::get<PretrainingSpec>(job.kind);
  EXPECT_EQ(run.steps, static_cast<std::int64_t>(std::ceil(1e9 / (64 * 2048))));
  EXPECT_DOUBLE_EQ(run.checkpoint_interval.si(), 1800);
  EXPECT_EQ(run.fails_at_step, 0);

  EXPECT_EQ(life.jobs[1].name, "job[1]");
  EXPECT_THAT(life.jobs[1].sites, ElementsAre(1, 0)) << "in the order of the scenario";
  EXPECT_TRUE(life.jobs[1].spans);
  const auto& spanning = std::get<PretrainingSpec>(life.jobs[1].kind);
  EXPECT_EQ(spanning.steps, 500);
  EXPECT_EQ(spanning.fails_at_step, 250);
  EXPECT_EQ(spanning.step.path, "job[1].pretraining");
}

TEST(Life, HasItsCampaign) {
  const Scenario life = LoadRight("life");
  EXPECT_EQ(life.jobs[2].cohort, "campaigns");
  EXPECT_THAT(life.jobs[2].sites, ElementsAre(0)) << "64 accelerators fit the first site alone";
  const auto& campaign = std::get<CampaignSpec>(life.jobs[2].kind);
  EXPECT_EQ(campaign.experiments, 12);
  EXPECT_DOUBLE_EQ(campaign.over.si(), 5 * kDay);
  EXPECT_DOUBLE_EQ(campaign.tail, 0) << "written, though 1 is the default";
  EXPECT_DOUBLE_EQ(campaign.length_sigma, 0.5);
  EXPECT_DOUBLE_EQ(campaign.failing_share, 0.25);
  EXPECT_EQ(campaign.final_run, "final");
  EXPECT_DOUBLE_EQ(campaign.compute, 0.2);
  EXPECT_EQ(campaign.halving.rounds, 3);
  EXPECT_DOUBLE_EQ(campaign.halving.keep, 0.5);
  EXPECT_DOUBLE_EQ(campaign.halving.growth, 2);
  EXPECT_FALSE(campaign.expanded);
  ASSERT_EQ(campaign.rungs.size(), 2U);
  EXPECT_EQ(campaign.rungs[0].steps, 1000);
  EXPECT_FALSE(campaign.rungs[0].step.stack.overlap_gradients);
  EXPECT_EQ(campaign.rungs[1].step.path, "job[2].campaign.rung[1]");
  EXPECT_EQ(campaign.rungs[1].steps, 1000) << "3.2768e7 tokens of 16 x 2048 a step";
}

TEST(Life, HasItsFleet) {
  const Scenario life = LoadRight("life");
  EXPECT_EQ(life.jobs[3].after_cohort, "campaigns");
  EXPECT_THAT(life.jobs[3].sites, ElementsAre(0)) << "A100 do not compute in FP8";
  const auto& fleet = std::get<ServingSpec>(life.jobs[3].kind);
  EXPECT_EQ(fleet.path, "job[3].serving");
  EXPECT_EQ(fleet.model.name, "llama_3.1_8b");
  EXPECT_EQ(fleet.replicas, 40);
  EXPECT_EQ(fleet.replicas_min, 8);
  EXPECT_EQ(fleet.replicas_simulated, 20);
  EXPECT_EQ(fleet.tensor, 2);
  EXPECT_EQ(fleet.precision, Precision::kFp8);
  EXPECT_DOUBLE_EQ(fleet.arrivals.requests_per_second, 0.01);
  EXPECT_DOUBLE_EQ(fleet.arrivals.swing, 0.5);
  EXPECT_DOUBLE_EQ(fleet.arrivals.peak.si(), 14 * kHour);
  ASSERT_EQ(fleet.groups.size(), 2U);
  EXPECT_DOUBLE_EQ(fleet.groups[0].share, 0.75) << "3 of 3 + 1";
  EXPECT_DOUBLE_EQ(fleet.groups[1].share, 0.25);
  EXPECT_DOUBLE_EQ(fleet.groups[1].output.p90, 20000);
  EXPECT_EQ(fleet.groups[1].output.max, 64000);
  EXPECT_EQ(fleet.batch_max, 128);
  EXPECT_EQ(fleet.prefill_tokens_max, 4096);
  EXPECT_DOUBLE_EQ(fleet.ttft_objective.si(), 1);
  EXPECT_DOUBLE_EQ(fleet.tpot_objective.si(), 0.05);
  EXPECT_THAT(life.requests, IsEmpty());
}

TEST(Life, HasOneEpochFromEachChangeOn) {
  const Scenario life = LoadRight("life");
  std::vector<double> hours;
  std::vector<double> nics;
  for (const Epoch& epoch : life.epochs) {
    hours.push_back(epoch.from.si() / kHour);
    nics.push_back(epoch.sites[0].server.nic_bandwidth.si());
  }
  EXPECT_THAT(hours, ElementsAre(0, 12, 24, 36, 42, 72));
  EXPECT_THAT(nics, ElementsAre(50e9, 50e9, 25e9, 12.5e9, 25e9, 50e9))
      << "the later change holds while it lasts, then the earlier one again";
  EXPECT_EQ(life.epochs[4].wans[0].bandwidth, BytesPerSecond(1.25e12));
  EXPECT_EQ(life.epochs[5].wans[0].bandwidth, BytesPerSecond(0.125e12));
  EXPECT_DOUBLE_EQ(life.epochs[4].sites[1].pue, 1.0);
  EXPECT_DOUBLE_EQ(life.epochs[5].sites[1].pue, 1.5);
  EXPECT_EQ(life.epochs[0].sites[1].power_cap, Watts(30e3));
  EXPECT_EQ(life.epochs[1].sites[1].power_cap, Watts(0)) << "undone: none again";
  EXPECT_EQ(life.sites[1].power_cap, Watts(30e3)) << "what holds at time zero";
}

TEST(Life, SaysWhatChanges) {
  const Scenario life = LoadRight("life");
  EXPECT_THAT(life.epochs[0].changes, ElementsAre("site[1].facility.power_cap: none -> 30 kW"));
  EXPECT_THAT(life.epochs[1].changes, ElementsAre("site[1].facility.power_cap: 30 kW -> none"));
  EXPECT_THAT(life.epochs[2].changes,
              ElementsAre("site[0].override.nic_bandwidth: 400 Gbps -> 200 Gbps"));
  EXPECT_THAT(life.epochs[3].changes,
              ElementsAre("site[0].override.nic_bandwidth: 200 Gbps -> 100 Gbps"));
  EXPECT_THAT(life.epochs[5].changes,
              ElementsAre("site[0].override.nic_bandwidth: 200 Gbps -> 400 Gbps",
                          "site[1].facility.pue: 1 -> 1.5", "wan[0].bandwidth: 10 Tbps -> 1 Tbps"));
}

TEST(Life, WithoutChangesIsOneEpoch) {
  const Scenario small = LoadRight("small", {"horizon=1 day", "job.pretraining.steps=10"});
  ASSERT_EQ(small.epochs.size(), 1U);
  EXPECT_THAT(small.epochs[0].changes, IsEmpty());
  EXPECT_EQ(small.epochs[0].sites.size(), 1U);
  EXPECT_THAT(LoadRight("small").epochs, IsEmpty()) << "and without a horizon there is none";
  EXPECT_THAT(small.jobs[0].sites, IsEmpty()) << "anywhere";
  EXPECT_THAT(LoadRight("small").jobs[0].sites, ElementsAre(0));
}

TEST(Life, HasItsOutages) {
  const std::vector<OutageSpec> outages = LoadRight("life").outages;
  ASSERT_EQ(outages.size(), 3U);
  EXPECT_EQ(outages[0].site, 0);
  EXPECT_EQ(outages[0].first_server, 4);
  EXPECT_EQ(outages[0].servers, 8);
  EXPECT_DOUBLE_EQ(outages[0].from.si(), 2 * kDay);
  EXPECT_DOUBLE_EQ(outages[0].until.si(), 50 * kHour);
  EXPECT_EQ(outages[0].wan, -1);
  EXPECT_EQ(outages[1].site, 1);
  EXPECT_EQ(outages[1].first_server, 1);
  EXPECT_EQ(outages[1].servers, 3) << "all from the first on";
  EXPECT_TRUE(std::isinf(outages[1].until.si()));
  EXPECT_EQ(outages[2].site, -1);
  EXPECT_EQ(outages[2].wan, 0);
}

// The loader asks for the policy by the name that the schema gives it.
TEST(Life, HasAPolicyForEachOneOfTheSchema) {
  const std::string proto = FileContents(GRIDLOCK_SOURCE_DIR "/proto/scenario.proto");
  const std::size_t begin = proto.find("enum SchedulerPolicy {");
  const std::string block = proto.substr(begin, proto.find('}', begin) - begin);
  const std::regex value("\n  ([A-Z_]+) = [1-9]");
  std::vector<std::string> in_schema, in_table;
  for (std::sregex_iterator i(block.begin(), block.end(), value), end; i != end; ++i) {
    in_schema.push_back((*i)[1]);
  }
  for (const Policy& policy : Policies()) {
    in_table.emplace_back(policy.name);
  }
  EXPECT_EQ(in_table, in_schema);
  EXPECT_GE(in_table.size(), 2U);
}

TEST(Life, CountsFailuresByAcceleratorToo) {
  const Scenario life = LoadRight("life", {"reliability.failure_rate=made_up_gpu"});
  EXPECT_DOUBLE_EQ(life.reliability.server_mtbf.si(), 1000.0 / 8 * kDay);
}

TEST(Life, HasKindsOfFailuresLemonsAndSpares) {
  const Scenario life = LoadRight("failures");
  const ReliabilitySpec& spec = life.reliability;
  ASSERT_EQ(spec.failures.size(), 2U);
  EXPECT_EQ(spec.failures[0].name, "made_up_gpu");
  EXPECT_EQ(spec.failures[0].unit, FailureUnit::kAccelerator) << "as its entry says";
  EXPECT_DOUBLE_EQ(spec.failures[0].mtbf.si(), 1000 * kDay);
  EXPECT_DOUBLE_EQ(spec.failures[0].repair_time.si(), 2 * kHour) << "of the reliability";
  EXPECT_EQ(spec.failures[1].takes, "run");
  EXPECT_EQ(spec.failures[1].unit, FailureUnit::kServer);
  EXPECT_DOUBLE_EQ(spec.failures[1].repair_time.si(), 3 * kHour);
  EXPECT_DOUBLE_EQ(spec.failures[1].detection_time.si(), 600);
  EXPECT_EQ(spec.lemon_share, 0.1);
  EXPECT_EQ(spec.lemon_failures, 0.5);
}

TEST(Life, HasItsPolicies) {
  const Scenario life = LoadRight("life");
  EXPECT_DOUBLE_EQ(life.reliability.server_mtbf.si(), 100 * kDay) << "of the catalogue";
  EXPECT_DOUBLE_EQ(life.reliability.repair_time.si(), 2 * kHour);
  EXPECT_DOUBLE_EQ(life.reliability.restart_time.si(), 600);
  EXPECT_TRUE(std::any_of(life.estimates.begin(), life.estimates.end(), [](const Estimate& each) {
    return each.kind == "failure_rate" && each.entry == "made_up_server" && each.field == "mtbf";
  }));
  EXPECT_EQ(life.scheduler, &PolicyNamed("BACKFILL"));
  EXPECT_DOUBLE_EQ(life.recording.interval.si(), 900);
  const Scenario small = LoadRight("small");
  EXPECT_EQ(small.scheduler, &PolicyNamed("FIFO"));
  EXPECT_EQ(small.reliability.server_mtbf, Seconds(0));
}

TEST(Life, SaysThatAJobStartsWhenAllIsOver) {
  setenv("GRIDLOCK_CATALOG", GRIDLOCK_SOURCE_DIR "/tests/fixtures/catalog", 1);
  const Scenario late = LoadScenario(GRIDLOCK_SOURCE_DIR "/tests/fixtures/right/life.textproto",
                                     {"job[0].start=99 days"});
  EXPECT_THAT(late.notes, Contains("job[0].start: 99 days is not before the horizon of 7 days: the "
                                   "job is never submitted"));
  EXPECT_THAT(LoadRight("life").notes, Not(Contains(HasSubstr("never submitted"))));
}

TEST(Life, StepOverTwoSitesNeedsNoHorizon) {
  const Scenario step = LoadRight("two_sites");
  EXPECT_EQ(step.horizon, Seconds(0));
  EXPECT_TRUE(step.jobs[0].spans);
  EXPECT_THAT(step.jobs[0].sites, ElementsAre(0, 1));
  EXPECT_NEAR(step.wans[0].latency.si(), 98e-6, 1e-12);
  EXPECT_THAT(step.notes, Contains("layout: 16 of 24 accelerators work, the others are idle"));
}

TEST(Life, WrittenOutIsReadBackAsTheSame) {
  for (const char* name : {"life", "two_sites"}) {
    const Scenario scenario = LoadRight(name);
    const Scenario again = LoadScenarioText("again", scenario.text, {});
    EXPECT_EQ(again.text, scenario.text);
    EXPECT_EQ(again.notes, scenario.notes);
    ASSERT_EQ(again.epochs.size(), scenario.epochs.size());
    for (std::size_t i = 0; i < again.epochs.size(); ++i) {
      EXPECT_EQ(again.epochs[i].changes, scenario.epochs[i].changes);
    }
    EXPECT_EQ(again.jobs.size(), scenario.jobs.size());
    EXPECT_EQ(again.outages.size(), scenario.outages.size());
  }
}

TEST(Life, OfManyChangesLoadsInTime) {
  // A price for every hour of a year: epochs are built from what holds, not from all that held.
  std::string text = LoadRight("small", {"horizon=365 days", "job.pretraining.steps=10"}).text;
  for (int hour = 0; hour < 365 * 24; ++hour) {
    text += "change { at: \"" + std::to_string(hour) +
            " h\" path: \"site[0].prices.electricity\" value: \"0." +
            std::to_string(10 + hour % 24) + "\" }\n";
  }
  const Scenario year = LoadScenarioText("year", text, {});
  ASSERT_EQ(year.epochs.size(), 365U * 24U);
  EXPECT_DOUBLE_EQ(year.epochs[25].sites[0].electricity_usd_per_kwh, 0.11);
}

}  // namespace
}  // namespace gridlock
