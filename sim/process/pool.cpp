#include "sim/process/pool.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>

#include "sim/base/check.h"
#include "sim/process/big_stack.h"
#include "sim/process/fork.h"

namespace gridlock {

namespace {

using Clock = std::chrono::steady_clock;

// One running child, as the parent sees it.
struct Running {
  std::size_t number = 0;
  Channel channel;
  Process process;
  TaskReply reply = {};
  Clock::time_point begin = Clock::now();
};

Running Start(std::size_t number, const Task& task) {
  std::pair<Channel, Channel> ends = MakeChannels();
  Process process([&] {
    ends.first.Close();
    RunOnBigStack([&] {
      DoTask(task, ends.second);
    });
  });
  return {number, std::move(ends.first), std::move(process)};
}

class Pool {
 public:
  Pool(std::size_t count, const std::function<Task(std::size_t)>& task,
       const std::function<void(std::size_t, TaskResult)>& finished, const PoolOptions& options)
      : count_(count), task_(task), finished_(finished), options_(options) {
    parallel_ = options.parallel > 0 ? static_cast<std::size_t>(options.parallel)
                                     : std::max(1U, std::thread::hardware_concurrency());
  }

  void Run() {
    while (next_ < count_ || !running_.empty()) {
      while (next_ < count_ && running_.size() < parallel_) {
        running_.push_back(Start(next_, task_(next_)));
        ++next_;
      }
      HandOver();  // while the new children run
      Listen();
      EndLateOnes();
      TellProgress();
    }
    HandOver();
  }

 private:
  void Listen() {
    std::vector<pollfd> waiting;
    for (const Running& each : running_) {
      waiting.push_back({each.channel.socket(), POLLIN, 0});
    }
    if (poll(waiting.data(), waiting.size(), Patience()) < 0) {
      CHECK(errno == EINTR);
      return;
    }
    std::vector<Running> still;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].revents == 0 || !Ended(running_[i])) {
        still.push_back(std::move(running_[i]));
      }
    }
    running_ = std::move(still);
  }

  [[nodiscard]] double SecondsLeft(const Running& child) const {
    return options_.timeout_s - std::chrono::duration<double>(Clock::now() - child.begin).count();
  }

  /// Milliseconds until somebody must be told of the progress, or a child is late.
  [[nodiscard]] int Patience() const {
    double seconds = 1;
    for (const Running& each : running_) {
      seconds = options_.timeout_s > 0 ? std::min(seconds, SecondsLeft(each)) : seconds;
    }
    return static_cast<int>(std::ceil(std::max(0.0, seconds) * 1e3));
  }

  void EndLateOnes() {
    if (options_.timeout_s <= 0) {
      return;
    }
    std::vector<Running> still;
    for (Running& child : running_) {
      if (SecondsLeft(child) > 0) {
        still.push_back(std::move(child));
        continue;
      }
      child.process.Kill();
      child.reply.TimeOut(options_.timeout_s);
      ended_.emplace(child.number, std::move(child.reply).result());
    }
    running_ = std::move(still);
  }

  /// Takes what has arrived from a child. True when it was the last.
  bool Ended(Running& child) {
    const bool open = child.channel.Read();
    bool last = false;
    while (std::optional<Frame> frame = child.channel.Next()) {
      last = child.reply.Add(*std::move(frame));
    }
    if (!last && open) {
      return false;
    }
    const std::string how = child.process.Wait();
    if (!last) {
      child.reply.BreakOff(how);
    }
    ended_.emplace(child.number, std::move(child.reply).result());
    return true;
  }

  /// Results whose turn it is.
  void HandOver() {
    for (auto first = ended_.begin();
         first != ended_.end() && (first->first == handed_ || !options_.in_order);
         first = ended_.begin()) {
      const std::size_t number = first->first;
      TaskResult result = std::move(first->second);
      ended_.erase(first);
      ++handed_;
      finished_(number, std::move(result));
    }
  }

  void TellProgress() const {
    if (!options_.progress) {
      return;
    }
    const std::size_t done = next_ - running_.size();
    auto sum = static_cast<double>(done);
    for (const Running& each : running_) {
      sum += each.reply.progress();
    }
    options_.progress(done, sum / static_cast<double>(count_));
  }

  std::size_t count_;
  const std::function<Task(std::size_t)>& task_;
  const std::function<void(std::size_t, TaskResult)>& finished_;
  const PoolOptions& options_;
  std::size_t parallel_ = 1;
  std::size_t next_ = 0;    ///< to start
  std::size_t handed_ = 0;  ///< to `finished`
  std::vector<Running> running_;
  std::map<std::size_t, TaskResult> ended_;  ///< before their turn
};

}  // namespace

void RunTasks(std::size_t count, const std::function<Task(std::size_t)>& task,
              const std::function<void(std::size_t, TaskResult)>& finished,
              const PoolOptions& options) {
  Pool(count, task, finished, options).Run();
}

TaskResult RunInChild(const Task& task) {
  TaskResult only;
  RunTasks(
      1,
      [&](std::size_t /*number*/) {
        return task;
      },
      [&](std::size_t /*number*/, TaskResult result) {
        only = std::move(result);
      });
  return only;
}

}  // namespace gridlock
