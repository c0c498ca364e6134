#pragma once

// SimGrid keeps one clock per process, so each point of a study runs in a forked child that sends
// its record back through a pipe. A child that crashes takes only its own point with it.

#include <functional>
#include <string>
#include <vector>

#include "sim/record/step_record.h"

namespace gridlock {

/// What one child does; its progress goes to the callback as 0..1.
using Job = std::function<StepRecord(const std::function<void(double)>& progress)>;

/// What became of one child.
struct JobResult {
  bool ok = false;
  StepRecord record;    ///< when ok
  std::string problem;  ///< when not: the error, or the signal that ended the child
};

struct WorkerOptions {
  int parallel = 0;  ///< children at a time; 0: one per core
  std::function<void(std::size_t done, double fraction)>
      progress;  ///< jobs finished, and mean fraction of all
  std::function<void(std::size_t job, const JobResult&)> finished;  ///< in the order of the jobs
};

/// Runs all jobs; results in the order of the jobs.
std::vector<JobResult> RunJobs(const std::vector<Job>& jobs, const WorkerOptions& options);

}  // namespace gridlock
