// All-to-alls to and from experts, in closed form: bytes, times, and what hides them.

#include <gtest/gtest.h>

#include "tests/engine/machines.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

constexpr double kOfExchanges = 1e-9;

// One layer with experts, one micro-batch, on an ideal machine of `servers` servers of 8.
struct Sharing {
  int servers = 1;
  int expert = 8;
  double overlap = 0;
  Seconds wait = {};
  Seconds floor = {};
  bool once = false;
};

TrainingSpec JobOf(const Sharing& run) {
  Layout layout;
  layout.data = 8 * run.servers;
  layout.expert = run.expert;
  TrainingSpec job = SmallJob(layout, 1);
  job.global_batch = layout.data;
  job.zero = 0;
  job.model.mixture.experts = 16;
  job.model.mixture.experts_per_token = 4;
  job.model.mixture.expert_ffn = 1024;
  job.stack.expert_overlap = run.overlap;
  job.stack.expert_wait_forward = run.wait;
  job.stack.launch_floor_forward = run.floor;
  job.stack.dispatch_once_per_domain = run.once;
  return job;
}

Scenario ScenarioOf(const Sharing& run) {
  return ScenarioOf(OneLeafSite(IdealServer(8, 8), run.servers), JobOf(run));
}

double TimeOf(const Sharing& run, Fidelity fidelity = Fidelity::kFolded) {
  return Evaluate(ScenarioOf(run), fidelity).step_time.si();
}

double PartOf(const StepRecord& record, const std::string& activity) {
  for (const BreakdownPart& part : record.breakdown) {
    if (part.activity == activity) {
      return part.time.si();
    }
  }
  ADD_FAILURE() << "no part " << activity;
  return 0;
}

// Bytes that a rank holds for one all-to-all: a row of 1,024 in 16 bits for each expert of a token.
constexpr double kPayload = 1024.0 * 4 * 1024 * 2;
// To the experts and back, forward and backward.
constexpr double kCalls = 4;

class Exchange : public testing::TestWithParam<Fidelity> {};

}  // namespace

TEST_P(Exchange, InsideADomainTakesTheTimeOfItsPorts) {
  const StepRecord record = Evaluate(ScenarioOf(Sharing{}), GetParam());
  const double expected = kCalls * kPayload * 7 / 8 / kScaleUp;
  EXPECT_NEAR(PartOf(record, "expert_comm"), expected, kOfExchanges * expected);
}

TEST_P(Exchange, AcrossDomainsTakesTheTimeOfItsNics) {
  const StepRecord record = Evaluate(ScenarioOf({.servers = 2, .expert = 16}), GetParam());
  const double expected = kCalls * kPayload * 8 / 16 / kNic;
  EXPECT_NEAR(PartOf(record, "expert_comm"), expected, kOfExchanges * expected);
}

TEST_P(Exchange, AcrossThinLeavesTakesTheTimeOfTheirUplinks) {
  // Two servers to a leaf: half of what each of 16 members sends leaves it, through 16 / 4 NICs'
  // worth of uplinks. Its NIC alone would take 3/8 of that.
  const SiteSpec site =
      ClosSite(IdealServer(8, 8),
               {.servers = 4, .servers_per_leaf = 2, .leaves_per_pod = 2, .leaf_over = 4});
  const StepRecord record =
      Evaluate(ScenarioOf(site, JobOf({.servers = 4, .expert = 32})), GetParam());
  const double expected = kCalls * kPayload / 2 * 4 / kNic;
  EXPECT_NEAR(PartOf(record, "expert_comm"), expected, kOfExchanges * expected);
}

TEST_P(Exchange, OfAGroupThatStraddlesWaitsForTheNicWithMostPairs) {
  // Groups of 6 in servers of 8: the first and the last lie in one server, those between have two
  // members in one and four in another, so that two NICs send to four others each.
  const StepRecord record = Evaluate(ScenarioOf({.servers = 3, .expert = 6}), GetParam());
  const double inside = 5.0 / 6 / kScaleUp;
  const double across = 4.0 / 6 / kNic;
  const double expected = kCalls * kPayload * (inside + across) / 2;  // mean over all ranks
  EXPECT_NEAR(PartOf(record, "expert_comm"), expected, kOfExchanges * expected);
}

TEST_P(Exchange, CarriesEachCopyOutOfOnePortAndIntoAnother) {
  // Without experts the same job sends gradients only, so only the difference is looked at.
  const StepRecord record = Evaluate(ScenarioOf({.servers = 2, .expert = 16}), GetParam());
  const double domain = kCalls * kPayload * 7 / 16 * 16 * 2;
  const double nic = kCalls * kPayload * 8 / 16 * 16 * 2;
  // Router, attention, norms, embedding and head are reduced over all 16; the experts over none.
  const double common = 1024.0 * (16 + 4 * 1024 + 2 + 1) + 2 * 8192.0 * 1024;
  const double ring = 2 * 15.0 / 16 * 4 * common;
  EXPECT_NEAR(TotalOf(record, "nic"), nic + 2 * 2 * ring, kOfExchanges * nic);
  EXPECT_NEAR(TotalOf(record, "scale_up"), domain + 16 * 2 * ring * 7 / 8, kOfExchanges * domain);
}

