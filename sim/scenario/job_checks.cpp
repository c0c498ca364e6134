#include "sim/scenario/job_checks.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "sim/schema/rules.h"

namespace gridlock {
namespace {

void CheckUnique(const std::vector<JobSpec>& jobs, const std::vector<JobPlace>& places,
                 ProblemList& problems) {
  std::map<std::string, std::size_t> first;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto [other, is_new] = first.emplace(jobs[i].name, i);
    if (!is_new) {
      problems.Add(places[i].name, jobs[i].path + ".name",
                   Refusal("there is another job " + Quoted(jobs[i].name) + ", at " +
                               places[other->second].name.Text(),
                           "a name of its own"));
    }
  }
}

void CheckFinalRuns(const std::vector<JobSpec>& jobs, const std::vector<JobPlace>& places,
                    ProblemList& problems) {
  std::vector<std::string> runs;
  for (const JobSpec& job : jobs) {
    if (std::holds_alternative<PretrainingSpec>(job.kind)) {
      runs.push_back(job.name);
    }
  }
  const std::set<std::string> known(runs.begin(), runs.end());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto* const campaign = std::get_if<CampaignSpec>(&jobs[i].kind);
    if (campaign != nullptr && !campaign->final_run.empty() &&
        !known.contains(campaign->final_run)) {
      problems.Add(places[i].final_run, jobs[i].path + ".campaign.final_run",
                   Refusal("there is no pretraining job " + Quoted(campaign->final_run),
                           runs.empty() ? "a scenario with one" : OneOf(runs),
                           NearestName(campaign->final_run, runs)));
    }
  }
}

/// By cohort, the cohorts that its jobs wait for.
using Waits = std::map<std::string, std::set<std::string>>;

/// Takes away cohorts that wait for none, until only circles and what waits for them remain.
void RemoveThatEnd(Waits& waits) {
  for (bool removed = true; removed;) {
    removed = false;
    for (auto each = waits.begin(); each != waits.end();) {
      bool waiting = false;
      for (const std::string& other : each->second) {
        waiting = waiting || waits.contains(other);
      }
      removed = removed || !waiting;
      each = waiting ? std::next(each) : waits.erase(each);
    }
  }
}

void CheckCohorts(const std::vector<JobSpec>& jobs, const std::vector<JobPlace>& places,
                  ProblemList& problems) {
  Waits waits;
  for (const JobSpec& job : jobs) {
    if (!job.cohort.empty()) {
      std::set<std::string>& of = waits[job.cohort];
      if (!job.after_cohort.empty()) {
        of.insert(job.after_cohort);
      }
    }
  }
  std::vector<std::string> names;
  for (const auto& [name, of] : waits) {
    names.push_back(name);
  }
  RemoveThatEnd(waits);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const std::string& after = jobs[i].after_cohort;
    if (after.empty()) {
      continue;
    }
    const std::string path = jobs[i].path + ".after_cohort";
    if (!std::binary_search(names.begin(), names.end(), after)) {
      problems.Add(places[i].after_cohort, path,
                   Refusal("no job is of the cohort " + Quoted(after),
                           names.empty() ? "a job with it as its \"cohort\"" : OneOf(names),
                           NearestName(after, names)));
    } else if (waits.contains(jobs[i].cohort) && waits.contains(after)) {
      problems.Add(places[i].after_cohort, path,
                   Refusal("the cohort " + Quoted(jobs[i].cohort) + " waits for " + Quoted(after) +
                               ", which waits for it or for itself",
                           "cohorts that do not wait in a circle"));
    }
  }
}

}  // namespace

JobPlace PlaceOf(const JobMessage& job) {
  const Written& name = job.written.At("name");
  return {job.written.Has("name") ? name.value : job.written.name,
          job.written.At("campaign").At("final_run").value, job.written.At("after_cohort").value};
}

void CheckJobs(const std::vector<JobSpec>& jobs, const std::vector<JobPlace>& places,
               ProblemList& problems) {
  CheckUnique(jobs, places, problems);
  CheckFinalRuns(jobs, places, problems);
  CheckCohorts(jobs, places, problems);
}

}  // namespace gridlock
