// The replica against sums written down by hand: one case a claim.

#include "sim/serving/replica.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "tests/serving/reference.h"

namespace gridlock {
namespace {

class ServedReplica : public ::testing::Test {
 protected:
  // Costs are those of PlainCosts.
  static double Prefill(double tokens, double pairs) {
    return 1e-3 + 20e-6 * tokens + 1e-9 * pairs;
  }

  static double Pairs(double n) { return n * (n + 1) / 2; }

  // n iterations of b sequences that hold `cached` tokens at first.
  static double Decode(double n, double b, double cached) {
    return n * (10e-3 + 0.1e-3 * b) + 1e-6 * (n * cached + b * n * (n - 1) / 2);
  }

  static Request At(double arrival, std::int64_t prompt, std::int64_t output,
                    std::int32_t group = 0) {
    return {Seconds(arrival), 0, group, prompt, output};
  }

  void Advance(Replica& replica, double until) {
    replica.AdvanceTo(Seconds(until), [&](const CompletedRequest& r) {
      done_.push_back(r);
    });
  }

  std::vector<CompletedRequest> done_;
};

TEST_F(ServedReplica, GivesALoneRequestItsClosedForm) {
  Replica replica(PlainCosts(8, 100000), {8, 8192});
  replica.Submit(At(5, 1000, 200));
  Advance(replica, 100);
  ASSERT_EQ(done_.size(), 1U);
  const double first = 5 + Prefill(1000, Pairs(1000));
  EXPECT_NEAR(done_[0].first_token.si(), first, 1e-12);
  EXPECT_NEAR(done_[0].end.si(), first + Decode(199, 1, 1000), 1e-12);
}

TEST_F(ServedReplica, EndsAOneTokenAnswerWithItsPrefill) {
  Replica replica(PlainCosts(8, 100000), {8, 8192});
  replica.Submit(At(0, 10, 1));
  Advance(replica, 1);
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_EQ(done_[0].first_token, done_[0].end);
  EXPECT_EQ(replica.active(), 0);
}

TEST_F(ServedReplica, AdmitsBetweenIterationsAndStallsTheBatchForAPrefill) {
  Replica replica(PlainCosts(8, 100000), {8, 8192});
  replica.Submit(At(0, 100, 1000, 0));
  const double first = Prefill(100, Pairs(100));
  // In the middle of the third iteration.
  const double boundary = first + Decode(3, 1, 100);
  replica.Submit(At(boundary - 5e-3, 50, 2, 1));
  Advance(replica, 1);
  ASSERT_EQ(done_.size(), 1U);
  const double second = boundary + Prefill(50, Pairs(50));
  EXPECT_NEAR(done_[0].first_token.si(), second, 1e-12);
  EXPECT_NEAR(done_[0].end.si(), second + Decode(1, 2, 103 + 50), 1e-12);
}

TEST_F(ServedReplica, PrefillsTogetherWhatFitsThePrefillInOrder) {
  Replica replica(PlainCosts(8, 100000), {8, 100});
  for (const std::int64_t prompt : {60, 40, 1, 500, 20}) {
    replica.Submit(At(0, prompt, 5, static_cast<std::int32_t>(prompt)));
  }
  Advance(replica, 10);
  ASSERT_EQ(done_.size(), 5U);
  const double a = Prefill(100, Pairs(60) + Pairs(40));
  const double b = a + Prefill(1, 1);             // 500 would exceed 100
  const double c = b + Prefill(500, Pairs(500));  // a lone one may
  const double d = c + Prefill(20, Pairs(20));
  const std::vector<double> expected = {a, a, b, c, d};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(done_[i].first_token.si(), expected[i], 1e-12);
  }
}

TEST_F(ServedReplica, HoldsAtMostTheBatch) {
  Replica replica(PlainCosts(2, 100000), {2, 8192});
  for (int i = 0; i < 5; ++i) {
    replica.Submit(At(0, 10, 100, i));
  }
  Advance(replica, 0.5);
  EXPECT_EQ(replica.active(), 2);
  EXPECT_EQ(replica.waiting(), 3);
  Advance(replica, 100);
  ASSERT_EQ(done_.size(), 5U);
  EXPECT_EQ(replica.active() + replica.waiting(), 0);
}

TEST_F(ServedReplica, EvictsTheLatestWhenTheCacheIsFullAndServesItAgainFirst) {
  // 100 tokens: two prompts of 40 grow to 50 each, then the second goes, with 11 tokens decoded.
  Replica replica(PlainCosts(8, 100), {8, 8192});
  replica.Submit(At(0, 40, 31, 0));
  replica.Submit(At(0, 40, 31, 1));
  replica.Submit(At(0, 19, 2, 2));  // would fit, but for one more iteration of all
  const double first = Prefill(80, 2 * Pairs(40));
  const double full = first + Decode(10, 2, 80);
  Advance(replica, full + 1e-6);
  EXPECT_EQ(replica.active(), 1);
  EXPECT_EQ(replica.waiting(), 2);
  const double end = full + Decode(20, 1, 50);
  Advance(replica, 100);
  ASSERT_EQ(done_.size(), 3U);
  EXPECT_EQ(done_[0].group, 0);
  EXPECT_NEAR(done_[0].end.si(), end, 1e-12);
  // The evicted one comes back with 40 + 11 tokens, together with the third.
  const double again = end + Prefill(51 + 19, Pairs(51) + Pairs(19));
  EXPECT_EQ(done_[1].group, 2);
  EXPECT_NEAR(done_[1].first_token.si(), again, 1e-12);
  EXPECT_EQ(done_[2].group, 1);
  EXPECT_NEAR(done_[2].first_token.si(), first, 1e-12);
  EXPECT_NEAR(done_[2].end.si(), again + Decode(1, 2, 70) + Decode(18, 1, 52), 1e-12);
  const ReplicaWork work = replica.TakeWork();
  EXPECT_EQ(work.evictions, 1);
  EXPECT_EQ(work.prompt_tokens, 40 + 40 + 51 + 19);
  EXPECT_EQ(work.output_tokens, 31 + 31 + 2);
}

TEST_F(ServedReplica, RefusesWhatTheCacheCanNeverHold) {
  Replica replica(PlainCosts(8, 100), {8, 8192});
  replica.Submit(At(1, 90, 11, 0));
  replica.Submit(At(1, 90, 10, 1));
  Advance(replica, 10);
  ASSERT_EQ(done_.size(), 2U);
  EXPECT_TRUE(done_[0].refused);
  EXPECT_EQ(done_[0].end, Seconds(1));
  EXPECT_FALSE(done_[1].refused);
}

TEST_F(ServedReplica, EndsTheIterationUnderWayAtItsOldCosts) {
  Replica replica(PlainCosts(8, 100000), {8, 8192});
  replica.Submit(At(0, 100, 11));
  const double first = Prefill(100, Pairs(100));
  const double boundary = first + Decode(4, 1, 100);
  Advance(replica, boundary - 1e-3);
  ServingCosts slower = PlainCosts(8, 100000);
  slower.decode_time.assign(8, Seconds(0.1));
  slower.per_cached_token = Seconds(0);
  replica.SetCosts(slower);
  Advance(replica, 100);
  ASSERT_EQ(done_.size(), 1U);
  EXPECT_NEAR(done_[0].end.si(), boundary + 6 * 0.1, 1e-12);
}

TEST_F(ServedReplica, CountsTheWorkOfBothCostsAcrossAChange) {
  // Half of the tokens at each price.
  Replica replica(PlainCosts(8, 100000), {8, 8192});
  replica.Submit(At(0, 100, 11));
  Advance(replica, Prefill(100, Pairs(100)) + Decode(5, 1, 100) + 1e-6);
  ServingCosts costs = PlainCosts(8, 100000);
  costs.per_token.flop = Flop(5e9);
  costs.per_token.hbm = Bytes(0);
  replica.SetCosts(costs);
  Advance(replica, 100);
  const ReplicaWork work = replica.TakeWork();
  // The iteration under way is the sixth, at old costs; per token 2 then 5 GFLOP.
  const double cached = 10 * 100 + 45;
  const double expected = 2e9 * (100 + 6) + 5e9 * 4 + 7e7 * 11 + 13e3 * cached + 19e3 * Pairs(100);
  EXPECT_NEAR(work.flop.si(), expected, 1e-9 * expected);
  EXPECT_NEAR(work.hbm.si(), 11e9 + 3e3 * 106 + 11 * 11 + 17e3 * cached, 1);
  EXPECT_EQ(work.output_tokens, 11);
  EXPECT_EQ(replica.TakeWork().flop, Flop(0));
}

TEST_F(ServedReplica, IsBusyWhileItServes) {
  Replica replica(PlainCosts(8, 100000), {8, 8192});
  replica.Submit(At(1, 100, 50));
  replica.Submit(At(50, 100, 50));
  Advance(replica, 100);
  const double each = Prefill(100, Pairs(100)) + Decode(49, 1, 100);
  EXPECT_NEAR(replica.TakeWork().busy.si(), 2 * each, 1e-12);
}

TEST_F(ServedReplica, HandsBackAllWhenItIsWithdrawn) {
  Replica replica(PlainCosts(2, 100000), {2, 8192});
  for (int i = 0; i < 4; ++i) {
    replica.Submit(At(0.1 * i, 10, 1000, i));
  }
  replica.Submit(At(7, 10, 10, 4));
  Advance(replica, 1);
  const std::vector<Request> held = replica.TakeAll();
  ASSERT_EQ(held.size(), 5U);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(held[i].group, i);
    EXPECT_EQ(held[i].output_tokens, i < 4 ? 1000 : 10);
  }
  EXPECT_EQ(replica.active() + replica.waiting(), 0);
  EXPECT_NEAR(replica.TakeWork().busy.si(), 1, 1e-12);  // what was under way included

