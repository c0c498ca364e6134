// What a campaign is made of: shares, lengths, rounds and FLOP against what its description says.

#include "workloads/campaign.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "sim/base/check.h"
#include "tests/workloads/models.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

constexpr std::uint64_t kSeed = 11;

PretrainingSpec Rung(int accelerators, int layers, std::int64_t steps) {
  PretrainingSpec rung;
  rung.step = JobOn(Gpt(layers, 1024, 16));
  rung.step.path = "job[0].campaign.rung[0]";
  rung.step.layout.data = accelerators;
  rung.step.global_batch = accelerators;
  rung.steps = steps;
  return rung;
}

JobSpec Campaign(int experiments) {
  CampaignSpec spec;
  spec.experiments = experiments;
  spec.over = Seconds(1e6);
  spec.rungs = {Rung(8, 4, 1000), Rung(32, 8, 4000), Rung(128, 16, 10000)};
  JobSpec job;
  job.path = "job[0]";
  job.name = "ladder";
  job.tenant = "research";
  job.priority = 2;
  job.start = Seconds(500);
  job.sites = {SiteIndex{1}, SiteIndex{0}};
  job.kind = spec;
  return job;
}

CampaignSpec& SpecOf(JobSpec& campaign) {
  return std::get<CampaignSpec>(campaign.kind);
}

const PretrainingSpec& RunOf(const JobSpec& job) {
  return std::get<PretrainingSpec>(job.kind);
}

double TotalFlop(const std::vector<JobSpec>& jobs) {
  double sum = 0;
  for (const JobSpec& job : jobs) {
    sum += RunFlop(RunOf(job)).si();
  }
  return sum;
}

int Count(const std::vector<JobSpec>& jobs, const std::string& cohort) {
  return static_cast<int>(std::count_if(jobs.begin(), jobs.end(), [&](const JobSpec& job) {
    return job.cohort == cohort;
  }));
}

std::string ExperimentOf(const JobSpec& job) {
  return job.name.substr(0, job.name.find("/round-"));
}

TEST(Campaign, DrawsRungsByTheirAcceleratorsToTheMinusTail) {
  JobSpec campaign = Campaign(20000);
  SpecOf(campaign).tail = 0.7;
  std::map<int, double> seen;
  for (const JobSpec& job : BuildExperiments(campaign, Flop(0), kSeed)) {
    ++seen[RunOf(job).step.layout.accelerators()];
  }
  const double sum = std::pow(8, -0.7) + std::pow(32, -0.7) + std::pow(128, -0.7);
  double chi_square = 0;
  for (const int accelerators : {8, 32, 128}) {
    const double expected = 20000 * std::pow(accelerators, -0.7) / sum;
    chi_square += std::pow(seen[accelerators] - expected, 2) / expected;
  }
  EXPECT_LT(chi_square, 13.8);  // 2 degrees of freedom, 0.1 %
}

TEST(Campaign, LengthsAreLogNormalAroundTheStepsOfTheRung) {
  JobSpec campaign = Campaign(20000);
  SpecOf(campaign).length_sigma = 1.2;
  std::vector<double> logs;
  for (const JobSpec& job : BuildExperiments(campaign, Flop(0), kSeed)) {
    const auto& rungs = SpecOf(campaign).rungs;
    const int accelerators = RunOf(job).step.layout.accelerators();
    const auto rung = std::find_if(rungs.begin(), rungs.end(), [&](const PretrainingSpec& each) {
      return each.step.layout.accelerators() == accelerators;
    });
    logs.push_back(
        std::log(static_cast<double>(RunOf(job).steps) / static_cast<double>(rung->steps)));
  }
  // Kolmogorov and Smirnov: 1.95 / sqrt(n) is exceeded once in a thousand.
  std::sort(logs.begin(), logs.end());
  double distance = 0;
  const auto n = static_cast<double>(logs.size());
  for (std::size_t i = 0; i < logs.size(); ++i) {
    const double normal = 0.5 * std::erfc(-logs[i] / 1.2 / std::sqrt(2));
    distance = std::max(distance, std::abs(normal - (static_cast<double>(i) + 0.5) / n));
  }
  EXPECT_LT(distance, 1.95 / std::sqrt(n));
  // The heavy tail: one in a hundred is exp(2.326 sigma) = 16 times as long as the median.
  EXPECT_NEAR(logs[19800], 2.326 * 1.2, 0.15);
}

TEST(Campaign, WithoutSigmaAllLengthsAreThoseOfTheRung) {
  for (const JobSpec& job : BuildExperiments(Campaign(50), Flop(0), kSeed)) {
    const int accelerators = RunOf(job).step.layout.accelerators();
    EXPECT_EQ(RunOf(job).steps, accelerators == 8 ? 1000 : accelerators == 32 ? 4000 : 10000);
    EXPECT_EQ(RunOf(job).fails_at_step, 0);
  }
}

