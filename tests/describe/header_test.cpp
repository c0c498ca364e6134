// The head of a run: what is known before its first step.

#include "sim/describe/header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

JobSpec Job(const std::string& name, std::vector<SiteIndex> sites) {
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
  scenario.jobs = {Job("main", {SiteIndex{0}, SiteIndex{1}}), Job("ladder", {SiteIndex{0}}),
                   Job("chat", {SiteIndex{1}})};
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
  scenario.notes = {"a note"};
  const auto estimate = [&](const std::string& field, Precision format, bool gemms) {
    Estimate& added = scenario.estimates.emplace_back();
    added.kind = "server";
    added.entry = "dgx_h100";
    added.field = field;
    added.read_by.format = format;
    added.read_by.gemms = gemms;
  };
  estimate("rate[FP8].gemm", Precision::kFp8, true);
  estimate("rate[FP4].gemm", Precision::kFp4, true);
  scenario.estimates.push_back({"server", "dgx_h100", "scale_out.latency", false, {}});
  scenario.estimates.back().read_by.steps_across_servers = true;
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
  const TraceHeader header = HeaderOf(TwoSites());
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

/// "ENTRY: FIELD" of those of the catalogue.
std::vector<std::string> LinesOf(const std::vector<InputNumber>& numbers) {
  std::vector<std::string> lines;
  for (const InputNumber& number : numbers) {
    if (number.entry != "serving") {
      lines.push_back(number.entry + ": " + number.field);
    }
  }
  return lines;
}

TEST(HeaderOfALife, HasTheEstimatesThatAnyOfItsJobsUses) {
  Scenario scenario = TwoSites();
  EXPECT_THAT(LinesOf(HeaderOf(scenario).estimates),
              ElementsAre("server dgx_h100: rate[FP8].gemm", "server dgx_h100: scale_out.latency"));
  scenario.jobs.pop_back();  // nothing runs in FP8
  EXPECT_THAT(LinesOf(HeaderOf(scenario).estimates),
              ElementsAre("server dgx_h100: scale_out.latency"));
  scenario.jobs.erase(scenario.jobs.begin());  // nothing leaves its server
  EXPECT_THAT(LinesOf(HeaderOf(scenario).estimates), ElementsAre());
}

TEST(HeaderOfALife, KeepsApartWhatTheUserGave) {
  Scenario scenario = TwoSites();
  scenario.estimates = {{"server", "own", "nics", true, {}}, {"server", "own", "power", false, {}}};
  EXPECT_THAT(LinesOf(HeaderOf(scenario).unsourced), ElementsAre("server own: nics"));
  EXPECT_THAT(LinesOf(HeaderOf(scenario).estimates), ElementsAre("server own: power"));
}

TEST(HeaderOfALife, HasAnEstimateOfABuildingThatAStepHasNot) {
  Scenario scenario = TwoSites();
  scenario.estimates = {{"building", "hall", "pue", false, {}}};
  scenario.estimates[0].read_by.lives = true;
  EXPECT_THAT(LinesOf(HeaderOf(scenario).estimates), ElementsAre("building hall: pue"));
  scenario.horizon = Seconds(0.0);
  EXPECT_THAT(LinesOf(HeaderOf(scenario).estimates), ElementsAre());
}

TEST(HeaderOfALife, NamesTheFirstJobsAndCountsTheRest) {
  Scenario scenario = TwoSites();
  for (int i = 0; i < 5000; ++i) {
    scenario.jobs.push_back(scenario.jobs[0]);
    scenario.jobs.back().name = "run-" + std::to_string(i);
  }
  const TraceHeader header = HeaderOf(scenario);
  EXPECT_LT(header.setup.size(), 20u);
  EXPECT_EQ(TextOf(header, "more jobs"), "4,991");
}

}  // namespace
}  // namespace gridlock
