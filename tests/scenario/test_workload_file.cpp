// Workload files: what is written is read as the same, and what is damaged is refused with its
// place.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/scenario/workload_file.h"
#include "tests/fixture_files.h"
#include "workloads/campaign.h"
#include "workloads/transformer.h"

namespace gridlock {
namespace {

namespace fs = std::filesystem;

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Contents(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A folder with the scenario of a life, and one that takes its workload from `jobs`.
class WorkloadFile : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("GRIDLOCK_CATALOG", (kFixtures + "/catalog").c_str(), 1);
    folder_ = fs::path(::testing::TempDir()) /
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::create_directories(folder_);
    life_ = LoadScenario(kFixtures + "/right/life.textproto", {});
  }

  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string In(const std::string& name) const { return (folder_ / name).string(); }

  /// Two experiments, one of which fails, both with starts that no short decimal is.
  [[nodiscard]] std::vector<JobSpec> Experiments() const {
    const auto& campaign = std::get<CampaignSpec>(life_.jobs[2].kind);
    std::vector<JobSpec> jobs(2, life_.jobs[2]);
    jobs[0].name = "ablations/experiment-0001";
    jobs[0].origin = {"ablations", 0, 1};
    jobs[0].start = Seconds(86400.0 / 7.0);
    jobs[0].cohort = "ablations/round-1";
    PretrainingSpec run = campaign.rungs[0];
    run.steps = 417;
    run.fails_at_step = 33;
    jobs[0].kind = run;
    jobs[1].name = "ablations/experiment-0002";
    jobs[1].origin = {"ablations", 1, 2};
    jobs[1].start = Seconds(1e-7 / 3.0);
    jobs[1].cohort = "ablations/round-2";
    jobs[1].after_cohort = "ablations/round-1";
    jobs[1].tenant = "research";
    jobs[1].priority = 2;
    jobs[1].kind = campaign.rungs[1];
    return jobs;
  }

  [[nodiscard]] static std::vector<Request> Requests() {
    return {{Seconds(0), 0, 0, 1, 1},
            {Seconds(100.0 / 3.0), 0.1, 1, 12345, 678},
            {Seconds(100.0 / 3.0), 0x1.fffffffffffffp-1, 0, 7, 64000}};
  }

  void Write(const std::string& file, WorkloadFormat format) const {
    WorkloadWriter writer(In(file), format, life_, {"ablations", "chat"});
    for (const JobSpec& job : Experiments()) {
      writer.Add(job);
    }
    for (const Request& request : Requests()) {
      writer.Add("chat", request);
    }
    writer.Finish();
  }

  [[nodiscard]] Scenario LoadWith(const std::string& file) const {
    std::ofstream(In("with.textproto")) << life_.text << "workload: \"" << file << "\"\n";
    return LoadScenario(In("with.textproto"), {});
  }

  [[nodiscard]] std::vector<std::string> Refusals(const std::string& file) const {
    std::vector<std::string> messages;
    try {
      (void)LoadWith(file);
      ADD_FAILURE() << file << " was accepted";
    } catch (const UserError& error) {
      for (const Problem& problem : error.problems()) {
        const std::string& text = problem.message;
        messages.push_back(text.substr(text.find(file)));
      }
    }
    return messages;
  }

