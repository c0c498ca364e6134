#include "sim/process/worker.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/archive.h"
#include "sim/base/check.h"
#include "sim/process/big_stack.h"
#include "sim/record/step_fields.h"

namespace gridlock {

namespace {

// Messages through the pipe: a kind, a length, the bytes.
enum class Kind : char { kProgress = 'p', kRecord = 'r', kProblem = 'e' };

void Send(int pipe, Kind kind, const std::string& bytes) {
  std::string message(1, static_cast<char>(kind));
  const std::size_t size = bytes.size();
  message.append(reinterpret_cast<const char*>(&size),
                 sizeof size);  // NOLINT: raw bytes are the format
  message += bytes;
  for (std::size_t sent = 0; sent < message.size();) {
    const ssize_t n = write(pipe, message.data() + sent, message.size() - sent);
    if (n < 0 && errno != EINTR) {
      _exit(1);  // nobody listens any more
    }
    sent += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
}

struct ChildWork {
  const Job* job;
  int pipe;
};

void DoWork(const ChildWork& work) {
  try {
    const StepRecord record = (*work.job)([&work](double fraction) {
      Send(work.pipe, Kind::kProgress,
           std::string(reinterpret_cast<const char*>(&fraction), sizeof fraction));  // NOLINT
    });
    Send(work.pipe, Kind::kRecord, ToBytes(record));
  } catch (const std::exception& error) {
    Send(work.pipe, Kind::kProblem, error.what());
  }
}

// One running child, as the parent sees it.
struct Child {
  std::size_t job = 0;
  pid_t process = -1;
  int pipe = -1;
  std::string received;
  double fraction = 0;
  JobResult result;
};

class Pool {
 public:
  Pool(const std::vector<Job>& jobs, const WorkerOptions& options)
      : jobs_(jobs), options_(options), results_(jobs.size()), done_(jobs.size(), false) {
    parallel_ = options.parallel > 0 ? static_cast<std::size_t>(options.parallel)
                                     : std::max(1U, std::thread::hardware_concurrency());
  }

  std::vector<JobResult> Run() && {
    while (next_ < jobs_.size() || !children_.empty()) {
      while (next_ < jobs_.size() && children_.size() < parallel_) {
        Fork(next_++);
      }
      Listen();
    }
    return std::move(results_);
  }

 private:
  void Fork(std::size_t job) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    const pid_t process = fork();
    CHECK(process >= 0);
    if (process == 0) {
      close(ends[0]);
      const ChildWork work{&jobs_[job], ends[1]};
      RunOnBigStack([&work] {
        DoWork(work);
      });
      _exit(0);  // without destructors: SimGrid's own teardown costs time and changes nothing
    }
    close(ends[1]);
    Child child;
    child.job = job;
    child.process = process;
    child.pipe = ends[0];
    children_.push_back(std::move(child));
  }

  void Listen() {
    std::vector<pollfd> waiting;
    for (const Child& child : children_) {
      waiting.push_back({child.pipe, POLLIN, 0});
    }
    if (poll(waiting.data(), waiting.size(), -1) < 0) {
      CHECK(errno == EINTR);
      return;
    }
    for (std::size_t i = waiting.size(); i-- > 0;) {
      if (waiting[i].revents != 0 && !Read(children_[i])) {
        Reap(children_[i]);
        children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    ReportProgress();
  }

  // False at the end of the pipe.
  static bool Read(Child& child) {
    char buffer[65536];
    const ssize_t n = read(child.pipe, buffer, sizeof buffer);
    if (n < 0) {
      return errno == EINTR;
    }
    child.received.append(buffer, static_cast<std::size_t>(n));
    TakeMessages(child);
    return n > 0;
  }

  static void TakeMessages(Child& child) {
    constexpr std::size_t kHead = 1 + sizeof(std::size_t);
    while (child.received.size() >= kHead) {
      std::size_t size = 0;
      std::memcpy(&size, child.received.data() + 1, sizeof size);
      if (child.received.size() < kHead + size) {
        return;
      }
      Take(child, static_cast<Kind>(child.received[0]), child.received.substr(kHead, size));
      child.received.erase(0, kHead + size);
    }
  }

  static void Take(Child& child, Kind kind, const std::string& bytes) {
    switch (kind) {
      case Kind::kProgress:
        std::memcpy(&child.fraction, bytes.data(), sizeof child.fraction);
        break;
      case Kind::kRecord:
        child.result.record = FromBytes<StepRecord>(bytes);
        child.result.ok = true;
        break;
      case Kind::kProblem:
        child.result.problem = bytes;
        break;
    }
  }

  void Reap(Child& child) {
    int status = 0;
    while (waitpid(child.process, &status, 0) < 0 && errno == EINTR) {
    }
    close(child.pipe);
    if (!child.result.ok && child.result.problem.empty()) {
      child.result.problem =
          WIFSIGNALED(status)
              ? fmt::format("the simulation was ended by signal {} ({})", WTERMSIG(status),
                            strsignal(WTERMSIG(status)))
              : fmt::format("the simulation ended with status {}", WEXITSTATUS(status));
    }
    results_[child.job] = std::move(child.result);
    done_[child.job] = true;
    while (reported_ < done_.size() && done_[reported_]) {
      if (options_.finished) {
        options_.finished(reported_, results_[reported_]);
      }
      ++reported_;
    }
  }

  void ReportProgress() const {
    if (!options_.progress) {
      return;
    }
    const auto done = static_cast<std::size_t>(std::count(done_.begin(), done_.end(), true));
    double fraction = static_cast<double>(done);
    for (const Child& child : children_) {
      fraction += child.fraction;
    }
    options_.progress(done, fraction / static_cast<double>(jobs_.size()));
  }

  const std::vector<Job>& jobs_;
  const WorkerOptions& options_;
  std::size_t parallel_ = 1;
  std::size_t next_ = 0;
  std::size_t reported_ = 0;
  std::vector<Child> children_;
  std::vector<JobResult> results_;
  std::vector<bool> done_;
};

}  // namespace

std::vector<JobResult> RunJobs(const std::vector<Job>& jobs, const WorkerOptions& options) {
  return Pool(jobs, options).Run();
}

}  // namespace gridlock