TEST(Campaign, ExperimentsAreSubmittedUniformlyOverItsTimeAndInOrder) {
  const std::vector<JobSpec> jobs = BuildExperiments(Campaign(10000), Flop(0), kSeed);
  ASSERT_EQ(jobs.size(), 10000U);
  double distance = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_TRUE(i == 0 || jobs[i - 1].start <= jobs[i].start);
    const double place = (jobs[i].start.si() - 500) / 1e6;
    distance = std::max(distance, std::abs(place - (static_cast<double>(i) + 0.5) / 1e4));
    EXPECT_EQ(jobs[i].tenant, "research");
    EXPECT_EQ(jobs[i].priority, 2);
    EXPECT_EQ(jobs[i].sites, (std::vector<SiteIndex>{{1}, {0}}));
    EXPECT_EQ(jobs[i].cohort + jobs[i].after_cohort, "");
  }
  EXPECT_LT(distance, 1.95 / std::sqrt(1e4));
}

TEST(Campaign, TheFailingShareFailsAtAUniformPlace) {
  JobSpec campaign = Campaign(20000);
  SpecOf(campaign).failing_share = 0.4;
  double failing = 0, places = 0;
  for (const JobSpec& job : BuildExperiments(campaign, Flop(0), kSeed)) {
    if (RunOf(job).fails_at_step > 0) {
      EXPECT_LE(RunOf(job).fails_at_step, RunOf(job).steps);
      ++failing;
      places += (static_cast<double>(RunOf(job).fails_at_step) - 0.5) /
                static_cast<double>(RunOf(job).steps);
    }
  }
  EXPECT_NEAR(failing, 8000, 3.3 * std::sqrt(20000 * 0.4 * 0.6));
  EXPECT_NEAR(places / failing, 0.5, 3.3 * std::sqrt(1 / 12.0 / failing));
}

TEST(Campaign, EachRoundKeepsTheCeilingOfItsShareAndGrowsTheLength) {
  JobSpec campaign = Campaign(50);
  SpecOf(campaign).rungs = {Rung(8, 4, 9000)};
  SpecOf(campaign).halving = {3, 0.3, 3};
  const std::vector<JobSpec> jobs = BuildExperiments(campaign, Flop(0), kSeed);
  EXPECT_EQ(Count(jobs, "ladder/round-1"), 50);
  EXPECT_EQ(Count(jobs, "ladder/round-2"), 15);
  EXPECT_EQ(Count(jobs, "ladder/round-3"), 5);
  EXPECT_EQ(jobs.size(), 70U);
  for (const JobSpec& job : jobs) {
    const char round = job.name.back();
    EXPECT_EQ(job.name.substr(job.name.size() - 8, 7), "/round-");
    EXPECT_EQ(job.after_cohort,
              round == '1' ? "" : std::string("ladder/round-") + static_cast<char>(round - 1));
    EXPECT_EQ(RunOf(job).steps, round == '1' ? 1000 : round == '2' ? 2000 : 6000);
  }
}

TEST(Campaign, TheCohortOfTheCampaignIsItsLastRound) {
  JobSpec campaign = Campaign(8);
  campaign.cohort = "before-final";
  campaign.after_cohort = "data";
  EXPECT_EQ(Count(BuildExperiments(campaign, Flop(0), kSeed), "before-final"), 8);
  SpecOf(campaign).halving = {2, 0.5, 2};
  const std::vector<JobSpec> jobs = BuildExperiments(campaign, Flop(0), kSeed);
  EXPECT_EQ(Count(jobs, "ladder/round-1"), 8);
  EXPECT_EQ(Count(jobs, "before-final"), 4);
  for (const JobSpec& job : jobs) {
    EXPECT_EQ(job.after_cohort, job.cohort == "ladder/round-1" ? "data" : "ladder/round-1");
  }
}

TEST(Campaign, WhoGoesOnIsDrawnAndNotTheFirst) {
  JobSpec campaign = Campaign(1000);
  SpecOf(campaign).halving = {2, 0.5, 2};
  double first_half = 0;
  for (const JobSpec& job : BuildExperiments(campaign, Flop(0), kSeed)) {
    first_half += job.cohort == "ladder/round-2" && ExperimentOf(job) <= "ladder/experiment-0500";
  }
  EXPECT_NEAR(first_half, 250, 3.3 * std::sqrt(1000 / 16.0));  // hypergeometric
}