  fs::path folder_;
  Scenario life_;
};

void ExpectSameStep(const TrainingSpec& a, const TrainingSpec& b) {
  EXPECT_EQ(a.model.name, b.model.name);
  EXPECT_EQ(a.stack.name, b.stack.name);
  EXPECT_EQ(a.stack.overlap_gradients, b.stack.overlap_gradients);
  EXPECT_EQ(a.stack.overlap_parameters, b.stack.overlap_parameters);
  EXPECT_EQ(a.stack.tensor_overlap, b.stack.tensor_overlap);
  EXPECT_EQ(a.layout.tensor, b.layout.tensor);
  EXPECT_EQ(a.layout.context, b.layout.context);
  EXPECT_EQ(a.layout.pipeline, b.layout.pipeline);
  EXPECT_EQ(a.layout.virtual_pipeline, b.layout.virtual_pipeline);
  EXPECT_EQ(a.layout.data, b.layout.data);
  EXPECT_EQ(a.layout.shard_group, b.layout.shard_group);
  EXPECT_EQ(a.layout.rank_order, b.layout.rank_order);
  EXPECT_EQ(a.global_batch, b.global_batch);
  EXPECT_EQ(a.micro_batch, b.micro_batch);
  EXPECT_EQ(a.sequence_length, b.sequence_length);
  EXPECT_EQ(a.precision, b.precision);
  EXPECT_EQ(a.zero, b.zero);
  EXPECT_EQ(a.recompute, b.recompute);
}

void ExpectSame(const JobSpec& a, const JobSpec& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.origin.campaign, b.origin.campaign);
  EXPECT_EQ(a.origin.rung, b.origin.rung);
  EXPECT_EQ(a.origin.round, b.origin.round);
  EXPECT_EQ(a.tenant, b.tenant);
  EXPECT_EQ(a.priority, b.priority);
  EXPECT_EQ(a.start, b.start) << "to the last bit";
  EXPECT_EQ(a.sites, b.sites);
  EXPECT_EQ(a.cohort, b.cohort);
  EXPECT_EQ(a.after_cohort, b.after_cohort);
  const auto& run = std::get<PretrainingSpec>(a.kind);
  const auto& other = std::get<PretrainingSpec>(b.kind);
  EXPECT_EQ(run.steps, other.steps);
  EXPECT_EQ(run.fails_at_step, other.fails_at_step);
  EXPECT_EQ(run.checkpoint_interval, other.checkpoint_interval);
  ExpectSameStep(run.step, other.step);
}

TEST_F(WorkloadFile, IsReadAsWhatWasWrittenInBothForms) {
  Write("jobs.pb", WorkloadFormat::kBinary);
  Write("jobs.textproto", WorkloadFormat::kText);
  for (const char* file : {"jobs.pb", "jobs.textproto"}) {
    const Scenario scenario = LoadWith(file);
    const std::vector<JobSpec> experiments = Experiments();
    ASSERT_EQ(scenario.jobs.size(), life_.jobs.size() + experiments.size());
    for (std::size_t i = 0; i < experiments.size(); ++i) {
      ExpectSame(scenario.jobs[life_.jobs.size() + i], experiments[i]);
    }
    EXPECT_EQ(scenario.jobs.back().path, "job[5]");
    ASSERT_EQ(scenario.requests.count({3}), 1U);
    const std::vector<Request>& requests = scenario.requests.at({3});
    ASSERT_EQ(requests.size(), Requests().size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(requests[i].arrival, Requests()[i].arrival);
      EXPECT_EQ(requests[i].route, Requests()[i].route);
      EXPECT_EQ(requests[i].group, Requests()[i].group);
      EXPECT_EQ(requests[i].prompt_tokens, Requests()[i].prompt_tokens);
      EXPECT_EQ(requests[i].output_tokens, Requests()[i].output_tokens);
    }
  }
}

TEST_F(WorkloadFile, HoldsTheExperimentsOfAWholeCampaign) {
  const auto& final_run = std::get<PretrainingSpec>(life_.jobs[0].kind);
  const Flop final_flop = ModelFlop(final_run.step) * static_cast<double>(final_run.steps);
  const std::vector<JobSpec> built = BuildExperiments(life_.jobs[2], final_flop, life_.seed);
  ASSERT_GE(built.size(), 12U);
  {
    WorkloadWriter writer(In("all.pb"), WorkloadFormat::kBinary, life_, {"ablations"});
    for (const JobSpec& job : built) {
      writer.Add(job);
    }
    writer.Finish();
  }
  const Scenario scenario = LoadWith("all.pb");
  ASSERT_EQ(scenario.jobs.size(), life_.jobs.size() + built.size());
  for (std::size_t i = 0; i < built.size(); ++i) {
    ExpectSame(scenario.jobs[life_.jobs.size() + i], built[i]);
  }
}

