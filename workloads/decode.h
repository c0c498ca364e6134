#pragma once

// What serving costs on one replica of a fleet, as sums that a replica's clock can jump over: an
// iteration is affine in the cached tokens that it reads, a prefill in its pairs. All of it follows
// from IterationCosts (workloads/inference.h). No clock.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/machine.h"
#include "workloads/inference.h"
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

/// A pass of so many tokens through the layers, without attention.
struct PassPoint {
  std::int64_t tokens = 0;
  Seconds time;  ///< of a prefill, which gives one token
  Bytes hbm;     ///< of all accelerators: activations, and weights, of experts those chosen
};

/// Costs of one replica. A decode iteration of `batch` sequences that hold `tokens` in cache takes
/// DecodeTime(batch) + PerCachedToken(batch) * tokens: affine in the tokens for a fixed batch.
struct ServingCosts {
  std::vector<Seconds> decode_time;  ///< [batch - 1], all positive
  std::vector<PassPoint> passes;     ///< by rising tokens, at least two
  Seconds per_cached_token;          ///< reading one token's keys and values from HBM, one sequence
  std::int64_t pipeline = 1;         ///< stages, which read caches of different sequences at once
  Seconds prefill_pair;              ///< attention of one pair (query, key) of a prompt
  std::int64_t cache_tokens = 0;     ///< that fit HBM beside weights and buffers

  ServingWork per_token;        ///< of each token that goes through the layers
  ServingWork per_output;       ///< of each token that comes out: the LM head
  ServingWork per_cached_read;  ///< of each cached token that an iteration attends to
  ServingWork per_pair;         ///< of each pair of a prefill

  /// Of an iteration of 1..decode_time.size() sequences with an empty cache.
  [[nodiscard]] Seconds DecodeTime(std::int64_t batch) const;

  /// Of one cached token in an iteration of `batch` sequences.
  [[nodiscard]] Seconds PerCachedToken(std::int64_t batch) const;

  /// Of prompts with `tokens` tokens and `pairs` query-key pairs together. Linear between the
  /// points, and beyond the last in proportion to its tokens.
  [[nodiscard]] Seconds PrefillTime(std::int64_t tokens, double pairs) const;

  /// Weights and activations that a pass of `tokens` tokens reads and writes on all accelerators.
  /// Linear between the points.
  [[nodiscard]] Bytes PassBytes(std::int64_t tokens) const;
};

/// A model of the catalogue as serving sees it.
InferenceModel InferenceModelOf(const ModelSpec& model);

/// The accelerator of a server as serving sees it: peaks, HBM and links are the server's own, the
/// shares of them that kernels reach those of `measured`, by names of accelerators. One that
/// none has reaches what its catalogue entry says of training. A power limit below that of
/// `measured` slows products and HBM as it slows training.
InferencePart InferencePartOf(const ServerSpec& server,
                              const std::map<std::string, InferencePart>& measured);

/// How a replica of a fleet is laid out, and its formats.
InferenceLayout InferenceLayoutOf(const ServingSpec& fleet);

/// Costs of an iteration of one replica of a fleet on this server.
/// Throws UserError (path of the fleet) when weights do not fit HBM.
IterationCosts IterationCostsOf(const ServingSpec& fleet, const ServerSpec& server);

/// Costs of one replica of a fleet on this server.
///
/// Throws UserError (paths under fleet.path) when tensor ranks do not divide the heads, or HBM has
/// no room for weights and the cache of one request.
ServingCosts CostsOf(const ServingSpec& fleet, const ServerSpec& server);

}  // namespace gridlock
