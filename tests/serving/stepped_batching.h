#pragma once

// The engine of sim/serving/batching.h, stepped token by token and written anew: every iteration
// walks over every sequence. The reference for times to 1e-9.

#include <cstdint>
#include <vector>

#include "sim/serving/batching.h"

namespace gridlock {

/// What became of the requests, in the order of their ids, which count from 0.
/// @param cache_peak the most tokens that the cache held
std::vector<BatchOutcome> RunStepped(const IterationCosts& costs,
                                     const std::vector<BatchRequest>& requests,
                                     std::int64_t& cache_peak);

/// Tokens of a block of a prompt's beginning that is kept.
inline constexpr std::int64_t kBlock = 16;

/// Chunked prefills: so many tokens an iteration, so many requests at once.
InferenceEngine Chunked(std::int64_t token_budget, int batch_max);

/// Four dense layers of width 512.
InferenceModel SmallModel();

/// A small model on a part with round numbers, whose cache holds about `cache_tokens`.
IterationCosts SmallCosts(InferenceEngine engine, double cache_tokens, double bandwidth = 1e12,
                          const InferenceLayout& layout = {},
                          const InferenceModel& model = SmallModel());

}  // namespace gridlock
