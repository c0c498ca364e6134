#pragma once

// Many tasks, some at a time, each in a child of its own. A child that crashes takes only its own
// task with it.
//
// A child per task, and no workers that are kept: SimGrid cannot start its clock anew. The fork
// itself is cheap (well below the milliseconds of the smallest step), and what the parent has
// loaded, such as the catalogue, is there in the child without being sent.

#include <cstddef>
#include <functional>

#include "sim/process/task.h"

namespace gridlock {

struct PoolOptions {
  int parallel = 0;      ///< children at a time; 0: one per core
  double timeout_s = 0;  ///< a child that takes longer is ended; 0: it may take as long as it wants
  bool in_order = true;  ///< else `finished` gets each result as soon as it is there

  /// Called when something happened, and about once a second while nothing does.
  /// @param done tasks that have ended; @param fraction of all tasks that is done, 0..1
  std::function<void(std::size_t done, double fraction)> progress;
};

/// Runs tasks 0 to `count` - 1. `task` makes each one just before it starts, and `finished` gets
/// each result in the order of the tasks, unless the options say otherwise, so that neither all
/// tasks nor all results are in memory at once. When `finished` throws, the children that still run
/// are killed.
void RunTasks(std::size_t count, const std::function<Task(std::size_t)>& task,
              const std::function<void(std::size_t, TaskResult)>& finished,
              const PoolOptions& options = {});

/// One task in a child.
TaskResult RunInChild(const Task& task);

}  // namespace gridlock
