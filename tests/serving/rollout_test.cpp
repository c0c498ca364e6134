// Steps of reinforcement learning: who waits for whom.

#include "sim/serving/rollout.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "sim/base/random.h"

namespace gridlock {
namespace {

std::vector<RolloutParts> Alike(int steps, double answers, double training, double weights) {
  return std::vector<RolloutParts>(static_cast<std::size_t>(steps),
                                   {Seconds(answers), Seconds(training), Seconds(weights)});
}

double Period(double answers, double training, double weights, int lag) {
  const auto times = RolloutTimes(Alike(200, answers, training, weights), lag);
  return (times[199].training_end - times[99].training_end).si() / 100;
}

// 10 GB to each of four replicas at 5 GB/s.
TEST(Rollouts, SyncWeightsAsFlows) {
  const auto sync = [](double core, double other) {
    return SyncWeights(Bytes(10e9), 4, 5e9, core, other);
  };
  EXPECT_NEAR(sync(0, 0).time.si(), 2, 1e-9) << "each passes on what it gets";
  EXPECT_NEAR(sync(5e9, 0).time.si(), 8, 1e-9) << "40 GB cross the core";
  EXPECT_NEAR(sync(5e9, 5e9).time.si(), 10, 1e-9) << "a fifth of the core for each flow";
  EXPECT_NEAR(sync(5e9, 5e9).other_share, 0.2, 1e-9);
  EXPECT_NEAR(sync(25e9, 5e9).other_share, 1, 1e-9) << "there is room for all";
}

TEST(Rollouts, TakeTheSumOfAllThreeInTurn) {
  EXPECT_NEAR(Period(10, 6, 1, 0), 17, 1e-9);
  const auto times = RolloutTimes(Alike(3, 10, 6, 1), 0);
  EXPECT_DOUBLE_EQ(times[2].weights_end.si(), 3 * 17);
}

TEST(Rollouts, TakeTheLongerOfBothWhereAnswersAreOneStepOld) {
  EXPECT_NEAR(Period(10, 6, 1, 1), 11, 1e-9);
  EXPECT_NEAR(Period(4, 12, 1, 1), 12, 1e-9);
  // More lag is no faster with steps that are alike.
  EXPECT_NEAR(Period(4, 12, 1, 4), 12, 1e-9);
}

// Uneven steps: no order is broken, and more lag is never later.
TEST(Rollouts, KeepTheirOrderAndAreNeverLaterWithMoreLag) {
  Random random(3, "rollouts");
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<RolloutParts> parts(20);
    for (RolloutParts& each : parts) {
      each = {Seconds(random.Uniform()), Seconds(random.Uniform()), Seconds(0)};
    }
    Seconds before(1e9);
    for (const int lag : {0, 1, 2, 3}) {
      const auto times = RolloutTimes(parts, lag);
      for (std::size_t k = 0; k < times.size(); ++k) {
        EXPECT_GE(times[k].training_begin, times[k].answers_end);
        EXPECT_GE(times[k].weights_end, times[k].training_end);
        const auto behind = static_cast<std::size_t>(lag) + 1;
        if (k >= behind) {
          EXPECT_GE(times[k].answers_begin, times[k - behind].weights_end);
        }
      }
      EXPECT_LE(times.back().training_end, before + Seconds(1e-9));
      before = times.back().training_end;
    }
  }
}

}  // namespace
}  // namespace gridlock
