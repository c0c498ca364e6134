#pragma once

// Prefill and decode in pools of their own. A request is prefilled by one replica, which gives its
// first token; its cache moves over the fabric (kv_network.h); another replica decodes the rest.
//
//   until nothing is left, do what comes first:
//     a request arrives       its images go to encoders, where a pool of these is in front; then
//                             the router gives it to a prefill replica
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
#include <functional>
#include <queue>
#include <vector>

#include "sim/serving/encode_pool.h"
#include "sim/serving/kv_network.h"
#include "sim/serving/replica_pool.h"
#include "sim/serving/router.h"
#include "sim/serving/serve_run.h"

namespace gridlock {

struct PoolSpec {
  const IterationCosts* prefill = nullptr;  ///< of one replica; they outlive the run
  const IterationCosts* decode = nullptr;
  KvLinks links;  ///< as many entries as replicas
  Router router = Router::kLeastLoaded;
  EncodeSpec encode = {};  ///< of images, in front of the pool that prefills
};

class Pools {
 public:
  /// What a request went through. A cache that never moved (an answer of one token, a refusal) has
  /// no `there`.
  struct Passage {
    BatchRequest request;  ///< as submitted
    Seconds admitted, first_token, there, decoding, end;
    std::int32_t evictions = 0;  ///< from decode replicas
    bool refused = false, moved = false;
  };

  using Ended = std::function<void(const Passage&)>;

  /// @param prefixes beginnings of prompts that prefill replicas keep
  Pools(const PoolSpec& spec, std::int64_t batch_max, const PrefixSpec& prefixes);

  /// A request comes at its arrival, or at `now` when that is later. `ended` may submit.
  void Submit(const BatchRequest& request, Seconds now);

  /// Does what comes first, when it comes before `until`. False when nothing does.
  bool Next(Seconds until, const Ended& ended);

  /// Prompts and answers that begin from now on have these costs, which outlive the pools.
  void SetCosts(const IterationCosts& prefill, const IterationCosts& decode);

  /// As KvNetwork::SetCore, at the last `until` of Next.
  void SetCore(Seconds now, double rate) { network_.SetCore(now, rate); }

  /// Hands back all requests, and is empty.
  std::vector<BatchRequest> TakeAll();

  [[nodiscard]] ReplicaPool& prefill() { return prefill_; }

  [[nodiscard]] ReplicaPool& decode() { return decode_; }

  [[nodiscard]] const KvNetwork& network() const { return network_; }

  [[nodiscard]] const EncodePool& encoders() const { return encoders_; }

  /// Requests that have been submitted and not ended.
  [[nodiscard]] std::int64_t under_way() const { return under_way_; }

 private:
  enum class What { kArrival, kEncoded, kPrefilled, kEnded };

  struct Event {
    Seconds time;
    std::int64_t number = 0;  ///< of the submission
    What what = What::kArrival;
    std::size_t place = 0;  ///< in places_
  };

  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.time != b.time ? a.time > b.time : a.number > b.number;
    }
  };

  /// A request and where it is.
  struct Place {
    Passage passage;
    std::int64_t number = -1;  ///< of the submission; -1: free
    std::size_t prefill = 0, decode = 0;
  };

  void Handle(const Event& event, const Ended& ended);
  void Prefilled(const BatchOutcome& outcome);
  void Arrive(std::size_t place, Seconds time);
  void Decoded(const BatchOutcome& outcome);
  void After(Seconds time, What what, std::size_t place);
  [[nodiscard]] BatchRequest Inside(std::size_t place) const;

  const IterationCosts* decode_costs_;
  EncodePool encoders_;
  ReplicaPool prefill_, decode_;
  KvNetwork network_;
  std::vector<Place> places_;
  std::vector<std::size_t> free_;
  std::int64_t submitted_ = 0, under_way_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
};

/// How much of the time each side is busy, on average over its replicas.
struct PoolShares {
  double prefill = 0, network = 0, decode = 0;

  /// The busiest: "prefill", "fabric" or "decode".
  [[nodiscard]] const char* binds() const;
};

struct PoolResult {
  ServeResult served;                     ///< of all replicas; `work` is that of decode replicas
  BatchWork prefill_work;                 ///< of all prefill replicas
  std::vector<Seconds> waits_of_prefill;  ///< arrival to admission
  std::vector<Seconds> transfers;         ///< first token to cache there
  std::vector<Seconds> waits_of_decode;   ///< cache there to admission
  std::vector<Seconds> encoding;          ///< arrival to embeddings, of a pool of encoders
  Seconds encoder_busy;
  Bytes moved;
  Seconds network_busy;
  double other_share = 1;  ///< KvNetwork::OtherShare at the end

  /// Of so many replicas.
  [[nodiscard]] PoolShares Shares(int prefill_replicas, int decode_replicas) const;
};

/// Runs the load on both pools; `load.value` and `load.requests` are of all replicas together.
PoolResult RunPools(const PoolSpec& spec, const ServeLoad& load);

}  // namespace gridlock
