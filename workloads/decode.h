#pragma once

// What serving a dense transformer costs on one replica, a tensor-parallel group inside a scale-up
// domain: closed forms of a prefill and of a decode iteration, and the KV cache that HBM has room
// for. No clock.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"
#include "workloads/job.h"

namespace gridlock {

/// Arithmetic and traffic of all accelerators of a replica together.
struct ServingWork {
  Flop flop;
  Joules arithmetic;  ///< of the FLOP, at the price of their formats
  Bytes hbm;          ///< read and written
  Bytes links;        ///< sent over scale-up links, protocol included

  ServingWork& operator+=(const ServingWork& other);
};

ServingWork operator*(const ServingWork& work, double times);

/// A prefill of so many tokens, without attention.
struct PrefillPoint {
  std::int64_t tokens = 0;
  Seconds time;
};

/// Costs of one replica. A decode iteration of `batch` sequences that hold `tokens` in cache takes
/// DecodeTime(batch) + per_cached_token * tokens: affine in the tokens for a fixed batch.
struct ServingCosts {
  std::vector<Seconds> decode_time;         ///< [batch - 1], all positive
  std::vector<PrefillPoint> prefill_times;  ///< by rising tokens, at least two
  Seconds per_cached_token;                 ///< reading one token's keys and values from HBM
  Seconds prefill_pair;                     ///< attention of one pair (query, key) of a prompt
  std::int64_t cache_tokens = 0;            ///< that fit HBM beside weights and buffers

  ServingWork per_pass;    ///< of each prefill and each iteration, however many tokens: the weights
  ServingWork per_token;   ///< of each token that goes through the layers
  ServingWork per_output;  ///< of each token that comes out: the LM head
  ServingWork per_cached_read;  ///< of each cached token that an iteration attends to
  ServingWork per_pair;         ///< of each pair of a prefill

  /// Of an iteration of 1..decode_time.size() sequences with an empty cache.
  [[nodiscard]] Seconds DecodeTime(std::int64_t batch) const;

  /// Of prompts with `tokens` tokens and `pairs` query-key pairs together. Linear between the
  /// points, and beyond the last in proportion to its tokens.
  [[nodiscard]] Seconds PrefillTime(std::int64_t tokens, double pairs) const;
};

/// Costs of one replica of a fleet on this server. Every operation takes the longer of its FLOP at
/// the catalogue's efficiency and its HBM bytes, as in training; small kernels, of which decoding
/// has many, take in addition a time that does not depend on their bytes. Weights are in the
/// fleet's precision, the embedding and the LM head in 16 bits; the KV cache is in 8 bits with FP8
/// and FP4, else in 16.
///
/// Throws UserError (paths under fleet.path) when the accelerator lacks the format, the replica is
/// wider than a scale-up domain or does not divide the heads, or HBM has no room for the cache of
/// one request.
ServingCosts CostsOf(const ServingSpec& fleet, const ServerSpec& server);

/// Which parts of the costs of every fleet are estimates, in words for the output.
std::string EstimatesOfServing();

}  // namespace gridlock
