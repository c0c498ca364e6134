#pragma once

// Sweeps on several machines: each runs a shard of the points into a folder of its own, and the
// folders are merged into what one machine would have written, bit for bit.
//
//   point p of the sweep is point p / n of shard p % n + 1: every shard has points of all parts of
//   the grid, and so about the same work

#include <cstdint>
#include <string>
#include <vector>

#include "sim/record/trace_header.h"
#include "sim/sweep/journal.h"
#include "sim/sweep/run_sweep.h"
#include "sim/sweep/sweep.h"

namespace gridlock {

/// All that a sweep's results depend on, and the shard, so that a folder of another one is known.
/// @param cells of the whole sweep, as CellsOf counts them
std::string IdentityOf(const Sweep& sweep, const TraceHeader& header, const SweepOptions& options,
                       std::size_t cells);

/// The cells that a shard runs, of those of the sweep.
std::vector<std::uint64_t> PointsOf(const Shard& shard, const std::vector<std::uint64_t>& cells);

/// Appends the points of all shards to an empty journal, in the order of the sweep. Throws
/// UserError when the folders are not all shards of this sweep, or one of them is not complete.
void MergeShards(const Sweep& sweep, const TraceHeader& header, const SweepOptions& options,
                 std::int64_t points, Journal& journal);

}  // namespace gridlock
