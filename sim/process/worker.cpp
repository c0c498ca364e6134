#include "sim/process/worker.h"

#include <utility>

#include "sim/base/archive.h"
#include "sim/process/pool.h"
#include "sim/record/step_fields.h"

namespace gridlock {

namespace {

JobResult Unpacked(TaskResult result) {
  JobResult job;
  job.ok = result.ok;
  if (result.ok) {
    job.record = FromBytes<StepRecord>(result.bytes);
  } else if (result.problems.empty()) {
    job.problem = std::move(result.failure);
  } else {
    job.problem = UserError(result.problems).what();
    job.problems = std::move(result.problems);
  }
  return job;
}

}  // namespace

std::vector<JobResult> RunJobs(const std::vector<Job>& jobs, const WorkerOptions& options) {
  std::vector<JobResult> results;
  PoolOptions pool;
  pool.parallel = options.parallel;
  pool.progress = options.progress;
  RunTasks(
      jobs.size(),
      [&](std::size_t number) -> Task {
        return [&job = jobs[number]](const auto& progress) {
          return ToBytes(job(progress));
        };
      },
      [&](std::size_t number, TaskResult result) {
        results.push_back(Unpacked(std::move(result)));
        if (options.finished) {
          options.finished(number, results.back());
        }
      },
      pool);
  return results;
}

}  // namespace gridlock
