#pragma once

// What weights and an engine leave of the HBM of a replica to caches.

#include <cstdint>
#include <string>

#include "workloads/inference_specs.h"
#include "workloads/replica_weights.h"

namespace gridlock {

struct CacheRoom {
  double token_bytes = 0;           ///< of a token in layers that keep all, on one accelerator
  double window_bytes = 0;          ///< of the windows and states of a sequence, the same
  double window_tokens = 0;         ///< of the cache, that a token in windows takes
  std::int64_t tokens = 0;          ///< that all caches of the replica hold
  std::int64_t sequences_most = 0;  ///< see IterationCosts
  std::int64_t batch_max = 0;       ///< of one rank: the engine's, or fewer
};

/// Throws UserError, path `path`, when weights do not fit.
CacheRoom RoomOf(const ReplicaWeights& weights, const InferencePart& part,
                 const InferenceEngine& engine, const AdapterCosts& adapters,
                 const std::string& path);

/// See IterationCosts.
std::int64_t WindowTokens(const InferenceModel& model, const CacheRoom& room, std::int64_t length);

}  // namespace gridlock
