// Tasks that may take only so long, and results that are handed over as they come.

#include "sim/process/pool.h"

#include <chrono>
#include <csignal>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace gridlock {
namespace {

using ::testing::ElementsAre;

constexpr double kPatience = 0.3;  // seconds

Task Returns(const std::string& text) {
  return [text](const auto& /*progress*/) {
    return text;
  };
}

/// Never ends by itself.
Task Sleeps() {
  return [](const auto& /*progress*/) -> std::string {
    while (true) {
      pause();
    }
  };
}

Task Waits(unsigned milliseconds) {
  return [milliseconds](const auto& /*progress*/) {
    usleep(milliseconds * 1000);
    return std::string("waited");
  };
}

/// The results of tasks by number, and the order in which they were handed over.
struct Handed {
  std::map<std::size_t, TaskResult> results;
  std::vector<std::size_t> order;
};

Handed ResultsOf(const std::vector<Task>& tasks, const PoolOptions& options) {
  Handed handed;
  RunTasks(
      tasks.size(),
      [&](std::size_t number) {
        return tasks[number];
      },
      [&](std::size_t number, TaskResult result) {
        handed.results.emplace(number, std::move(result));
        handed.order.push_back(number);
      },
      options);
  return handed;
}

TEST(Timeout, EndsWhatTakesTooLongAndOthersGoOn) {
  const auto begin = std::chrono::steady_clock::now();
  Handed handed = ResultsOf({Returns("a"), Sleeps(), Returns("c"), Sleeps(), Returns("e")},
                            {.parallel = 2, .timeout_s = kPatience, .progress = {}});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took.count(), kPatience);
  EXPECT_THAT(handed.order, ElementsAre(0, 1, 2, 3, 4));
  for (const std::size_t late : {1, 3}) {
    EXPECT_FALSE(handed.results[late].ok);
    EXPECT_TRUE(handed.results[late].timed_out);
    EXPECT_EQ(handed.results[late].failure, "the simulation took longer than 0.3 s and was ended");
  }
  for (const std::size_t fine : {0, 2, 4}) {
    EXPECT_TRUE(handed.results[fine].ok);
    EXPECT_FALSE(handed.results[fine].timed_out);
  }
}

TEST(Timeout, CountsFromTheBeginOfEachTask) {
  // Five tasks behind each other take longer than one may.
  const std::vector<Task> tasks(5, Waits(100));
  Handed handed = ResultsOf(tasks, {.parallel = 1, .timeout_s = kPatience, .progress = {}});
  for (const auto& [number, result] : handed.results) {
    EXPECT_TRUE(result.ok) << number << ": " << result.failure;
  }
}

TEST(Timeout, EndsTheChildItself) {
  auto [here, there] = MakeChannels();
  Handed handed = ResultsOf({[&there = there](const auto& /*progress*/) -> std::string {
                              there.Send('i', std::to_string(getpid()));
                              while (true) {
                                pause();
                              }
                            }},
                            {.parallel = 1, .timeout_s = kPatience, .progress = {}});
  EXPECT_TRUE(handed.results[0].timed_out);
  const pid_t child = std::stoi(here.Receive().value().bytes);
  EXPECT_NE(kill(child, 0), 0);
}

TEST(Timeout, IsNotACrash) {
  Handed handed = ResultsOf({[](const auto& /*progress*/) -> std::string {
                              _exit(3);
                            }},
                            {.parallel = 1, .timeout_s = 60, .progress = {}});
  EXPECT_FALSE(handed.results[0].ok);
  EXPECT_FALSE(handed.results[0].timed_out);
}

TEST(Results, AreHandedOverAsTheyEndWhenNoOrderIsAsked) {
  Handed handed = ResultsOf({Waits(900), Waits(10), Waits(400)},
                            {.parallel = 3, .in_order = false, .progress = {}});
  EXPECT_THAT(handed.order, ElementsAre(1, 2, 0));
  for (const auto& [number, result] : handed.results) {
    EXPECT_TRUE(result.ok) << number;
  }
}

TEST(Results, OfTheFirstAreNotWaitedForWhenNoOrderIsAsked) {
  // The first takes until the others were handed over.
  auto [here, there] = MakeChannels();
  std::vector<std::size_t> order;
  RunTasks(
      4,
      [&, &there = there](std::size_t number) -> Task {
        return number > 0 ? Returns("") : [&there](const auto& /*progress*/) {
          return there.Receive().value().bytes;
        };
      },
      [&, &here = here](std::size_t number, const TaskResult& result) {
        EXPECT_TRUE(result.ok);
        order.push_back(number);
        if (order.size() == 3) {
          here.Send('g', "go");
        }
      },
      {.parallel = 2, .in_order = false, .progress = {}});
  EXPECT_THAT(order, ElementsAre(1, 2, 3, 0));
}

TEST(Results, ThatTimeOutAreHandedOverAsTheyEndToo) {
  Handed handed =
      ResultsOf({Sleeps(), Returns(""), Returns("")},
                {.parallel = 2, .timeout_s = kPatience, .in_order = false, .progress = {}});
  EXPECT_THAT(handed.order, ElementsAre(1, 2, 0));
  EXPECT_TRUE(handed.results[0].timed_out);
}

}  // namespace
}  // namespace gridlock
