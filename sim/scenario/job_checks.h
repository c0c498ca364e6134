#pragma once

// What jobs owe each other: names of their own, and names of others that exist.

#include <vector>

#include "sim/scenario/convert.h"

namespace gridlock {

/// Where a job says who it is and whom it refers to.
struct JobPlace {
  Position name;
  Position final_run;
  Position after_cohort;
};

JobPlace PlaceOf(const JobMessage& job);

/// Checks all jobs of a scenario, those of workload files included; `places` are theirs.
void CheckJobs(const std::vector<JobSpec>& jobs, const std::vector<JobPlace>& places,
               ProblemList& problems);

}  // namespace gridlock
