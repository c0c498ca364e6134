#pragma once

// The results of a sweep for xarray and spreadsheets, made from its journal.

#include <string>

#include "sim/record/trace_header.h"
#include "sim/sweep/sweep.h"

namespace gridlock {

/// Writes PATH.h5, netCDF-4 with the axes as dimensions, and PATH.csv with one line a point. Cells
/// that have no result are NaN or "", and `status` says why. Returns the fingerprint of all points.
/// Memory: one slab of the first axis at a time. Throws IoError.
std::string WriteResults(const Sweep& sweep, const TraceHeader& header, const Grid& grid,
                         const std::string& journal, const std::string& path);

}  // namespace gridlock
