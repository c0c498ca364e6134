#pragma once

// What serving a dense transformer costs on one replica, a tensor-parallel group: closed forms of a
// prefill and of a decode iteration, and the KV cache that HBM has room for. No clock.

#include <cstdint>

#include "sim/base/units.h"
#include "topologies/machine.h"
#include "workloads/job.h"

namespace gridlock {

/// Costs of one replica. A decode iteration of `batch` sequences that hold `tokens` in cache takes
/// DecodeTime(batch) + per_cached_token * tokens: affine in the tokens for a fixed batch.
struct ServingCosts {
  Seconds weights_time;           ///< reading all weights from HBM once
  Seconds flop_time;              ///< GEMMs of one decoded token of one sequence
  Seconds overhead;               ///< launches, tensor-parallel latencies, sampling: per iteration
  Seconds tensor_time;            ///< tensor-parallel bytes of one token of one sequence
  Seconds per_cached_token;       ///< reading one token's keys and values from HBM
  Seconds prefill_token;          ///< GEMMs and communication of one prompt token
  Seconds prefill_pair;           ///< attention of one pair (query, key) of a prompt
  Seconds prefill_overhead;       ///< per prefill
  std::int64_t cache_tokens = 0;  ///< that fit HBM beside weights and buffers

  // For energy: per iteration and token.
  Flop flop_per_token;
  Bytes weight_bytes;  ///< all accelerators of the replica together
  Bytes bytes_per_cached_token;
  Bytes link_bytes_per_token;

  /// max(weights_time, batch x flop_time) + batch x tensor_time + overhead.
  [[nodiscard]] Seconds DecodeTime(std::int64_t batch) const;

  /// Of prompts with `tokens` tokens and `pairs` query-key pairs together.
  [[nodiscard]] Seconds PrefillTime(std::int64_t tokens, double pairs) const;
};

/// Throws UserError (paths under fleet.path) when the weights leave no room for the cache of one
/// request, or the replica is wider than a scale-up domain.
ServingCosts CostsOf(const ServingSpec& fleet, const ServerSpec& server);

}  // namespace gridlock
