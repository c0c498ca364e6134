#pragma once

// Whether jobs fit each other: each has a name of its own, and every job that another one names
// exists.

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
