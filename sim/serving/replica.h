#pragma once

// One decode replica with continuous batching, exact in every event and never stepped token by
// token: between arrivals, completions and evictions the iterations' times form an arithmetic
// series, whose sum is inverted to jump to the next event.
//
//   while the clock is before `until`:
//     new costs, if any, begin to hold
//     if the first that wait have come and fit batch and cache: one prefill of all of them, which
//       gives each its next token
//     else if sequences are active: n = iterations until one completes, the cache is full, one
//       comes that may fit, or costs change
//           clock += n DecodeTime(batch) + PerCachedToken(batch) (n tokens + batch n (n - 1) / 2)
//     else: clock = the next arrival
//
// Requests are admitted between iterations only, in order, when the cache holds their tokens and
// those of one more iteration of all. When the cache is full the latest admitted sequence is
// evicted and prefilled again later with what it had decoded (recomputation), first in the queue.
// A prefill stalls the sequences that decode; there is no chunked prefill.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
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
  /// The cache can never hold the request: nothing was decoded, first_token is not set, and end is
  /// when the replica refused it.
  bool refused = false;
};

/// What a replica did since it was last asked: sums.
struct ReplicaWork {
  Seconds busy;                    ///< in prefills and iterations
  std::int64_t prompt_tokens = 0;  ///< prefilled, again after eviction included
  std::int64_t output_tokens = 0;  ///< decoded, the first of each request included
  std::int64_t evictions = 0;
  Flop flop;
  Joules arithmetic;  ///< energy of the FLOP
  Bytes hbm, links;   ///< of all accelerators of the replica
};

class Replica {
 public:
  struct Limits {
    std::int32_t batch_max = 256;            ///< at most ServingCosts::decode_time.size()
    std::int32_t prefill_tokens_max = 8192;  ///< but always one prompt
  };

  Replica(const ServingCosts& costs, Limits limits);

  /// A request comes at its arrival, or now when its arrival has passed because another replica
  /// handed it back. Its time to first token counts from its arrival in both cases. All requests
  /// that arrive up to `until` must have come before AdvanceTo(until).
  void Submit(const Request& request);

  /// Simulates up to `until`, which must not decrease. Requests that complete by then are handed to
  /// `completed`, in order. What is under way at `until` goes on with the next call.
  void AdvanceTo(Seconds until, const std::function<void(const CompletedRequest&)>& completed);

  /// Iterations that begin from now on (the last `until`) have these costs, e.g. because HBM or
  /// clocks were capped. The iteration under way ends as it began. A cache that became smaller
  /// evicts sequences.
  void SetCosts(const ServingCosts& costs);

  /// The replica fails or is withdrawn: hands back all requests that it holds, by rising arrival,
  /// and is empty. Active ones lose their progress; what was under way is lost.
  std::vector<Request> TakeAll();

  /// Work since the last call, of the prefills and iterations that ended.
  ReplicaWork TakeWork();

  /// The last `until`.
  [[nodiscard]] Seconds now() const { return now_; }

  /// Requests that have come by now and wait, evicted ones included.
  [[nodiscard]] std::int64_t waiting() const;

  /// Sequences in the batch.
  [[nodiscard]] std::int64_t active() const { return static_cast<std::int64_t>(active_.size()); }

 private:
  /// A request with its progress.
  struct Progress {
    Request request;
    Seconds visible;           ///< it waits from then on
    std::int64_t decoded = 0;  ///< tokens
    Seconds first_token;       ///< when decoded > 0
  };

  /// A request in the batch. Iterations are counted from the replica's beginning.
  struct Sequence {
    Progress progress;             ///< at its admission, after the prefill
    std::int64_t admitted_at = 0;  ///< iteration
  };

  /// What one prefill takes from the queue.
  struct Admission {
    std::int64_t requests = 0, tokens = 0;
    double pairs = 0;
  };

  using Completed = std::function<void(const CompletedRequest&)>;

  bool Step(Seconds until, const Completed& completed);
  void Refuse(const Completed& completed);
  [[nodiscard]] bool CanEverFit(const Progress& progress) const;
  [[nodiscard]] bool FirstHasCome() const;
  [[nodiscard]] Admission NextAdmission() const;
  void Prefill(const Admission& admission, const Completed& completed);
  void EvictUntilOneIterationFits();
  [[nodiscard]] Seconds TimeOf(std::int64_t iterations) const;
  [[nodiscard]] double IterationsIn(Seconds time) const;
  [[nodiscard]] std::int64_t IterationsReaching(Seconds time, std::int64_t at_most) const;
  [[nodiscard]] std::int64_t IterationsUntilEvent() const;
  void Decode(std::int64_t iterations, const Completed& completed);
  void CompleteFinished(const Completed& completed);
  void AddToWork();

  [[nodiscard]] std::int64_t batch() const { return active(); }

  ServingCosts costs_;
  std::optional<ServingCosts> next_costs_;  ///< hold from the first boundary at next_costs_from_
  Seconds next_costs_from_;
  Limits limits_;
  Seconds now_;
  Seconds clock_;         ///< of the last boundary between two iterations, at most now_
  Seconds under_way_to_;  ///< what began at clock_ is known not to end before this
  std::int64_t iteration_ = 0;
  std::int64_t cached_ = 0;  ///< tokens

  std::deque<Progress> queue_;                                 ///< by rising `visible`
  std::map<std::int64_t, Sequence> active_;                    ///< by number of admission
  std::set<std::pair<std::int64_t, std::int64_t>> finishing_;  ///< last iteration, admission
  std::int64_t admissions_ = 0;

  ReplicaWork work_;
  // Of the present costs, not yet in work_.
  double pass_bytes_ = 0, tokens_ = 0, outputs_ = 0, cached_reads_ = 0, pairs_ = 0;
};

}  // namespace gridlock
