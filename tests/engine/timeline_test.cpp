// The clock of a cluster's life against closed forms: each test in a process of its own, which
// ctest gives it, because SimGrid keeps one clock per process.

#include "sim/engine/timeline.h"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"

namespace gridlock {

namespace {

constexpr double kSlowLink = 1e9;   // byte/s
constexpr double kTransfer = 10e9;  // bytes: 10 s alone
constexpr double kNear = 1e-6;      // s
constexpr BytesPerSecond kNoBound{0};

class TimelineTest : public testing::Test {
 protected:
  static std::vector<BytesPerSecond> Links(int count) {
    return std::vector<BytesPerSecond>(count, BytesPerSecond(kSlowLink));
  }

  std::function<void()> Note(std::string name) {
    return [this, name = std::move(name)] {
      calls_.emplace_back(name, timeline_.now().si());
    };
  }

  TransferId Start(const std::vector<std::int32_t>& links, double bytes, const std::string& name) {
    return timeline_.Start(links, Bytes(bytes), kNoBound, Note(name));
  }

  void At(double when, std::function<void()> due) { timeline_.At(Seconds(when), std::move(due)); }

  void ExpectCalls(const std::vector<std::pair<std::string, double>>& expected) const {
    ASSERT_EQ(calls_.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(calls_[i].first, expected[i].first) << i;
      EXPECT_NEAR(calls_[i].second, expected[i].second, kNear) << calls_[i].first;
    }
  }

