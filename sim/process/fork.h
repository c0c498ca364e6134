#pragma once

// The one place that forks. A child never outlives its parent, not even one that is killed.

#include <functional>
#include <string>
#include <utility>

#include <sys/types.h>

namespace gridlock {

/// A forked process. Killed when this object goes before Wait was called.
class Process {
 public:
  /// Forks: the child runs `work` and ends with status 0, without destructors (SimGrid's own
  /// teardown costs time and changes nothing). `work` must not throw.
  ///
  /// The kernel kills the child when the thread that forked it ends, so fork from a thread that
  /// stays. The child ignores Ctrl-C, SIGTERM and hangups: a terminal sends them to parent and
  /// children at once, the parent decides what they mean, and its end is the end of the child.
  explicit Process(const std::function<void()>& work);

  Process(Process&& other) noexcept : id_(std::exchange(other.id_, -1)) {}

  Process& operator=(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  [[nodiscard]] pid_t id() const { return id_; }

  /// Waits for the end. Returns "" after status 0, else a sentence: "the simulation was ended by
  /// signal 11 (Segmentation fault)".
  std::string Wait();

  /// Ends the process and waits for its end; nothing when it has ended.
  void Kill();

 private:
  pid_t id_ = -1;
};

}  // namespace gridlock
