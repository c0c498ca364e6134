#pragma once

// Prefill and decode in pools of their own. A request is prefilled by one replica, which gives its
// first token; its cache moves over the fabric (kv_network.h); another replica decodes the rest.
//
//   until nothing is left, do what comes first:
//     a request arrives       the router gives it to a prefill replica
//     a prefill ends          its cache begins to move to the decode replica that the router names
//     a cache has come        it waits in that replica for room in batch and cache
//     a replica is free       it does its next event (batching.h); a decode replica jumps over
//                             iterations up to the earliest moment at which a cache might come
//
// Exact in every event: replicas act in the order of their clocks, so that none acts before what
// could reach it. Prefill replicas keep beginnings of prompts where the load says so
// (prefix_cache.h); the whole cache of a prompt moves all the same. Approximations: a prefill
// replica gives up a cache when it begins to move, and one that waits for room in a decode replica
// takes no room elsewhere.
//
// Invariants, which tests name:
//   INV-5  pools: each token of a prompt is prefilled once, but for evictions, and its cache moves
//          once
//   INV-6  order: first token <= cache has come <= end

#include <cstdint>
#include <vector>

#include "sim/serving/kv_network.h"
#include "sim/serving/router.h"
#include "sim/serving/serve_run.h"

namespace gridlock {

struct PoolSpec {
  const IterationCosts* prefill = nullptr;  ///< of one replica; they outlive the run
  const IterationCosts* decode = nullptr;
  KvLinks links;  ///< as many entries as replicas
  Router router = Router::kLeastLoaded;
};

struct PoolResult {
  ServeResult served;                     ///< of all replicas; `work` is that of decode replicas
  BatchWork prefill_work;                 ///< of all prefill replicas
  std::vector<Seconds> waits_of_prefill;  ///< arrival to admission
  std::vector<Seconds> transfers;         ///< first token to cache there
  std::vector<Seconds> waits_of_decode;   ///< cache there to admission
  Bytes moved;
  Seconds network_busy;
  double other_share = 1;  ///< KvNetwork::OtherShare at the end
};

/// Runs the load on both pools; `load.value` and `load.requests` are of all replicas together.
PoolResult RunPools(const PoolSpec& spec, const ServeLoad& load);

}  // namespace gridlock
