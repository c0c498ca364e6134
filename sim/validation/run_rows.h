#pragma once

// Simulates the rows of a table, each in a process of its own.

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "sim/process/worker.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

/// Rows done, rows to do, and the mean share of all that is done, 0..1.
using RowProgress = std::function<void(std::size_t done, std::size_t all, double fraction)>;

/// One result for each scenario, in their order; empty where there is no scenario (nullptr).
/// @param parallel processes at a time; 0: one per core
/// @param progress may be empty
std::vector<std::optional<JobResult>> RunRows(const std::vector<const Scenario*>& scenarios,
                                              int parallel, const RowProgress& progress);

}  // namespace gridlock
