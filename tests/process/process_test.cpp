// Children, the frames that they send, tasks and the server of tasks.

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/process/interrupt.h"
#include "sim/process/pool.h"
#include "sim/process/server.h"

namespace gridlock {
namespace {

using ::testing::ElementsAre;

TEST(Frames, ArriveWholeHoweverTheyAreCut) {
  auto [here, there] = MakeChannels();
  const std::string large(300'000, 'x');  // more than a socket holds at a time
  std::thread sender([&there = there, &large] {
    EXPECT_TRUE(there.Send('a', "first"));
    EXPECT_TRUE(there.Send('b', large));
    EXPECT_TRUE(there.Send('c', ""));
    there.Close();
  });
  std::vector<std::string> seen;
  while (const std::optional<Frame> frame = here.Receive()) {
    seen.push_back(frame->kind + std::to_string(frame->bytes.size()));
  }
  sender.join();
  EXPECT_THAT(seen, ElementsAre("a5", "b300000", "c0"));
}

TEST(Frames, AreRefusedWhenNobodyReads) {
  auto [here, there] = MakeChannels();
  there.Close();
  EXPECT_FALSE(here.Send('a', "text"));  // and no SIGPIPE
  EXPECT_FALSE(here.Receive().has_value());
}

TEST(Process, SaysHowItEnded) {
  EXPECT_EQ(Process([] {}).Wait(), "");
  EXPECT_EQ(Process([] {
              _exit(7);
            }).Wait(),
            "the simulation ended with status 7");
  EXPECT_EQ(Process([] {
              (void)raise(SIGKILL);
            }).Wait(),
            "the simulation was ended by signal 9 (Killed)");
}

/// Whether a process is there and runs; one that has ended and waits for its parent does not count.
bool Runs(pid_t process) {
  const std::string file = "/proc/" + std::to_string(process) + "/stat";
  FILE* const stat = std::fopen(file.c_str(), "r");
  if (stat == nullptr) {
    return false;
  }
  char state = 'X';
  const int read = std::fscanf(stat, "%*d (%*[^)]) %c", &state);
  (void)std::fclose(stat);
  return read == 1 && state != 'Z' && state != 'X';
}

TEST(Process, IsKilledWhenItsObjectGoes) {
  pid_t child = -1;
  {
    const Process process([] {
      pause();
    });
    child = process.id();
    EXPECT_TRUE(Runs(child));
  }
  EXPECT_FALSE(Runs(child));
}

TEST(Process, DoesNotOutliveAParentThatIsKilled) {
  // A child that has a child and a grandchild, as a life has a server and that has a simulation.
  auto [here, there] = MakeChannels();
  Process parent([&there = there] {
    const Process child([&] {
      const Process grandchild([&] {
        there.Send('i', std::to_string(getpid()));
        pause();
      });
      there.Send('i', std::to_string(getpid()));
      pause();
    });
    pause();
  });
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i) {
    children.push_back(std::stoi(here.Receive().value().bytes));
    EXPECT_TRUE(Runs(children.back()));
  }
  kill(parent.id(), SIGKILL);
  EXPECT_EQ(parent.Wait(), "the simulation was ended by signal 9 (Killed)");
  for (const pid_t child : children) {
    for (int i = 0; i < 1000 && Runs(child); ++i) {
      usleep(5000);  // the kernel kills the next one only when the one before has ended
    }
    EXPECT_FALSE(Runs(child));
  }
}

TEST(Process, LeavesCtrlCToItsParent) {
  auto [here, there] = MakeChannels();
  Process process([&there = there] {
    there.Send('r', "ready");
    (void)there.Receive();
  });
  EXPECT_EQ(here.Receive().value().bytes, "ready");
  kill(process.id(), SIGINT);
  kill(process.id(), SIGTERM);
  here.Send('g', "go on");
  EXPECT_EQ(process.Wait(), "");
}

/// A task that returns `text`.
Task Answers(const std::string& text) {
  return [text](const auto& /*progress*/) {
    return text;
  };
}

TEST(Tasks, AreMadeOneByOneAndNotAllAtOnce) {
  std::size_t made = 0, handed = 0, most = 0;
  RunTasks(
      20,
      [&](std::size_t number) {
        EXPECT_EQ(number, made);
        most = std::max(most, ++made - handed);
        return Answers(std::to_string(number));
      },
      [&](std::size_t number, TaskResult result) {
        EXPECT_EQ(number, handed++);
        EXPECT_EQ(std::move(result).Take(), std::to_string(number));
      },
      {.parallel = 1, .progress = {}});
  EXPECT_EQ(handed, 20U);
  EXPECT_EQ(most, 2U);  // one runs while the result of the one before is handed over
}

TEST(Tasks, AreEndedWhenTheirResultsAreNotWanted) {
  pid_t second = -1;
  auto [here, there] = MakeChannels();
  const auto task = [&there = there](std::size_t number) -> Task {
    return [&there, number](const auto& /*progress*/) -> std::string {
      if (number == 1) {
        there.Send('i', std::to_string(getpid()));
        pause();
      }
      return "";
    };
  };
  EXPECT_THROW(RunTasks(2, task,
                        [&, &here = here](std::size_t /*number*/, const TaskResult& /*result*/) {
                          second = std::stoi(here.Receive().value().bytes);
                          throw std::runtime_error("the disk is full");
                        },
                        {.parallel = 2, .progress = {}}),
               std::runtime_error);
  EXPECT_FALSE(Runs(second));
}

TEST(Tasks, TellTheTimeWhileNothingHappens) {
  int told = 0;
  RunTasks(
      1,
      [](std::size_t /*number*/) -> Task {
        return [](const auto& /*progress*/) {
          usleep(1'300'000);
          return std::string();
        };
      },
      [](std::size_t /*number*/, const TaskResult& /*result*/) {},
      {.parallel = 1, .progress = [&](std::size_t /*done*/, double /*fraction*/) {
         ++told;
       }});
  EXPECT_EQ(told, 2);  // after a second, and at the end
}

TEST(Tasks, ThatThrowKeepThePathOfEachProblem) {
  TaskResult result = RunInChild([](const auto& /*progress*/) -> std::string {
    throw UserError(std::vector<Problem>{{"job[0].layout", "does not fit"}, {"", "and\nmore"}});
  });
  EXPECT_FALSE(result.ok);
  try {
    (void)std::move(result).Take();
    FAIL();
  } catch (const UserError& error) {
    ASSERT_EQ(error.problems().size(), 2U);
    EXPECT_EQ(error.problems()[0].path, "job[0].layout");
    EXPECT_EQ(error.problems()[0].message, "does not fit");
    EXPECT_EQ(error.problems()[1].path, "");
    EXPECT_EQ(error.problems()[1].message, "and\nmore");
  }
}

TEST(Tasks, ThatBreakOffInTheMiddleAreNotTakenForWhole) {
  // The child is ended after it has told of its progress and before its result.
  const TaskResult result = RunInChild([](const auto& progress) -> std::string {
    progress(0.5);
    _exit(0);
  });
  EXPECT_FALSE(result.ok);
  EXPECT_EQ(result.failure, "the simulation ended without a result");
}

TEST(TaskServer, AnswersEachRequestInAFreshChild) {
  int count = 0;
  TaskServer server([&](const std::string& request) {
    return request + std::to_string(++count);
  });
  EXPECT_EQ(server.Ask("a"), "a1");
  EXPECT_EQ(server.Ask("b"), "b1");  // the first child took its count with it
}

TEST(TaskServer, GoesOnAfterARequestThatFailed) {
  TaskServer server([](const std::string& request) -> std::string {
    if (request == "refuse") {
      throw UserError("site[1].servers", "too few");
    }
    if (request == "crash") {
      (void)raise(SIGSEGV);
    }
    return "fine";
  });
  try {
    (void)server.Ask("refuse");
    FAIL();
  } catch (const UserError& error) {
    ASSERT_EQ(error.problems().size(), 1U);
    EXPECT_EQ(error.problems()[0].path, "site[1].servers");
  }
  try {
    (void)server.Ask("crash");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "the simulation was ended by signal 11 (Segmentation fault)");
  }
  EXPECT_EQ(server.Ask("anything"), "fine");
}

/// What becomes of a process that raises `number` while an OnInterrupt lives: its stderr, and the
/// signal that ended it.
std::pair<std::string, int> Interrupted(int number, const std::vector<std::string>& files) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();  // not a Process: that one ignores the signals
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    const OnInterrupt outer("outer\n", {files[0]});
    { const OnInterrupt gone("gone\n", {}); }
    const OnInterrupt inner("inner\n", {files[1]});
    (void)raise(number);
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  std::array<char, 100> buffer{};
  for (ssize_t n = 0; (n = read(ends[0], buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return {text, WIFSIGNALED(status) ? WTERMSIG(status) : 0};
}

TEST(OnInterrupt, SaysAndRemovesAndEndsByTheSignal) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    std::vector<std::string> files;
    for (int i = 0; i < 2; ++i) {
      std::string file = ::testing::TempDir() + "interruptXXXXXX";
      close(mkstemp(file.data()));
      files.push_back(file);
    }
    const auto [text, signal] = Interrupted(number, files);
    EXPECT_EQ(text, "inner\nouter\n");
    EXPECT_EQ(signal, number);
    for (const std::string& file : files) {
      EXPECT_NE(access(file.c_str(), F_OK), 0) << file;
    }
  }
}

TEST(OnInterrupt, LeavesAnIgnoredSignalIgnored) {
  auto* const before = std::signal(SIGHUP, SIG_IGN);  // as nohup does
  {
    const OnInterrupt interrupt("", {});
    EXPECT_EQ(raise(SIGHUP), 0);  // or the test would end here
  }
  EXPECT_EQ(std::signal(SIGHUP, before), SIG_IGN);
}

}  // namespace
}  // namespace gridlock
