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
/// Names are "CAMPAIGN/experiment-0007", counted from 1. With successive halving (Jamieson and
/// Talwalkar 2016, arXiv:1502.07943) each round is a job of its own, "/round-2" behind the name
/// from the first round on, in the cohort "CAMPAIGN/round-2" after that of the round before; the
/// last one is in the cohort of the campaign when it has one, so that others may wait for it. Of n
/// experiments that start a round, ceil(keep n) go on, or all that did not fail if these are fewer;
/// who, is drawn. An experiment goes on from where it stood: at the end of round r of R it has run
/// growth^(r - R) of its whole length, and the steps of a job are those of its round.
///
/// An experiment that fails does so at a uniform place in its whole length; one that is stopped
/// before never gets there. Every job runs at least one step.
///
/// With CampaignSpec::compute all lengths are scaled by one factor, such that the model FLOP of the
/// whole steps that are run come as near as they can; throws UserError when one step each is more.
/// @param final_run FLOP of the whole final run, for CampaignSpec::compute; not looked at when that
///   is 0
///
/// The same seed gives the same jobs. Each experiment draws from streams of its own: one more does
/// not change what the others draw, only who goes on and the factor.
std::vector<JobSpec> BuildExperiments(const JobSpec& campaign, Flop final_run, std::uint64_t seed);

/// Model FLOP that a run does before it ends or fails: its whole steps.
Flop RunFlop(const PretrainingSpec& run);

}  // namespace gridlock
