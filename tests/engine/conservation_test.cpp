// What goes in comes out: traffic, arithmetic, time and energy of a step, counted independently of
// the engine. And a run is the same whenever it is run.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "sim/energy/energy.h"
#include "sim/engine/step_engine.h"
#include "sim/measure/summarise.h"
#include "sim/process/worker.h"
#include "sim/record/step_measures.h"
#include "tests/engine/fold_cases.h"
#include "tests/engine/machines.h"
#include "workloads/transformer.h"

namespace gridlock {

namespace {

constexpr double kOfSums = 1e-9;

void ExpectSum(double actual, double expected, const char* what) {
  EXPECT_NEAR(actual, expected, kOfSums * expected) << what;
}

// 4 x 3 replicas and stages of tensor-parallel groups of 8, one server each, three to a leaf.
Scenario ThreeStages() {
  Layout layout;
  layout.tensor = 8;
  layout.pipeline = 3;
  layout.data = 4;
  layout.rank_order = RankOrder::kTensorPipelineData;
  TrainingSpec job = SmallJob(layout, 6);
  const SiteSpec site =
      ClosSite(IdealServer(8, 8),
               {.servers = 12, .servers_per_leaf = 3, .leaves_per_pod = 4, .leaf_over = 2});
  return ScenarioOf(site, job);
}

struct Counts {
  double s = 1024, h = 1024, v = 8192, layers = 6;
  double t = 8, p = 3, d = 4, m = 12;  // m: micro-batches of a replica
  double accelerators = 8 * 3 * 4;
};

class Records : public testing::TestWithParam<Fidelity> {
 protected:
  const Scenario scenario_ = ThreeStages();
  const StepRecord record_ = Evaluate(scenario_, GetParam());
  const Counts n_;
};

}  // namespace

TEST_P(Records, CarryTheTensorParallelTrafficOfTheProgram) {
  // Each micro-batch: 2 + 4 all-gathers and 2 + 2 reduce-scatters a layer; the embedding scatters
  // its output and gathers it back, the head gathers its input forward and once more and scatters
  // it backward. (t-1)/t of 2 s h bytes each, out of and into every port.
  const double collectives = n_.layers * 10 + 2 + 3;
  const double wire = (n_.t - 1) / n_.t * 2 * n_.s * n_.h;
  const double expected = collectives * wire * n_.m * n_.d * n_.t * 2;
  ExpectSum(TotalOf(record_, "scale_up"), expected, "scale_up");
}

TEST_P(Records, CarryEveryMessageAndGradientThroughTheNics) {
  // Messages: 2 s h / t bytes per rank, both ways between the stages. Gradients: reduce-scattered
  // in 4 bytes and gathered in 2, (d-1)/d of what each rank holds. Everything leaves one NIC and
  // enters another.
  const double message = 2 * n_.s * n_.h / n_.t;
  const double messages = 2 * (n_.p - 1) * n_.m * n_.d * n_.t * message;
  const double norms = 2 * n_.h * n_.layers;
  const double matrices = 12 * n_.h * n_.h * n_.layers + 2 * n_.v * n_.h;
  const double parameters = matrices / n_.t + norms + n_.h;  // per tensor rank, all stages
  const double gradients = (n_.d - 1) / n_.d * (4 + 2) * parameters * n_.t * n_.d;
  ExpectSum(TotalOf(record_, "nic"), 2 * (messages + gradients), "nic");
  // A replica is a leaf: its messages stay below, and all gradients cross it, up and down.
  ExpectSum(TotalOf(record_, "leaf"), 2 * gradients, "leaf");
  EXPECT_EQ(TotalOf(record_, "spine"), 0);
}

TEST_P(Records, ComputeWhatTheProgramDoes) {
  // Fused attention computes its scores again in the backward pass: half a forward pass of them.
  const double scores = 4 * n_.s * n_.s * n_.h * 0.5 * n_.layers * n_.m * n_.d;
  const double expected = ModelFlop(scenario_.training()).si() + 0.5 * scores;
  ExpectSum(TotalOf(record_, "compute"), expected, "compute");
}

TEST_P(Records, SpendTheWholeStepOnEveryAccelerator) {
  double sum = 0;
  for (const BreakdownPart& part : record_.breakdown) {
    EXPECT_GE(part.time.si(), -kOfSums) << part.activity;
    sum += part.time.si();
  }
  ExpectSum(sum, record_.step_time.si(), "breakdown");
}

TEST_P(Records, DrawIdlePowerAndAPriceForEachFlopAndByte) {
  const PowerSpec& power = scenario_.site().server.accelerator.power;
  const double step = record_.step_time.si();
  const double expected =
      (power.idle.si() * n_.accelerators + 1000 * n_.accelerators / 8) * step +
      power.per_flop.si() * TotalOf(record_, "compute") +
      power.per_hbm_byte.si() * TotalOf(record_, "hbm") +
      power.per_link_byte.si() * (TotalOf(record_, "scale_up") + TotalOf(record_, "nic")) / 2;
  ExpectSum(record_.energy.si(), expected, "energy");
  ExpectSum(record_.mean_power.si() * step, expected, "power");
}

TEST_P(Records, DrawTheirEnergyOverTheirIntervals) {
  const double width = record_.interval.si();
  double energy = 0;
  for (std::size_t i = 0; i < record_.power.size(); ++i) {
    energy +=
        record_.power[i] * std::min(width, record_.step_time.si() - width * static_cast<double>(i));
  }
  ExpectSum(energy, record_.energy.si(), "energy of the intervals");
  EXPECT_LE(PowerMin(record_), record_.mean_power);
  EXPECT_GE(PowerMax(record_), record_.mean_power);
}

TEST_P(Records, AreTheSameEveryTime) {
  const StepRecord again = Evaluate(scenario_, GetParam());
  EXPECT_EQ(again.fingerprint, record_.fingerprint);
  EXPECT_EQ(again.step_time, record_.step_time);
  Scenario faster = scenario_;
  faster.site().server.nic_bandwidth = BytesPerSecond(2 * kNic);
  EXPECT_NE(Evaluate(faster, GetParam()).fingerprint, record_.fingerprint);
}

INSTANTIATE_TEST_SUITE_P(Of, Records,
                         testing::Values(Fidelity::kFull, Fidelity::kFolded, Fidelity::kAnalytic),
                         [](const auto& named) {
                           return FidelityName(named.param);
                         });

TEST(Energy, IsIdlePowerWhereNothingRuns) {
  StepProgram program;
  program.roles = {{{Action::Kind::kDelay}}};
  program.delay = Seconds(2);
  program.peak = FlopPerSecond(kPeak);
  const SiteSpec site = OneLeafSite(IdealServer(8, 8), 1);
  program.grid.data = 4;
  const Job job = [&](const Progress& /*progress*/) {
    const Plan plan = Expand(program, site);
    StepRun run = RunStep(program, plan, site.server, 16, {});
    return Summarise(SmallJob({}, 1), program, plan, site.server, run);
  };
  const JobResult result = RunJobs({job}, {}).front();
  ASSERT_TRUE(result.ok) << result.problem;
  // 4 accelerators of 100 W and half a server of 1 kW, for 2 s.
  EXPECT_DOUBLE_EQ(result.record.energy.si(), (4 * 100 + 0.5 * 1000) * 2);
  EXPECT_DOUBLE_EQ(ShareOf(result.record, "overhead"), 2);
  EXPECT_EQ(TotalOf(result.record, "compute"), 0);
}

}  // namespace gridlock