TEST_F(WorkloadFile, StandsForWhatItWasGeneratedFrom) {
  Write("jobs.pb", WorkloadFormat::kBinary);
  const Scenario scenario = LoadWith("jobs.pb");
  EXPECT_TRUE(std::get<CampaignSpec>(scenario.jobs[2].kind).expanded);
  EXPECT_THAT(scenario.notes, Contains(HasSubstr("jobs.pb: 2 jobs and 3 requests, generated from "
                                                 "\"life\" with seed 7")));
  {
    WorkloadWriter writer(In("few.pb"), WorkloadFormat::kBinary, life_, {"chat"});
    writer.Finish();
  }
  const Scenario few = LoadWith("few.pb");
  EXPECT_FALSE(std::get<CampaignSpec>(few.jobs[2].kind).expanded);
  ASSERT_EQ(few.requests.count({3}), 1U) << "listed: no requests is all of them";
  EXPECT_TRUE(few.requests.at({3}).empty());
}

TEST_F(WorkloadFile, KnowsWhereItsJobsStand) {
  Write("jobs.pb", WorkloadFormat::kBinary);
  Write("jobs.textproto", WorkloadFormat::kText);
  EXPECT_EQ(LoadWith("jobs.pb").sources.Where("job[4].pretraining.layout"),
            In("jobs.pb") + ":item 2");
  EXPECT_EQ(LoadWith("jobs.textproto").sources.Where("job[4].pretraining.layout"),
            In("jobs.textproto") + ":11:3");
}

TEST_F(WorkloadFile, IsTheSameFileTwice) {
  Write("a.pb", WorkloadFormat::kBinary);
  Write("b.pb", WorkloadFormat::kBinary);
  EXPECT_EQ(Contents(In("a.pb")), Contents(In("b.pb")));
}

TEST_F(WorkloadFile, CutAnywhereIsRefused) {
  Write("whole.pb", WorkloadFormat::kBinary);
  const std::string whole = Contents(In("whole.pb"));
  // Every fourth place, to be quick: items are longer.
  for (std::size_t size = 0; size < whole.size(); size += 4) {
    std::ofstream(In("cut.pb"), std::ios::binary) << whole.substr(0, size);
    EXPECT_THAT(Refusals("cut.pb"), Contains(HasSubstr("cut.pb:"))) << size;
  }
  // The header takes 30 bytes with its length; the first job begins behind it.
  std::ofstream(In("cut.pb"), std::ios::binary) << whole.substr(0, 60);
  EXPECT_THAT(Refusals("cut.pb"),
              ElementsAre("cut.pb:item 2: the item that begins at byte 30 is cut off or damaged; "
                          "expected a whole file, as gridlock generate writes it"));
}

TEST_F(WorkloadFile, WithAnyByteChangedIsRefused) {
  Write("whole.pb", WorkloadFormat::kBinary);
  const std::string whole = Contents(In("whole.pb"));
  for (std::size_t at = 0; at < whole.size(); at += 4) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    std::ofstream(In("damaged.pb"), std::ios::binary) << damaged;
    EXPECT_THAT(Refusals("damaged.pb"), Contains(HasSubstr("damaged.pb"))) << at;
  }
}

TEST_F(WorkloadFile, IsPublishedWholeOrNotAtAll) {
  {
    WorkloadWriter writer(In("jobs.pb"), WorkloadFormat::kBinary, life_, {"chat"});
    writer.Add("chat", Requests()[0]);
    EXPECT_TRUE(fs::exists(In("jobs.pb.part")));
  }
  EXPECT_FALSE(fs::exists(In("jobs.pb.part")));
  EXPECT_FALSE(fs::exists(In("jobs.pb")));
  EXPECT_THROW(WorkloadWriter(In("no/such/jobs.pb"), WorkloadFormat::kBinary, life_, {"chat"}),
               IoError);
}

TEST_F(WorkloadFile, IsNamedRelativeToTheScenarioThatNamesIt) {
  fs::create_directories(In("part"));
  Write("part/jobs.pb", WorkloadFormat::kBinary);
  std::ofstream(In("part/life.textproto")) << life_.text << "workload: \"jobs.pb\"\n";
  std::ofstream(In("outer.textproto")) << "include: \"part/life.textproto\"\nname: \"outer\"\n";
  const Scenario outer = LoadScenario(In("outer.textproto"), {});
  EXPECT_EQ(outer.jobs.size(), 6U);
  EXPECT_THAT(outer.text, HasSubstr("workload: \"part/jobs.pb\""));
}

}  // namespace
}  // namespace gridlock
