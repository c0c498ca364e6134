#pragma once

// One decode replica with continuous batching, exact in every event and never stepped token by
// token: between arrivals, completions and evictions the iterations' times form an arithmetic
// series, whose sum is inverted to jump to the next event.
//
//   while the clock is before `until`:
//     admit waiting requests that fit batch and cache, in order: one prefill of all of them
//     else: n = iterations until a sequence completes, the cache is full or a request waits
//           clock += n DecodeTime(batch) + per_cached_token (n tokens + batch n (n - 1) / 2)
//
// Requests are admitted between iterations only. When the cache is full the latest admitted
// sequence is evicted and prefilled again later (recomputation), first in the queue.

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "sim/base/units.h"
#include "workloads/decode.h"
#include "workloads/job.h"

namespace gridlock {

/// What became of a request.
struct CompletedRequest {
  std::int32_t group = 0;
  std::int64_t prompt_tokens = 0, output_tokens = 0;
  Seconds arrival, first_token, end;
};

/// What a replica did since it was last asked: sums.
struct ReplicaWork {
  Seconds busy;
  std::int64_t prompt_tokens = 0;  ///< prefilled, again after eviction included
  std::int64_t output_tokens = 0;  ///< decoded
  std::int64_t evictions = 0;
  Flop flop;
  Bytes hbm, links;
};

class Replica {
 public:
  struct Limits {
    std::int32_t batch_max = 256;
    std::int32_t prefill_tokens_max = 8192;
  };

  Replica(const ServingCosts& costs, Limits limits);

  /// A request comes. Arrivals must not decrease; the clock may be behind.
  void Submit(const Request& request);

  /// Simulates up to `until`; whoever completes is handed to `completed`, in order.
  void AdvanceTo(Seconds until, const std::function<void(const CompletedRequest&)>& completed);

  /// From now on iterations cost this (HBM or clocks were capped). A cache that became smaller
  /// evicts.
  void SetCosts(const ServingCosts& costs);

  /// Work since the last call.
  ReplicaWork TakeWork();

  [[nodiscard]] Seconds now() const;
  [[nodiscard]] std::int64_t waiting() const;
  [[nodiscard]] std::int64_t active() const;
};

}  // namespace gridlock