TEST_P(Exchange, BesideComputeIsHiddenUntilItOutlastsIt) {
  const double exposed = TimeOf(Sharing{}, GetParam());
  const double hidden = TimeOf({.overlap = 1}, GetParam());
  const double sent = kCalls * kPayload * 7 / 8 / kScaleUp;
  // HBM serves both, so that not all of it can be hidden.
  EXPECT_LT(hidden, exposed - 0.5 * sent);
  EXPECT_GE(hidden, exposed - sent * (1 + kOfExchanges));
}

TEST_P(Exchange, StaysBelowTheLaunchFloorOfItsLayer) {
  const Seconds floor(0.01);
  const double with = TimeOf({.floor = floor}, GetParam());
  const auto launches = [](Seconds of) {
    return ShareOf(Evaluate(ScenarioOf({.floor = of}), GetParam()), "launch");
  };
  // Forward pass and its all-to-alls are within the floor, beside the loss; the host's wait comes
  // on top of it.
  EXPECT_GT(launches(floor), floor.si());
  EXPECT_NEAR(launches(floor * 2) - launches(floor), floor.si(), kOfExchanges);
  EXPECT_NEAR(TimeOf({.wait = Seconds(0.002), .floor = floor}, GetParam()), with + 0.002,
              kOfExchanges);
}

INSTANTIATE_TEST_SUITE_P(Of, Exchange,
                         testing::Values(Fidelity::kFull, Fidelity::kFolded, Fidelity::kAnalytic),
                         [](const auto& named) {
                           return FidelityName(named.param);
                         });

TEST(ExchangeOnce, SendsOneCopyToEachDomain) {
  const StepRecord all = Evaluate(ScenarioOf({.servers = 2, .expert = 16}), Fidelity::kFolded);
  const StepRecord once =
      Evaluate(ScenarioOf({.servers = 2, .expert = 16, .once = true}), Fidelity::kFolded);
  // Four experts in two domains: 2 (1 - 1/16) copies instead of 4.
  EXPECT_NEAR(PartOf(once, "expert_comm") / PartOf(all, "expert_comm"), 2 * (15.0 / 16) / 4,
              kOfExchanges);
}

TEST(OneExpert, TakesTheTimeOfADenseLayerButForRouterAndPermutation) {
  TrainingSpec dense = JobOf({.expert = 1});
  dense.model.mixture = {};
  dense.model.ffn = 1024;
  TrainingSpec one = dense;
  one.model.mixture.experts = one.model.mixture.experts_per_token = 1;
  one.model.mixture.expert_ffn = 1024;
  const SiteSpec site = OneLeafSite(IdealServer(8, 8), 1);
  const double extra = Evaluate(ScenarioOf(site, one), Fidelity::kFolded).step_time.si() -
                       Evaluate(ScenarioOf(site, dense), Fidelity::kFolded).step_time.si();
  // Scores of the router and 4 rows per token forward, the same backward; the router's products;
  // its gradient and its optimizer state.
  // What moves around experts takes half as much again as is counted (kAroundExperts of
  // workloads/mixture.cpp): the 4 rows, and the 2 and 3 elements of the activation's two passes.
  double bytes = 2 * (20 + 1.5 * 4 * 2 * 1024) * 1024.0 + 30 * 1024 + 2 * 4 * 1024;
  bytes += 0.5 * 2 * (2 + 3) * 1024 * 1024.0;
  bytes += (2 + 1) * (2 * 1024.0 * 1024) + (2 * 2 + 1) * 2 * 1024;
  EXPECT_NEAR(extra, bytes / kHbm, 0.02 * bytes / kHbm);
  EXPECT_GT(extra, 0);
}

TEST(ExpertGradients, AreReducedOverTheRanksThatHoldThem) {
  // 16 ranks, 8 share the experts: two hold each. Their gradients cross the NICs between servers.
  const auto nic_bytes = [](int expert_ffn) {
    TrainingSpec job = JobOf({.servers = 2, .expert = 8});
    job.model.mixture.expert_ffn = expert_ffn;
    const SiteSpec site = OneLeafSite(IdealServer(8, 8), 2);
    return TotalOf(Evaluate(ScenarioOf(site, job), Fidelity::kFull), "nic");
  };
  const double more = 16 * 2 * 1024.0 * 1024;  // parameters of all experts
  // All-reduce of 4 bytes over pairs: each of them once out and once in, in both servers.
  EXPECT_NEAR(nic_bytes(2048) - nic_bytes(1024), 2 * 2 * 4 * more, 1e-6 * 16 * more);
}

}  // namespace gridlock
