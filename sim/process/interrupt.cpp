#include "sim/process/interrupt.h"

#include <atomic>
#include <csignal>
#include <utility>

#include <unistd.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

// The last one made; a signal handler has no other way to it.
std::atomic<const OnInterrupt*> last_made = nullptr;  // NOLINT: see above
static_assert(std::atomic<const OnInterrupt*>::is_always_lock_free);

extern "C" void EndBySignal(int number) {
  if (const OnInterrupt* const last = last_made.load(); last != nullptr) {
    last->Do();
  }
  (void)std::signal(number, SIG_DFL);
  (void)std::raise(number);  // takes effect when the handler returns
}

// Sets the handler of each signal that is not ignored.
void Install(void (*handler)(int)) {
  for (const int number : kSignals) {
    struct sigaction now = {};
    CHECK(sigaction(number, nullptr, &now) == 0);
    if (now.sa_handler != SIG_IGN) {
      now = {};
      now.sa_handler = handler;
      CHECK(sigaction(number, &now, nullptr) == 0);
    }
  }
}

}  // namespace

HeldSignals::HeldSignals() {
  sigset_t held;
  CHECK(sigemptyset(&held) == 0);
  for (const int number : kSignals) {
    CHECK(sigaddset(&held, number) == 0);
  }
  CHECK(pthread_sigmask(SIG_BLOCK, &held, &before_) == 0);
}

HeldSignals::~HeldSignals() {
  CHECK(pthread_sigmask(SIG_SETMASK, &before_, nullptr) == 0);
}

OnInterrupt::OnInterrupt(std::string say, std::vector<std::string> remove)
    : say_(std::move(say)), remove_(std::move(remove)), before_(last_made.load()) {
  last_made = this;
  Install(&EndBySignal);
}

OnInterrupt::~OnInterrupt() {
  CHECK(last_made.load() == this);
  last_made = before_;
  if (before_ == nullptr) {
    Install(SIG_DFL);
  }
}

void OnInterrupt::Do() const {
  for (const std::string& file : remove_) {
    (void)unlink(file.c_str());
  }
  if (!say_.empty() && write(STDERR_FILENO, say_.data(), say_.size()) < 0) {
    // Nobody is left to tell.
  }
  if (before_ != nullptr) {
    before_->Do();
  }
}

}  // namespace gridlock