  // Another replica takes them: from now on, in order, timed from their arrival.
  Replica other(PlainCosts(8, 100000), {8, 8192});
  other.Submit(At(1.5, 20, 1, 9));
  Advance(other, 1);
  for (const Request& request : held) {
    other.Submit(request);
  }
  Advance(other, 100);
  ASSERT_EQ(done_.size(), 6U);
  const auto moved = std::find_if(done_.begin(), done_.end(), [](const CompletedRequest& r) {
    return r.group == 0;
  });
  EXPECT_NEAR(moved->first_token.si(), 1 + Prefill(40, 4 * Pairs(10)), 1e-12);
  EXPECT_EQ(moved->arrival, Seconds(0));
  // It is still there, and serves again.
  replica.Submit(At(2, 10, 1, 7));
  Advance(replica, 3);
  EXPECT_EQ(done_.back().group, 7);
}

TEST_F(ServedReplica, DoesTheSameHoweverOftenItIsAsked) {
  // Only rounding may differ.
  std::vector<double> ends[2];
  for (const int steps : {1, 977}) {
    done_.clear();
    Replica replica(PlainCosts(4, 700), {4, 512});
    for (int i = 0; i < 60; ++i) {
      replica.Submit(At(0.3 * i, 50 + i, 3 + 7 * (i % 9), i));
    }
    for (int s = 1; s <= steps; ++s) {
      Advance(replica, 60.0 * s / steps);
    }
    ASSERT_EQ(done_.size(), 60U);
    for (const CompletedRequest& r : done_) {
      ends[steps == 1 ? 0 : 1].push_back(r.end.si());
    }
  }
  for (std::size_t i = 0; i < 60; ++i) {
    EXPECT_NEAR(ends[0][i], ends[1][i], 1e-9);
  }
}

TEST_F(ServedReplica, CompletesNothingBeforeItsTime) {
  Replica replica(PlainCosts(8, 100000), {8, 8192});
  replica.Submit(At(0, 100, 2));
  const double end = Prefill(100, Pairs(100)) + Decode(1, 1, 100);
  Advance(replica, end - 1e-9);
  EXPECT_TRUE(done_.empty());
  EXPECT_EQ(replica.active(), 1);
  Advance(replica, end + 1e-9);
  EXPECT_EQ(done_.size(), 1U);
}

}  // namespace
}  // namespace gridlock
