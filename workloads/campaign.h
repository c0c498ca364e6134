#pragma once

// From a campaign to the runs that it is made of.

#include <cstdint>
#include <vector>

#include "workloads/job.h"

namespace gridlock {

/// FLOP of the whole run that a campaign prepares; 0 when it names none of `jobs`.
Flop FinalRunFlop(const CampaignSpec& campaign, const std::vector<JobSpec>& jobs);

/// The experiments of a campaign (whose kind is CampaignSpec), as pretraining jobs by rising start.
///
/// Names are "CAMPAIGN/experiment-0007", counted from 1.
///
/// With successive halving (Jamieson and Talwalkar 2016, arXiv:1502.07943) each round of an
/// experiment is a job of its own. The name of the round, such as "/round-2", stands behind the
/// name from the first round on. The jobs of round 2 are the cohort "CAMPAIGN/round-2", which waits
/// for the cohort of round 1. The last round is in the cohort of the campaign, when the campaign
/// has one, so that other jobs may wait for it.
///
/// Of n experiments that start a round, ceil(keep n) go on, or all that did not fail when these are
/// fewer. Which ones go on is drawn. An experiment goes on from where it stood: at the end of round
/// r of R it has run growth^(r - R) of its whole length. The steps of a job are those of its round.
///
/// An experiment that fails does so at a place in its whole length that is drawn uniformly. An
/// experiment that is stopped before that place does not fail. Every job runs at least one step.
///
/// CampaignSpec::compute scales all lengths by one factor, so that the model FLOP of the whole
/// steps that are run come as near to that multiple as they can. Throws UserError when one step
/// each is already more.
/// @param final_run FLOP of the whole final run, for CampaignSpec::compute; not looked at when that
///   is 0
///
/// The same seed gives the same jobs. Each experiment draws from streams of its own. One more
/// experiment does not change what the others draw; it may change which experiments go on, and the
/// factor.
std::vector<JobSpec> BuildExperiments(const JobSpec& campaign, Flop final_run, std::uint64_t seed);

/// Model FLOP that a run does before it ends or fails: its whole steps.
Flop RunFlop(const PretrainingSpec& run);

}  // namespace gridlock
