#pragma once

// Where a job may run, and what it can count on there.

#include <cstdint>
#include <vector>

#include "topologies/machine.h"
#include "workloads/job.h"

namespace gridlock {

/// Sites that a job may run on, in the order in which it takes them: its own, or all.
std::vector<SiteIndex> AllowedSites(const JobSpec& job, const std::vector<SiteSpec>& sites);

/// A job is sized in servers before it has a place, and a fleet has one set of costs. So a job that
/// may run on several sites needs servers there with equally many accelerators, and a fleet the
/// same accelerators too. Throws UserError otherwise.
void CheckSitesAlike(const JobSpec& job, const std::vector<SiteSpec>& sites);

/// The server that a job can count on wherever it runs. Each of its numbers is the least among the
/// sites of the job, see SlowerOf.
ServerSpec LeastServer(const JobSpec& job, const std::vector<SiteSpec>& sites);

}  // namespace gridlock
