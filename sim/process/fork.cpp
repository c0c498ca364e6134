#include "sim/process/fork.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

/// In the child: end with the parent.
void EndWith(pid_t parent) {
  CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
  if (getppid() != parent) {
    _exit(1);  // the parent ended before the kernel knew
  }
}

/// In the child: leave the signals that end a command to the parent.
void IgnoreEndings() {
  for (const int each : {SIGINT, SIGTERM, SIGHUP}) {
    (void)std::signal(each, SIG_IGN);
  }
}

}  // namespace

Process::Process(const std::function<void()>& work) {
  const pid_t parent = getpid();
  id_ = fork();
  CHECK(id_ >= 0);
  if (id_ == 0) {
    EndWith(parent);
    IgnoreEndings();
    work();
    _exit(0);
  }
}

Process& Process::operator=(Process&& other) noexcept {
  Kill();
  id_ = std::exchange(other.id_, -1);
  return *this;
}

Process::~Process() {
  Kill();
}

void Process::Kill() {
  if (id_ > 0) {
    kill(id_, SIGKILL);
    (void)Wait();
  }
}

std::string Process::Wait() {
  CHECK(id_ > 0);
  int status = 0;
  while (waitpid(id_, &status, 0) < 0) {
    CHECK(errno == EINTR);
  }
  id_ = -1;
  if (WIFSIGNALED(status)) {
    return fmt::format("the simulation was ended by signal {} ({})", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
  }
  return WEXITSTATUS(status) == 0
             ? ""
             : fmt::format("the simulation ended with status {}", WEXITSTATUS(status));
}

}  // namespace gridlock
