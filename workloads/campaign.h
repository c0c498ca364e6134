#pragma once

// From a campaign to the runs that it is made of.

#include <cstdint>
#include <vector>

#include "workloads/job.h"

namespace gridlock {

/// The experiments of a campaign (whose kind is CampaignSpec), as pretraining jobs by rising start.
/// Rounds of successive halving are cohorts: who goes on is drawn, continues from where its run
/// stood, and waits until the round before has ended. Names are "CAMPAIGN/experiment-0007", with
/// "/round-2" behind it.
/// @param final_run FLOP of the whole final run, for CampaignSpec::compute; not looked at when that
///   is 0
/// PretrainingSpec::step keeps the path of its rung, by which a workload file finds what it is made
/// of. The same seed gives the same jobs, each of its own stream: an experiment more does not
/// change the others.
std::vector<JobSpec> BuildExperiments(const JobSpec& campaign, Flop final_run, std::uint64_t seed);

}  // namespace gridlock
