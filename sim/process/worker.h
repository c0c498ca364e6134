#pragma once

// Training steps as tasks of the pool: each is simulated in a child of its own and comes back as a
// record.

#include <functional>
#include <string>
#include <vector>

#include "sim/base/check.h"
#include "sim/record/step_record.h"

namespace gridlock {

/// What one child does; its progress goes to the callback as 0..1.
using Job = std::function<StepRecord(const std::function<void(double)>& progress)>;

/// What became of one child.
struct JobResult {
  bool ok = false;
  StepRecord record;              ///< when ok
  std::string problem;            ///< when not: the error, or the signal that ended the child
  std::vector<Problem> problems;  ///< when that was a UserError: each with the path of its field
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
