#pragma once

// Traces of ranks on the network of a scenario.

#include <string>
#include <vector>

#include "sim/engine/replay_engine.h"
#include "sim/record/replay_record.h"
#include "topologies/network.h"
#include "workloads/program/replay_program.h"

namespace gridlock {

/// Replays the traces on the first accelerators of the site, one for each rank. Throws UserError.
ReplayRecord RunReplayStudy(const SiteSpec& site, const std::vector<const RankTrace*>& traces,
                            const std::vector<std::int32_t>& trace_of_rank,
                            const ReplayOptions& options, const ReplayProgress& progress);

}  // namespace gridlock
