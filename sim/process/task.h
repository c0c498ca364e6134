#pragma once

// Work that a child does for its parent: a function that returns bytes. SimGrid keeps one clock per
// process, so every simulation is such a task.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/check.h"
#include "sim/process/frames.h"

namespace gridlock {

/// Returns the result as bytes. May tell its progress, 0..1. What it throws comes back as
/// TaskResult::problems or ::failure.
using Task = std::function<std::string(const std::function<void(double)>& progress)>;

struct TaskResult {
  bool ok = false;
  std::string bytes;              ///< when ok
  std::vector<Problem> problems;  ///< of a UserError, each with the path of its field
  std::string failure;            ///< else: what was thrown, or how the child was ended
  bool timed_out = false;         ///< the failure: the task took longer than it may

  /// The bytes. Throws UserError with the problems, or std::runtime_error with the failure.
  std::string Take() &&;
};

/// In the child: does the task and sends what becomes of it.
void DoTask(const Task& task, Channel& parent);

/// In the child: sends a result that is there already.
void SendResult(const TaskResult& result, Channel& parent);

/// In the parent: puts together what DoTask or SendResult sends.
class TaskReply {
 public:
  /// True when the frame was the last one.
  bool Add(Frame frame);

  /// Ends a reply that broke off. @param how the child ended: Process::Wait
  void BreakOff(const std::string& how);

  /// Ends a reply that took longer than it may.
  void TimeOut(double seconds);

  [[nodiscard]] double progress() const { return progress_; }

  TaskResult result() && { return std::move(result_); }

 private:
  double progress_ = 0;
  TaskResult result_;
};

}  // namespace gridlock