TEST(Campaign, WhoFailsDoesNotGoOn) {
  JobSpec campaign = Campaign(300);
  SpecOf(campaign).halving = {3, 0.9, 2};
  SpecOf(campaign).failing_share = 0.6;
  const std::vector<JobSpec> jobs = BuildExperiments(campaign, Flop(0), kSeed);
  std::map<std::string, int> failed_in;
  int failed = 0, survived = 0;
  for (const JobSpec& job : jobs) {
    if (RunOf(job).fails_at_step > 0) {
      EXPECT_EQ(failed_in[ExperimentOf(job)], 0);
      failed_in[ExperimentOf(job)] = job.name.back() - '0';
      ++failed;
      survived += job.cohort == "ladder/round-1" ? 0 : 1;
    }
  }
  for (const JobSpec& job : jobs) {
    const int round = failed_in[ExperimentOf(job)];
    EXPECT_TRUE(round == 0 || job.name.back() - '0' <= round) << job.name;
  }
  EXPECT_GT(failed, 60);
  EXPECT_GT(survived, 20);
}

TEST(Campaign, ScalesAllLengthsByOneFactorToItsComputeWithFailuresAndHalving) {
  JobSpec campaign = Campaign(500);
  SpecOf(campaign).length_sigma = 1;
  SpecOf(campaign).failing_share = 0.4;
  SpecOf(campaign).halving = {3, 0.5, 2};
  const std::vector<JobSpec> drawn = BuildExperiments(campaign, Flop(0), kSeed);
  const double final_run = 3 * TotalFlop(drawn);
  for (const double compute : {0.05, 1.7}) {
    SpecOf(campaign).compute = compute;
    const std::vector<JobSpec> jobs = BuildExperiments(campaign, Flop(final_run), kSeed);
    EXPECT_NEAR(TotalFlop(jobs) / final_run, compute, 0.01 * compute);
    ASSERT_EQ(jobs.size(), drawn.size());
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      EXPECT_EQ(jobs[j].name, drawn[j].name);
      const double factor = compute * final_run / TotalFlop(drawn);
      const double steps = factor * static_cast<double>(RunOf(drawn[j]).steps);
      EXPECT_NEAR(static_cast<double>(RunOf(jobs[j]).steps), steps, 0.01 * steps + 2 + factor);
      EXPECT_EQ(RunOf(jobs[j]).fails_at_step > 0, RunOf(drawn[j]).fails_at_step > 0);
    }
  }
}

TEST(Campaign, FlopOfARunAreThoseOfItsWholeSteps) {
  PretrainingSpec run = Rung(8, 4, 100);
  EXPECT_EQ(RunFlop(run), 100 * ModelFlop(run.step));
  run.fails_at_step = 31;
  EXPECT_EQ(RunFlop(run), 30 * ModelFlop(run.step));
}

TEST(Campaign, WithLessComputeThanOneStepEachIsRefused) {
  JobSpec campaign = Campaign(100);
  SpecOf(campaign).compute = 1;
  try {
    BuildExperiments(campaign, 10 * ModelFlop(SpecOf(campaign).rungs[0].step), kSeed);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.problems().at(0).path, "job[0].campaign.compute");
  }
  SpecOf(campaign).rungs[1].steps = 0;
  EXPECT_THROW(BuildExperiments(campaign, Flop(1e30), kSeed), UserError);
}

RC_GTEST_PROP(Campaign, OneExperimentMoreLeavesTheOthersAndTheSameSeedGivesTheSame, ()) {
  const int experiments = *rc::gen::inRange(1, 60);
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  JobSpec campaign = Campaign(experiments);
  SpecOf(campaign).length_sigma = 1;
  SpecOf(campaign).failing_share = 0.5;
  const auto describe = [](const JobSpec& job) {
    return std::tuple(job.name, job.start, RunOf(job).step.layout.data, RunOf(job).steps,
                      RunOf(job).fails_at_step);
  };
  using Description = decltype(describe(campaign));
  std::set<Description> before, again, after;
  for (const JobSpec& job : BuildExperiments(campaign, Flop(0), seed)) {
    before.insert(describe(job));
  }
  for (const JobSpec& job : BuildExperiments(campaign, Flop(0), seed)) {
    again.insert(describe(job));
  }
  SpecOf(campaign).experiments += 1;
  for (const JobSpec& job : BuildExperiments(campaign, Flop(0), seed)) {
    after.insert(describe(job));
  }
  RC_ASSERT(before.size() == static_cast<std::size_t>(experiments));
  RC_ASSERT(again == before);
  RC_ASSERT(std::includes(after.begin(), after.end(), before.begin(), before.end()));
  RC_ASSERT(after.size() == before.size() + 1);
}

}  // namespace

}  // namespace gridlock
