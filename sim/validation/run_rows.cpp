#include "sim/validation/run_rows.h"

#include <utility>

#include "sim/study/evaluate.h"

namespace gridlock {

std::vector<std::optional<JobResult>> RunRows(const std::vector<const Scenario*>& scenarios,
                                              int parallel, const RowProgress& progress) {
  std::vector<Job> jobs;
  std::vector<std::size_t> row_of_job;
  for (std::size_t i = 0; i < scenarios.size(); ++i) {
    if (scenarios[i] != nullptr) {
      row_of_job.push_back(i);
      jobs.emplace_back([scenario = scenarios[i]](const auto& report) {
        return EvaluateStep(*scenario, Fidelity::kFolded, report);
      });
    }
  }
  WorkerOptions worker;
  worker.parallel = parallel;
  worker.progress = [&](std::size_t done, double fraction) {
    if (progress) {
      progress(done, jobs.size(), fraction);
    }
  };
  std::vector<JobResult> finished = RunJobs(jobs, worker);
  std::vector<std::optional<JobResult>> results(scenarios.size());
  for (std::size_t job = 0; job < jobs.size(); ++job) {
    results[row_of_job[job]] = std::move(finished[job]);
  }
  return results;
}

}  // namespace gridlock
