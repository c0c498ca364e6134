#pragma once

// A replica that is stepped iteration by iteration, every sequence token by token: slow, plain, and
// written without the event-exact one. What both do must agree.

#include <cstdint>
#include <vector>

#include "sim/serving/replica.h"

namespace gridlock {

/// Costs that hold from the first boundary at or after `from`.
struct CostChange {
  Seconds from;
  ServingCosts costs;
};

struct ReferenceOutcome {
  std::vector<CompletedRequest> completed;
  ReplicaWork work;
};

/// Serves `requests`, which rise in arrival, to the end of the last. `changes` rise in time, the
/// first at zero.
ReferenceOutcome ServeTokenByToken(const std::vector<Request>& requests,
                                   const std::vector<CostChange>& changes, Replica::Limits limits);

/// Costs with decode times of 10 ms + 0.1 ms a sequence up to `batch_max`, prefills of 1 ms + 20 us
/// a token + 1 ns a pair, 1 us a cached token.
ServingCosts PlainCosts(int batch_max, std::int64_t cache_tokens);

}  // namespace gridlock
