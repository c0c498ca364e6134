// The head of a cluster's life, and what is left behind of it in a folder.

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "sim/record/life_record.h"
#include "sim/report/life_summary.h"
#include "tests/record/life_sample.h"

#include "tools/command.h"
#include "tools/setup.h"

namespace gridlock {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

SiteSpec Site(const std::string& name, int servers) {
  SiteSpec site;
  site.name = name;
  site.servers = servers;
  site.server.name = "dgx_h100";
  site.server.accelerators = 8;
  site.server.accelerator.name = "h100";
  return site;
}

PretrainingSpec Run(int data, Precision precision) {
  PretrainingSpec run;
  run.step.model.name = "llama";
  run.step.layout.data = data;
  run.step.precision = precision;
  run.steps = 1000;
  return run;
}

JobSpec Job(const std::string& name, std::vector<std::int32_t> sites) {
  JobSpec job;
  job.name = name;
  job.sites = std::move(sites);
  return job;
}

/// Two sites; pretraining of 16 accelerators in BF16, experiments of 8 in BF16, a fleet in FP8.
Scenario TwoSites() {
  Scenario scenario;
  scenario.name = "two sites";
  scenario.horizon = Seconds(86400.0);
  scenario.sites = {Site("north", 128), Site("south", 16)};
  scenario.sites[0].power_cap = Watts(1e6);
  scenario.wans = {{.path = "",
                    .from = 0,
                    .to = 1,
                    .bandwidth = BytesPerSecond(12.5e9),
                    .latency = Seconds(0.01)}};
  scenario.jobs = {Job("main", {0, 1}), Job("ladder", {0}), Job("chat", {1})};
  scenario.jobs[0].spans = true;
  scenario.jobs[0].kind = Run(16, Precision::kBf16);
  CampaignSpec campaign;
  campaign.experiments = 1;
  campaign.over = Seconds(3600.0);
  campaign.rungs = {Run(8, Precision::kBf16), Run(8, Precision::kBf16)};
  campaign.final_run = "main";
  scenario.jobs[1].kind = campaign;
  ServingSpec fleet;
  fleet.model.name = "llama";
  fleet.replicas = 4;
  fleet.tensor = 8;
  fleet.precision = Precision::kFp8;
  fleet.arrivals.requests_per_second = 12.5;
  scenario.jobs[2].kind = fleet;
  scenario.notes = {
      "a note", "server dgx_h100: estimates: rate[FP8].gemm, rate[FP4].gemm, scale_out.latency"};
  return scenario;
}

std::string TextOf(const TraceHeader& header, const std::string& name) {
  for (const SetupItem& item : header.setup) {
    if (item.name == name) {
      return item.text;
    }
  }
  return "no such item";
}

TEST(HeaderOfALife, DescribesEverySiteAndJob) {
  const TraceHeader header = HeaderOf(TwoSites(), "gridlock run x");
  EXPECT_EQ(header.machine,
            "north: 128 x dgx_h100, 8 x h100 each; south: 16 x dgx_h100, 8 x h100 each");
  EXPECT_THAT(TextOf(header, "site north"), HasSubstr("at most 1 MW, then accelerators slow down"));
  EXPECT_THAT(TextOf(header, "site south"), Not(HasSubstr("at most")));
  EXPECT_EQ(TextOf(header, "link north-south"), "100 Gbps in each direction, 10 ms");
  EXPECT_THAT(TextOf(header, "job main"),
              ::testing::AllOf(HasSubstr("pretraining of llama"), HasSubstr("1,000 steps"),
                               HasSubstr("on north and south")));
  EXPECT_EQ(TextOf(header, "job ladder"),
            "campaign of 1 experiment on 2 rungs within 60 min for main; on north");
  EXPECT_EQ(TextOf(header, "job chat"),
            "4 replicas of llama, tensor 8, fp8; 12.5 requests/s on average; on south");
  EXPECT_THAT(header.sizes, Contains(std::pair<std::string, std::int64_t>("accelerators", 1152)));
}

TEST(HeaderOfALife, HasTheEstimatesThatAnyOfItsJobsUses) {
  Scenario scenario = TwoSites();
  EXPECT_THAT(HeaderOf(scenario, "").estimates,
              ElementsAre("server dgx_h100: rate[FP8].gemm", "server dgx_h100: scale_out.latency"));
  scenario.jobs.pop_back();  // nothing runs in FP8
  EXPECT_THAT(HeaderOf(scenario, "").estimates, ElementsAre("server dgx_h100: scale_out.latency"));
  scenario.jobs.erase(scenario.jobs.begin());  // nothing leaves its server
  EXPECT_THAT(HeaderOf(scenario, "").estimates, ElementsAre());
}

TEST(HeaderOfALife, NamesTheFirstJobsAndCountsTheRest) {
  Scenario scenario = TwoSites();
  for (int i = 0; i < 5000; ++i) {
    scenario.jobs.push_back(scenario.jobs[0]);
    scenario.jobs.back().name = "run-" + std::to_string(i);
  }
  const TraceHeader header = HeaderOf(scenario, "");
  EXPECT_LT(header.setup.size(), 20u);
  EXPECT_EQ(TextOf(header, "more jobs"), "4,991");
  EXPECT_EQ(StepsOf(scenario).size(),
            4u);  // of main on either site, of an experiment, of a replica
}

TEST(ReportLife, LeavesATraceAndTheSummaryThatItPrints) {
  std::string folder = ::testing::TempDir() + "gridlock_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  ScenarioOptions options;
  options.format = "json";
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(ReportLife(options, LifeHeader(), folder, SmallLife(), 1.5), kSuccess);
  const std::string printed = ::testing::internal::GetCapturedStdout();
  std::ifstream file(folder + "/summary.json");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), printed);
  EXPECT_EQ(printed, LifeSummaryJson(LifeHeader(), SmallLife()));
  EXPECT_TRUE(std::filesystem::exists(folder + "/trace.h5"));
  options.format = "text";
  ::testing::internal::CaptureStdout();
  ReportLife(options, LifeHeader(), folder, SmallLife(), 1.5);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(),
              HasSubstr("simulated in 1.5 s of real time"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace gridlock