  Timeline timeline_{Links(3)};
  std::vector<std::pair<std::string, double>> calls_;
};

TEST_F(TimelineTest, OneTransferTakesItsBytesOverTheBandwidth) {
  Start({0}, kTransfer, "end");
  timeline_.RunUntil(Seconds(100));
  ExpectCalls({{"end", 10}});
  EXPECT_EQ(timeline_.now(), Seconds(100));
}

TEST_F(TimelineTest, TwoTransfersShareALinkEvenlyAndTheRestGoesToTheLonger) {
  Start({0}, kTransfer, "short");
  Start({0}, 2 * kTransfer, "long");
  timeline_.RunUntil(Seconds(100));
  ExpectCalls({{"short", 20}, {"long", 30}});
}

TEST_F(TimelineTest, SharesAreMaxMinFair) {
  // On link 1 the bounded one takes 0.2; the wide one is then bounded by what link 0 leaves it.
  timeline_.SetCapacity(1, BytesPerSecond(3 * kSlowLink));
  timeline_.Start({1}, Bytes(kTransfer), BytesPerSecond(0.2 * kSlowLink), Note("bounded"));
  Start({0, 1}, kTransfer, "wide");
  Start({0}, kTransfer, "narrow");
  Start({1}, 2.3 * kTransfer, "rest");
  timeline_.RunUntil(Seconds(100));
  // rest: 3 - 0.2 - 0.5 = 2.3 while the others run.
  ExpectCalls({{"rest", 10}, {"wide", 20}, {"narrow", 20}, {"bounded", 50}});
}

TEST_F(TimelineTest, ALinkThatStandsTwiceInARouteCarriesTheBytesTwice) {
  Start({0, 0}, kTransfer, "end");
  timeline_.RunUntil(Seconds(100));
  ExpectCalls({{"end", 20}});
}

TEST_F(TimelineTest, AnOwnRateBoundsATransferWithAndWithoutLinks) {
  timeline_.Start({0}, Bytes(kTransfer), BytesPerSecond(kSlowLink / 4), Note("link"));
  timeline_.Start({}, Bytes(kTransfer), BytesPerSecond(kSlowLink / 2), Note("no link"));
  timeline_.Start({}, Bytes(kTransfer), kNoBound, Note("nothing in the way"));
  timeline_.Start({0}, Bytes(0), kNoBound, Note("nothing to move"));
  timeline_.RunUntil(Seconds(100));
  ExpectCalls({{"nothing in the way", 0}, {"nothing to move", 0}, {"no link", 20}, {"link", 40}});
}

TEST_F(TimelineTest, ACapSlowsTransfersUnderWayAndARestorationSpeedsThem) {
  Start({0}, 3 * kTransfer, "end");  // 5 s at 1, 30 s at 1/2, 10 s at 1
  At(5, [this] {
    timeline_.SetCapacity(0, BytesPerSecond(kSlowLink / 2));
  });
  At(35, [this] {
    timeline_.SetCapacity(0, BytesPerSecond(kSlowLink));
  });
  timeline_.RunUntil(Seconds(100));
  ExpectCalls({{"end", 45}});
}

TEST_F(TimelineTest, ALinkFasterThanAtTheStartIsUsedToTheFull) {
  Start({0}, 3 * kTransfer, "a");
  Start({0}, 3 * kTransfer, "b");
  At(10, [this] {
    timeline_.SetCapacity(0, BytesPerSecond(5 * kSlowLink));
  });
  timeline_.RunUntil(Seconds(100));
  ExpectCalls({{"a", 20}, {"b", 20}});
}

TEST_F(TimelineTest, WhatALinkCutOffHeldGoesOnWhenItIsRestored) {
  Start({0, 1}, kTransfer, "end");
  At(4, [this] {
    timeline_.SetCapacity(1, BytesPerSecond(0));
  });
  At(5, [this] {
    Start({1}, kTransfer, "started in the cut");
  });
  At(24, [this] {
    timeline_.SetCapacity(1, BytesPerSecond(kSlowLink));
  });
  timeline_.RunUntil(Seconds(100));
  ExpectCalls({{"end", 36}, {"started in the cut", 40}});
}

TEST_F(TimelineTest, CancelReturnsWhatIsLeftAndFreesTheLink) {
  const TransferId cancelled = Start({0}, kTransfer, "cancelled");
  Start({0}, kTransfer, "end");
  double left = 0, again = 1;
  At(8, [&] {
    left = timeline_.Cancel(cancelled).si();
    again = timeline_.Cancel(cancelled).si();
  });
  timeline_.RunUntil(Seconds(100));
  EXPECT_NEAR(left, 6e9, 1);
  EXPECT_EQ(again, 0);
  ExpectCalls({{"end", 14}});
}

TEST_F(TimelineTest, CancelOfATransferThatEndsInThisInstantReturnsNothingAndKeepsItSilent) {
  TransferId second{};
  timeline_.Start({0}, Bytes(kTransfer), kNoBound, [&] {
    EXPECT_EQ(timeline_.Cancel(second), Bytes(0));
    Start({1}, kTransfer, "after");
  });
  second = Start({1}, kTransfer, "never");
  timeline_.RunUntil(Seconds(100));
  ExpectCalls({{"after", 20}});
}

TEST_F(TimelineTest, BytesAreConservedWhateverIsCappedAndWhenever) {
  Random random(1, "caps");
  const double bytes = 400e9;
  const TransferId transfer = Start({0}, bytes, "end");
  double carried = 0, since = 0, capacity = kSlowLink;
  for (int i = 1; i <= 200; ++i) {
    At(i, [&] {
      carried += (timeline_.now().si() - since) * capacity;
      since = timeline_.now().si();
      capacity = kSlowLink * (0.1 + 3 * random.Uniform());
      timeline_.SetCapacity(0, BytesPerSecond(capacity));
    });
  }
  double left = 0;
  At(200, [&] {
    left = timeline_.Cancel(transfer).si();
  });
  timeline_.RunUntil(Seconds(300));
  EXPECT_NEAR(left + carried, bytes,
              10);  // 200 restarts, each to 1/256 byte and a clock of doubles
  EXPECT_GT(left, 0);
}

TEST_F(TimelineTest, TimersOfOneInstantComeInTheOrderOfTheirCreation) {
  At(2, Note("c"));
  At(1, Note("a"));
  At(2, Note("d"));
  At(1, [this] {
    At(2, Note("e"));
    At(0, Note("b, late"));
    At(1, Note("b"));
  });
  timeline_.RunUntil(Seconds(2));
  ExpectCalls({{"a", 1}, {"b, late", 1}, {"b", 1}, {"c", 2}, {"d", 2}, {"e", 2}});
}

TEST_F(TimelineTest, TransfersAndTimersOfOneInstantComeInTheOrderOfTheirCreation) {
  At(10, Note("a"));
  Start({0}, kTransfer, "b");
  At(10, Note("c"));
  Start({1}, kTransfer, "d");
  At(10, Note("e"));
  timeline_.RunUntil(Seconds(10));
  ExpectCalls({{"a", 10}, {"b", 10}, {"c", 10}, {"d", 10}, {"e", 10}});
}

TEST_F(TimelineTest, ACancelledTimerIsNotCalledEvenInItsOwnInstant) {
  TimerId same{}, later{};
  At(1, [&] {
    timeline_.Cancel(same);
    timeline_.Cancel(later);
    timeline_.Cancel(later);
    timeline_.Cancel(TimerId::kNone);
  });
  same = timeline_.At(Seconds(1), Note("same"));
  later = timeline_.At(Seconds(5), Note("later"));
  At(6, Note("end"));
  timeline_.RunUntil(Seconds(10));
  ExpectCalls({{"end", 6}});
}

TEST_F(TimelineTest, ARunThatStopsAndGoesOnIsTheSameAsOneThatDoesNot) {
  Start({0}, kTransfer, "a");
  Start({0}, 2 * kTransfer, "b");
  At(40, Note("timer"));
  for (double horizon = 0; horizon <= 45; horizon += 0.75) {
    timeline_.RunUntil(Seconds(horizon));
    EXPECT_DOUBLE_EQ(timeline_.now().si(), horizon);
  }
  ExpectCalls({{"a", 20}, {"b", 30}, {"timer", 40}});
}

TEST_F(TimelineTest, AnExceptionOfACallbackLeavesTheRun) {
  Start({0}, kTransfer, "end");
  At(3, [] {
    throw std::runtime_error("three");
  });
  At(4, Note("four"));
  EXPECT_THROW(timeline_.RunUntil(Seconds(50)), std::runtime_error);
  EXPECT_TRUE(calls_.empty());
}

TEST_F(TimelineTest, NinetyDaysOfHourlyTransfersDriftByLessThanAMicrosecond) {
  constexpr int kHours = 90 * 24;
  int hours = 0;
  std::function<void()> next = [&] {
    if (++hours < kHours) {
      timeline_.Start({0}, Bytes(3600 * kSlowLink), kNoBound, next);
    } else {
      Note("transfers")();
    }
  };
  timeline_.Start({0}, Bytes(3600 * kSlowLink), kNoBound, next);
  constexpr int kMinutes = kHours * 60;
  int minutes = 0;
  std::function<void()> tick = [&] {
    if (++minutes < kMinutes) {
      timeline_.At(timeline_.now() + Seconds(60), tick);
    } else {
      Note("timers")();
    }
  };
  At(60, tick);
  timeline_.RunUntil(Seconds(91 * 86400.0));
  ASSERT_EQ(calls_.size(), 2U);
  EXPECT_NEAR(calls_[0].second, 90 * 86400.0, 1e-6);
  EXPECT_NEAR(calls_[1].second, 90 * 86400.0, 1e-6);
}

TEST_F(TimelineTest, AMillionTimersComeInOrderAThousandPendingAtATime) {
  constexpr int kTimers = 1'000'000;
  Random random(7, "timers");
  int created = 0, called = 0;
  double latest = 0;
  std::function<void()> tick = [&] {
    const double now = timeline_.now().si();
    EXPECT_LE(latest, now);
    latest = now;
    ++called;
    if (created < kTimers) {
      ++created;
      At(now + random.Exponential(3600), tick);
    }
  };
  for (; created < 1000; ++created) {
    At(random.Exponential(3600), tick);
  }
  timeline_.RunUntil(Seconds(365 * 86400.0));
  EXPECT_EQ(called, kTimers);
}

TEST_F(TimelineTest, ThousandsOfTransfersStartEndAndCancelAtRandomAndNoneIsLost) {
  Random random(3, "transfers");
  std::vector<TransferId> started;
  int ended = 0, cancelled = 0;
  for (int i = 0; i < 5000; ++i) {
    At(100 * random.Uniform(), [&] {
      const auto link = static_cast<std::int32_t>(random.Below(3));
      started.push_back(timeline_.Start({link}, Bytes(110e6 * random.Uniform()), kNoBound, [&] {
        ++ended;
      }));
      if (random.Below(4) == 0) {
        const auto recent = std::min<std::uint64_t>(started.size(), 20);
        const TransferId any = started[started.size() - 1 - random.Below(recent)];
        cancelled += timeline_.Cancel(any) > Bytes(0) ? 1 : 0;
      }
      if (random.Below(20) == 0) {
        timeline_.SetCapacity(link, BytesPerSecond(kSlowLink * (0.5 + random.Uniform())));
      }
    });
  }
  timeline_.RunUntil(Seconds(1000));
  EXPECT_EQ(started.size(), 5000U);
  EXPECT_EQ(ended + cancelled, 5000);
  EXPECT_GT(cancelled, 100);
}

}  // namespace

}  // namespace gridlock
