// What a log sees of a command that takes long.

#include "tools/progress.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/command.h"

namespace gridlock {
namespace {

using ::testing::ElementsAre;

TEST(ProgressLog, SaysHowFarAndHowLong) {
  ProgressLog log;
  EXPECT_EQ(log.LineAt(4.9, "3 of 10 steps simulated", 0.2), std::nullopt);
  EXPECT_EQ(log.LineAt(12.0, "3 of 10 steps simulated", 0.3),
            "3 of 10 steps simulated: 30 %, 12 s so far, about 28 s left");
  EXPECT_EQ(log.LineAt(12.1, "3 of 10 steps simulated", 0.3), std::nullopt);
}

TEST(ProgressLog, DoesNotDoubleWhatIsLeftWhileNothingMoves) {
  ProgressLog log;
  EXPECT_EQ(log.LineAt(30, "x", 0.5), "x: 50 %, 30 s so far, about 30 s left");
  EXPECT_EQ(log.LineAt(65, "x", 0.5), "x: 50 %, 65 s so far");
}

TEST(ProgressLog, KnowsNoTimeLeftBeforeAnythingIsDone) {
  EXPECT_EQ(ProgressLog().LineAt(5.0, "simulating", 0.0), "simulating: 0 %, 5 s so far");
}

TEST(ProgressLog, SpeaksLessAndLessOftenButAtLeastEveryFiveMinutes) {
  ProgressLog log;
  std::vector<int> spoken;
  for (int second = 0; second <= 1000; ++second) {
    if (log.LineAt(second, "x", 0.5).has_value()) {
      spoken.push_back(second);
    }
  }
  EXPECT_THAT(spoken, ElementsAre(5, 10, 20, 40, 80, 160, 320, 620, 920));
}

TEST(ShellLine, QuotesWhatAShellWouldTakeApart) {
  const char* words[] = {"gridlock", "run", "a b.textproto", "--set", "x[0].y=100 Gbps",
                         "it's",     "",    "$HOME",         "ü",     "plain-1.0,2=3:/@%+_",
                         "new\nline"};
  std::vector<char*> arguments;
  for (const char* word : words) {
    arguments.push_back(const_cast<char*>(word));  // NOLINT: main's form, and only read
  }
  EXPECT_EQ(ShellLine(static_cast<int>(arguments.size()), arguments.data()),
            "gridlock run 'a b.textproto' --set 'x[0].y=100 Gbps' 'it'\\''s' '' '$HOME' 'ü' "
            "plain-1.0,2=3:/@%+_ 'new\nline'");
}

}  // namespace
}  // namespace gridlock
