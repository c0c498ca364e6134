// A job across sites: closed forms of what crosses the wide-area link, conservation, and folded
// against full.

#include <gtest/gtest.h>

#include "sim/base/check.h"
#include "sim/plan/fold.h"
#include "tests/clos_of.h"
#include "tests/engine/machines.h"
#include "topologies/network.h"
#include "workloads/memory.h"

namespace gridlock {

namespace {

using ActionKind = Action::Kind;

constexpr double kWan = 10e9;      ///< byte/s
constexpr double kFibre = 4.9e-3;  ///< s, of 1,000 km
constexpr double kMessage = 1e9;

WanSpec WanOf(int from, int to, double bandwidth = kWan) {
  WanSpec wan;
  wan.path = "wan";
  wan.from = {from};
  wan.to = {to};
  wan.bandwidth = BytesPerSecond(bandwidth);
  wan.latency = Seconds(kFibre);
  return wan;
}

std::vector<WanSpec> RingOf(int sites) {
  std::vector<WanSpec> wans;
  for (int i = 0; i < sites; ++i) {
    if (i == 0 || sites > 2 || i + 1 < sites) {
      wans.push_back(WanOf(i, (i + 1) % sites));
    }
  }
  if (sites == 2) {
    wans.resize(1);
  }
  return wans;
}

// Every shard is summed over the sites, on `servers` servers of one accelerator at each.
Play SumOverSites(int sites, int servers) {
  Layout layout;
  layout.data = sites * servers;
  layout.shard_group = servers;
  StepProgram program;
  program.grid = GridOf(layout);
  program.families = TrainingFamilies(layout);
  program.collectives = {
      {"all_reduce", training_group::kReplica, CollectiveKind::kAllReduce, Bytes(kMessage)}};
  program.roles = {{{ActionKind::kStart}, {ActionKind::kWait}}};
  const SiteSpec site = OneLeafSite(IdealServer(1, 1), servers);
  const Network network(std::vector<SiteSpec>(sites, site), RingOf(sites));
  Placement placement;
  for (int s = 0; s < sites; ++s) {
    placement.push_back({s, 0, servers});
  }
  return {program, Expand({{&program, placement}}, network), site.server};
}

Scenario TwoSites(const SiteSpec& site, const TrainingSpec& job, double wan = kWan) {
  Scenario scenario = ScenarioOf(site, job);
  scenario.sites.push_back(site);
  scenario.sites[0].name = "north";
  scenario.sites[1].name = "south";
  scenario.wans = {WanOf(0, 1, wan)};
  scenario.jobs[0].spans = true;
  scenario.jobs[0].sites = {SiteIndex{0}, SiteIndex{1}};
  return scenario;
}

TrainingSpec JobOf(int tensor, int pipeline, int data, int zero) {
  Layout layout;
  layout.tensor = tensor;
  layout.pipeline = pipeline;
  layout.data = data;
  TrainingSpec job = SmallJob(layout, 4 * pipeline);
  job.zero = zero;
  job.stack.gradient_bucket = Bytes(20e6);
  return job;
}

double GradientBytes(const TrainingSpec& job, const ServerSpec& server) {
  const TrainingSpec spanning = AcrossSites(job, 2);
  const StepProgram program = BuildStepProgram(spanning, server);
  double bytes = 0;
  for (const Collective& collective : program.collectives) {
    bytes += collective.family == training_group::kReplica ? collective.payload.si() : 0.0;
  }
  return bytes * job.layout.tensor * spanning.layout.shards();
}

std::string ProblemOf(const Scenario& scenario) {
  try {
    CheckScenario(scenario, Fidelity::kFolded);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

// Two copies of eight replicas; four ranks share the experts, so that two of a copy share each.
TEST(ShardGroups, SumTheShardsOfExpertsOverTheirCopies) {
  TrainingSpec job = JobOf(1, 1, 16, 1);
  job.model.mixture.experts = 8;
  job.model.mixture.experts_per_token = 2;
  job.model.mixture.expert_ffn = 2048;
  job.layout.expert = 4;
  job.layout.shard_group = 8;
  EXPECT_EQ(job.layout.expert_shards(), 2);
  double scattered = 0, summed = 0;
  for (const Collective& collective : BuildStepProgram(job, RealisticServer(8, 8)).collectives) {
    const double bytes = collective.payload.si();
    scattered += collective.name == "expert_gradient_reduce_scatter" ? bytes : 0;
    summed += collective.name == "expert_gradient_shard_all_reduce" ? bytes : 0;
  }
  EXPECT_GT(scattered, 0);
  EXPECT_DOUBLE_EQ(summed, scattered / 2);
  // A rank holds what it would if there were one copy.
  TrainingSpec one = job;
  one.layout.data = 8;
  one.layout.shard_group = 0;
  one.global_batch = job.global_batch / 2;
  EXPECT_EQ(MemoryOfStage(job, 0).optimizer, MemoryOfStage(one, 0).optimizer);
}

TEST(ASumOverTwoSites, TakesItsBytesOverTheWanAndTwiceTheFibre) {
  const TierTable tiers = TiersOfClos();
  for (const int servers : {1, 2, 6}) {
    const PlayResult outcome = Simulate(SumOverSites(2, servers));
    const double moving = servers * kMessage / kWan;
    EXPECT_NEAR(outcome.end, moving + 2 * kFibre, 1e-6 * outcome.end);
    EXPECT_NEAR(outcome.path[tiers.wan().value], moving, 1e-6 * outcome.end);
    EXPECT_NEAR(outcome.path[Cause::kLatency.Position(tiers)], 2 * kFibre, 1e-6 * outcome.end);
    EXPECT_NEAR(outcome.bytes[tiers.wan().value], 2 * servers * kMessage, 1e-6 * kMessage);
  }
}

TEST(ASumOverThreeSites, PaysFourStepsOfFibreAndFourThirdsOfItsBytes) {
  const PlayResult outcome = Simulate(SumOverSites(3, 2));
  EXPECT_NEAR(outcome.end, 2 * (4.0 / 3) * kMessage / kWan + 4 * kFibre, 1e-6 * outcome.end);
}

TEST(ASumOverTwoSites, FoldsToOneReplica) {
  Play full = SumOverSites(2, 6);
  Play folded = full;
  folded.plan = Fold(full.plan);
  EXPECT_EQ(folded.plan.agents.size(), 1U);
  EXPECT_EQ(folded.plan.groups.size(), 1U);
  const auto outcomes = Simulate({full, folded});
  EXPECT_NEAR(outcomes[1].end, outcomes[0].end, 1e-6 * outcomes[0].end);
}

TEST(AcrossSites, KeepsShardedCopiesWithinASite) {
  EXPECT_EQ(AcrossSites(JobOf(1, 1, 8, 1), 2).layout.sharing_replicas(), 4);
  TrainingSpec grouped = JobOf(1, 1, 8, 1);
  grouped.layout.shard_group = 2;
  EXPECT_EQ(AcrossSites(grouped, 2).layout.sharing_replicas(), 2);
  grouped.layout.shard_group = 8;
  EXPECT_THROW(AcrossSites(grouped, 2), UserError);
  EXPECT_THROW(AcrossSites(JobOf(1, 1, 7, 1), 2), UserError);
  // Experts over several ranks stay within one site.
  TrainingSpec experts = JobOf(1, 1, 8, 1);
  experts.model.mixture = {.experts = 4, .experts_per_token = 1, .expert_ffn = 1024};
  EXPECT_NO_THROW(AcrossSites(experts, 2));
  experts.layout.expert = 2;
  EXPECT_THROW(AcrossSites(experts, 2), UserError);
}

struct Spanning {
  const char* name;
  int tensor, pipeline, data, zero;
  double leaf_over;
};

std::ostream& operator<<(std::ostream& out, const Spanning& spanning) {
  return out << spanning.name;
}

class AJobOfTwoSites : public testing::TestWithParam<Spanning> {
 protected:
  [[nodiscard]] static TrainingSpec TheJob() {
    return JobOf(GetParam().tensor, GetParam().pipeline, GetParam().data, GetParam().zero);
  }

  [[nodiscard]] static SiteSpec Site() {
    SiteSpec site = ClosSite(RealisticServer(4, 4), {.servers = 4,
                                                     .servers_per_leaf = 2,
                                                     .leaves_per_pod = 2,
                                                     .leaf_over = GetParam().leaf_over});
    ClosOf(site).spine.port_bandwidth = BytesPerSecond(kNic / 8);
    return site;
  }
};

TEST_P(AJobOfTwoSites, FoldedTakesWhatItTakesInFull) {
  const Scenario scenario = TwoSites(Site(), TheJob());
  const auto records = Evaluate({{scenario, Fidelity::kFull},
                                 {scenario, Fidelity::kFolded},
                                 {scenario, Fidelity::kAnalytic}});
  const double step = records[0].step_time.si();
  EXPECT_NEAR(records[1].step_time.si(), step, 1e-6 * step);
  EXPECT_NEAR(ShareOf(records[1], "wan"), ShareOf(records[0], "wan"), 1e-6 * step);
  EXPECT_LE(records[2].step_time.si(), step * (1 + 1e-9));
  EXPECT_GT(ShareOf(records[0], "wan"), 0.05 * step);
}

TEST_P(AJobOfTwoSites, SendsEachGradientOnceInEachDirection) {
  const SiteSpec site = Site();
  const double wire =
      GradientBytes(TheJob(), site.server) / site.server.scale_out.all_reduce_efficiency;
  const StepRecord record = Evaluate(TwoSites(site, TheJob()), Fidelity::kFolded);
  EXPECT_NEAR(TotalOf(record, "wan"), 2 * wire, 1e-6 * wire);
  EXPECT_EQ(SeriesOf(record, "wan").members, 2);
}

TEST_P(AJobOfTwoSites, IsFasterWithMoreWan) {
  const auto records = Evaluate({{TwoSites(Site(), TheJob(), kWan), Fidelity::kFolded},
                                 {TwoSites(Site(), TheJob(), 2 * kWan), Fidelity::kFolded}});
  EXPECT_LT(records[1].step_time.si(), records[0].step_time.si());
}

INSTANTIATE_TEST_SUITE_P(Layouts, AJobOfTwoSites,
                         testing::Values(Spanning{"Data32", 1, 1, 32, 1, 1},
                                         Spanning{"NothingSharded", 1, 1, 32, 0, 1},
                                         Spanning{"Tensor4", 4, 1, 8, 1, 8},
                                         Spanning{"Pipeline2", 2, 2, 8, 2, 8},
                                         Spanning{"ParametersSharded", 1, 1, 32, 3, 8},
                                         Spanning{"OneReplicaASite", 4, 4, 2, 0, 8}),
                         [](const auto& named) {
                           return testing::PrintToString(named.param);
                         });

TEST(AJobAcrossSites, OverHashedRoutesOfThreeTiersFoldsToo) {
  SiteSpec site = ClosSite(RealisticServer(4, 4), {.servers = 6,
                                                   .servers_per_leaf = 2,
                                                   .leaves_per_pod = 2,
                                                   .tiers = 3,
                                                   .leaf_over = 2,
                                                   .spine_over = 2,
                                                   .routing = Routing::kEcmp});
  const Scenario scenario = TwoSites(site, JobOf(2, 2, 10, 1));
  const auto records = Evaluate({{scenario, Fidelity::kFull}, {scenario, Fidelity::kFolded}});
  const double step = records[0].step_time.si();
  EXPECT_NEAR(records[1].step_time.si(), step, 1e-6 * step);
}

TEST(AJobAcrossSites, IsRefusedWhereNoLinkJoinsThem) {
  Scenario scenario = TwoSites(OneLeafSite(IdealServer(4, 4), 2), JobOf(1, 1, 16, 1));
  EXPECT_EQ(ProblemOf(scenario), "");
  scenario.wans.clear();
  const std::string problem = ProblemOf(scenario);
  EXPECT_NE(problem.find("north and south"), std::string::npos) << problem;
}

TEST(AJobAcrossSites, IsRefusedWhereItsShareDoesNotFit) {
  const std::string problem =
      ProblemOf(TwoSites(OneLeafSite(IdealServer(4, 4), 2), JobOf(1, 1, 18, 1)));
  EXPECT_NE(problem.find("9 accelerators of each site"), std::string::npos) << problem;
}

TEST(AJobAcrossSites, MovesAtThePaceOfTheSlowerSite) {
  const SiteSpec site = OneLeafSite(IdealServer(4, 4), 2);
  const TrainingSpec job = JobOf(1, 1, 16, 1);
  Scenario slower_south = TwoSites(site, job, 1e15);
  SiteSpec slow = site;
  for (MatrixRate& rate : slow.server.accelerator.rates) {
    rate.peak = rate.peak / 2;
  }
  slower_south.sites[1].server = slow.server;
  const auto records =
      Evaluate({{slower_south, Fidelity::kFolded}, {TwoSites(slow, job, 1e15), Fidelity::kFolded}});
  EXPECT_NEAR(records[0].step_time.si(), records[1].step_time.si(),
              1e-9 * records[1].step_time.si());
}

// The exchange beside a step hides behind it but for what both send over the NICs, or sets its pace
// alone.
TEST(OuterSteps, HideTheirExchangeBehindTheStep) {
  const SiteSpec site = OneLeafSite(IdealServer(4, 4), 1);
  TrainingSpec waiting = JobOf(1, 1, 8, 1);
  waiting.outer = {.steps = 16, .bytes_per_parameter = 4, .overlap = false};
  TrainingSpec beside = waiting;
  beside.outer.overlap = true;
  const double wide = 4e9, narrow = 0.5e9;
  const auto records = Evaluate({{TwoSites(site, waiting, 1e15), Fidelity::kFolded},
                                 {TwoSites(site, waiting, wide), Fidelity::kFolded},
                                 {TwoSites(site, beside, wide), Fidelity::kFolded},
                                 {TwoSites(site, waiting, narrow), Fidelity::kFolded},
                                 {TwoSites(site, beside, narrow), Fidelity::kFolded},
                                 {TwoSites(site, beside, wide), Fidelity::kFull}});
  std::vector<double> steps;
  for (const StepRecord& record : records) {
    steps.push_back(record.step_time.si());
  }
  const double hidden = steps[1] - steps[0], paces = steps[3] - steps[0];
  ASSERT_LT(hidden, steps[0]);
  ASSERT_GT(paces, steps[0]);
  EXPECT_GE(steps[2], steps[0] * (1 - 1e-9));
  EXPECT_LT(steps[2], steps[0] + hidden / 3);
  EXPECT_NEAR(steps[4], paces, 0.03 * paces);
  EXPECT_NEAR(steps[5], steps[2], 1e-6 * steps[2]);
  EXPECT_NEAR(TotalOf(records[2], "wan"), TotalOf(records[1], "wan"), 1e-6 * kMessage);
}

// Stages of a pipeline end a step one after another, and the exchange hides behind that no more
// often than it takes place: step = step without it + exchange / steps.
TEST(OuterSteps, TakeTheirPartOfTheWholeExchange) {
  const SiteSpec site = OneLeafSite(IdealServer(4, 4), 4);
  std::vector<Evaluation> asked;
  for (const int steps : {1, 10, 100, 1000000}) {
    TrainingSpec job = JobOf(2, 2, 8, 1);
    job.outer = {.steps = steps, .bytes_per_parameter = 4, .overlap = false};
    asked.push_back({TwoSites(site, job, 0.5e9), Fidelity::kFolded});
  }
  asked.push_back({asked[1].scenario, Fidelity::kFull});
  asked.push_back({asked[1].scenario, Fidelity::kAnalytic});
  const auto records = Evaluate(asked);
  std::vector<double> steps;
  for (const StepRecord& record : records) {
    steps.push_back(record.step_time.si());
  }
  const double whole = steps[0] - steps[3];
  ASSERT_GT(whole, 0.1 * steps[3]);
  EXPECT_NEAR(steps[1] - steps[3], whole / 10, 1e-3 * whole / 10);
  EXPECT_NEAR(steps[2] - steps[3], whole / 100, 1e-3 * whole / 100);
  EXPECT_NEAR(steps[4], steps[1], 1e-6 * steps[1]);
  EXPECT_LE(steps[5], steps[1] * (1 + 1e-9));
}

TEST(AScenarioWithoutWan, DoesNotSpeakOfIt) {
  const StepRecord record =
      Evaluate(ScenarioOf(OneLeafSite(IdealServer(4, 4), 2), JobOf(1, 1, 8, 1)), Fidelity::kFolded);
  for (const Attribution& part : record.attribution) {
    EXPECT_NE(part.resource, "wan");
  }
  for (const UtilisationSeries& series : record.utilisation) {
    EXPECT_NE(series.resource, "wan");
  }
}

}  // namespace gridlock
