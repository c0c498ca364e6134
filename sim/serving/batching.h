#pragma once

// One replica of a serving engine, exact in every event: iterations that carry chunks of prompts
// are events of their own, and iterations that only decode are jumped over to the next event.
//
//   while something can be done by `until`:
//     admit those that wait, in order, while batch and cache have room
//     adapters that are not in HBM come from the host, images are encoded, and an encoder in front
//       of the decoder reads its inputs (preparation.h): nothing else goes on then
//     if prompts are to be prefilled: one iteration of what the token budget lets in, with (kFused,
//       kChunked) or without (kPrompts, kStatic) the sequences that decode. Each rank of
//       data-parallel attention has a budget of its own, and takes prompts whole or in chunks
//     else if sequences decode: n = iterations until one ends, the cache is full, or one comes that
//       may fit
//           clock += n Base(batch) + PerRead (n reads + batch n (n - 1) / 2)
//     else: clock = the next arrival
//
// Invariants, which tests name:
//   INV-1  tokens: a completed request has had all its prompt prefilled and all its answer decoded
//   INV-2  cache: tokens held, the waste of pages included, never exceed IterationCosts
//   INV-3  order: requests are admitted in the order in which they came, evicted ones first; those
//          whose adapter has no slot are passed by others
//   INV-4  time: what the limits of time add up to is the time that the replica was busy

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "sim/base/units.h"
#include "sim/serving/adapter_slots.h"
#include "sim/serving/batch_work.h"
#include "sim/serving/decode_pace.h"
#include "sim/serving/prefix_cache.h"
#include "sim/serving/preparation.h"
#include "sim/serving/rank_loads.h"
#include "workloads/inference.h"

namespace gridlock {

/// A request to a replica.
struct BatchRequest {
  std::int64_t id = 0;
  Seconds arrival;
  std::int64_t prompt_tokens = 1;  ///< of an encoder in front of the decoder: of its input
  std::int64_t output_tokens = 1;
  std::int64_t cached_tokens = 0;  ///< of the prompt, known from a prefix cache: not prefilled
  bool prefilled = false;          ///< elsewhere, and its cache has come: it starts decoding
  std::int32_t adapter = -1;       ///< that it asks for; -1: the model alone
  Seconds encode;                  ///< that the replica takes for its images before the prompt
  /// The prompt's blocks, for a cache of beginnings; they outlive the run. Null: not known.
  const std::vector<std::int64_t>* blocks = nullptr;
};

/// What became of it.
struct BatchOutcome {
  BatchRequest request;
  Seconds admitted, first_token, end;
  std::int32_t evictions = 0;
  bool refused = false;  ///< the cache can never hold it
};

class BatchingReplica {
 public:
  using Completed = std::function<void(const BatchOutcome&)>;

  /// `costs` must outlive the replica. @param batch_max 0: as the engine has it
  explicit BatchingReplica(const IterationCosts& costs, std::int64_t batch_max = 0);

  /// Keeps the beginnings of prompts that requests know the blocks of. Before the first Submit.
  /// @param store that replicas share; nullptr: there is none
  /// An encoder's tokens see each other: what a prompt begins with is of no use to another.
  void KeepPrefixes(const PrefixSpec& spec, PrefixStore* store = nullptr) {
    if (!costs_->encodes()) {
      prefixes_ = std::make_unique<PrefixCache>(spec, store);
    }
  }

  /// Null when none are kept.
  [[nodiscard]] const PrefixCache* prefixes() const { return prefixes_.get(); }

  [[nodiscard]] const AdapterSlots& adapters() const { return adapters_; }

  /// Sequences that it decodes together at most.
  [[nodiscard]] std::int64_t batch_max() const { return batch_max_; }

  /// Requests come by rising arrival; one that arrives before the clock is seen at the next
  /// boundary between iterations. `completed` may submit.
  void Submit(const BatchRequest& request);

  /// Begins nothing at or after `until`. Requests that end are handed to `completed`, in order.
  void AdvanceTo(Seconds until, const Completed& completed) {
    while (clock_ < until && Step(until, completed)) {
    }
  }

  /// Does the next event, which begins at the clock; iterations that only decode are jumped over no
  /// further than the first boundary at or after `until`. False when there is nothing to do.
  bool StepOnce(Seconds until, const Completed& completed) { return Step(until, completed); }

  /// Until all that was submitted has ended.
  void Finish(const Completed& completed) { AdvanceTo(Seconds(HUGE_VAL), completed); }

  /// Nothing begins before `time` when there is nothing to do now.
  void WaitUntil(Seconds time) {
    clock_ = waiting() + in_batch() == 0 ? std::max(clock_, time) : clock_;
  }

  /// Iterations that begin from now on have these costs, which must outlive the replica. A cache
  /// that became smaller evicts sequences.
  void SetCosts(const IterationCosts& costs);

  /// The replica fails or is withdrawn: hands back all that it holds, and is empty. Answers that
  /// were being decoded lose their progress; an iteration under way counts as done.
  std::vector<BatchRequest> TakeAll();

  /// Sums since the last call.
  BatchWork TakeWork() { return std::exchange(work_, BatchWork()); }

  [[nodiscard]] const BatchWork& work() const { return work_; }

  [[nodiscard]] Seconds clock() const { return clock_; }

  /// Tokens in the cache of sequences that were admitted.
  [[nodiscard]] std::int64_t held() const { return held_; }

  [[nodiscard]] std::int64_t waiting() const { return static_cast<std::int64_t>(queue_.size()); }

  [[nodiscard]] std::int64_t in_batch() const {
    return static_cast<std::int64_t>(active_.size() + prefilling_.size() + loading_.size());
  }

 private:
  struct Sequence {
    BatchOutcome outcome;
    std::int64_t decoded = 0;      ///< tokens
    std::int64_t prefilled = 0;    ///< tokens of what it must prefill
    std::int64_t to_prefill = 0;   ///< prompt, and after an eviction what was decoded
    std::int64_t admitted_at = 0;  ///< iteration in which it began to decode
    std::int64_t blocks_used = 0;  ///< of its prompt, in the cache of beginnings
    Seconds loaded;                ///< when what it takes from the host is there
  };

  /// What one iteration takes of prompts.
  struct Chunk {
    std::int64_t tokens = 0, outputs = 0;
    double pairs = 0;
    std::int64_t adapted = 0;            ///< of the tokens, with an adapter
    std::vector<std::int32_t> adapters;  ///< of those
    RankLoads::Load busiest;             ///< of the ranks of data-parallel attention
  };

  [[nodiscard]] bool Step(Seconds until, const Completed& completed);
  void Admit(const Completed& completed);
  void CountPending();
  [[nodiscard]] std::deque<Sequence>::iterator NextWithSlot();
  void Enter(std::deque<Sequence>::iterator place, const Completed& completed);
  void Prepare();
  void TakePrefix(Sequence& sequence);

  void LeavePrefix(Sequence& sequence) {
    if (sequence.blocks_used > 0) {
      prefixes_->Release(*sequence.outcome.request.blocks, sequence.blocks_used);
      sequence.blocks_used = 0;
      FitPrefixes();
    }
  }

  void FitPrefixes() {
    if (prefixes_ != nullptr) {
      prefixes_->Fit(capacity_ - held_);
    }
  }

  void EndLoads();
  [[nodiscard]] Wait WhyNot(const Sequence& first) const;
  void Start(Sequence sequence);
  [[nodiscard]] Chunk NextChunk();
  [[nodiscard]] bool DecodesBeside() const;
  void Prefill(const Chunk& chunk, const Completed& completed);
  void EvictUntilOneIterationFits();

  /// What one iteration of a batch that only decodes takes, and what it depends on.
  struct DecodeCosts {
    std::int64_t batch = -1, adapted = 0, adapters = 0;
    CostLines lines;
  };

  [[nodiscard]] DecodePace Pace() const;
  [[nodiscard]] std::deque<Sequence>::iterator FirstToCome();
  [[nodiscard]] std::int64_t IterationsUntilEvent(Seconds until);
  void Decode(std::int64_t iterations, const Completed& completed);
  void EndFinished(const Completed& completed);
  void Count(Seconds time, double iterations, const LimitTimes& base);

  void CountHeld(Seconds time) {
    work_.sequence_seconds += static_cast<double>(batch()) * time.si();
    work_.cache_seconds += static_cast<double>(held_) * time.si();
  }

  /// Whether the first that waits has come.
  [[nodiscard]] bool HasCome() const {
    return !queue_.empty() && (queue_.front().outcome.evictions > 0 ||
                               queue_.front().outcome.request.arrival <= clock_);
  }

  /// Tokens that the cache holds before an answer. A decoder behind an encoder has keys and values
  /// of the encoder's tokens, and begins with one token of its own.
  [[nodiscard]] std::int64_t Prompt(const BatchRequest& request) const {
    return request.prompt_tokens + costs_->start_tokens();
  }

  /// Those of them that the decoder does not work through.
  [[nodiscard]] std::int64_t Known(const BatchRequest& request) const {
    return costs_->encodes() ? request.prompt_tokens
                             : std::min(request.cached_tokens, request.prompt_tokens - 1);
  }

  /// An encoder reads no more at once than an iteration has rows (vLLM,
  /// max_num_encoder_input_tokens), and what it has read goes on to the decoder first.
  [[nodiscard]] bool EncoderIsFull(const BatchRequest& next) const {
    std::int64_t read = next.prompt_tokens;
    for (const Sequence& each : prefilling_) {
      read += each.outcome.request.prompt_tokens;
    }
    return costs_->encodes() && batching_ != Batching::kStatic && !prefilling_.empty() &&
           read > token_budget_ * costs_->layout().data;
  }

  /// Tokens of the cache that a sequence takes from its admission on, beside those that it has:
  /// half a page, and windows of the length that it will have.
  [[nodiscard]] std::int64_t Beside(const BatchRequest& request) const {
    return page_waste_ + costs_->WindowTokens(Prompt(request) + request.output_tokens);
  }

  /// Sequences of the busiest rank, of so many.
  [[nodiscard]] std::int64_t OnRank(std::int64_t sequences) const {
    const std::int64_t ranks = costs_->layout().data;
    return (sequences + ranks - 1) / ranks;
  }

  /// Tokens that the cache holds for a sequence at its admission, and at most.
  [[nodiscard]] std::int64_t Held(const Sequence& sequence) const {
    return sequence.to_prefill + Beside(sequence.outcome.request);
  }

  [[nodiscard]] std::int64_t Reserved(const Sequence& sequence) const {
    const BatchRequest& request = sequence.outcome.request;
    return Prompt(request) + request.output_tokens + Beside(request);
  }

  [[nodiscard]] std::int64_t batch() const { return static_cast<std::int64_t>(active_.size()); }

  const IterationCosts* costs_;
  Batching batching_;
  std::int64_t batch_max_, token_budget_, capacity_, page_waste_;  ///< budget: of a rank
  bool reserve_whole_;
  Seconds clock_;
  std::int64_t iteration_ = 0;
  std::int64_t held_ = 0;      ///< tokens in the cache, pages filled up on average
  std::int64_t reserved_ = 0;  ///< tokens promised to those admitted, when answers are reserved
  std::int64_t reads_ = 0;     ///< tokens that an iteration of the batch reads
  Wait wait_ = Wait::kNothing;

  std::deque<Sequence> queue_;
  std::deque<Sequence> loading_;  ///< admitted, and waiting for the host's link, in its order
  std::deque<Sequence> prefilling_;
  RankLoads pending_;  ///< what is left to prefill of those admitted
  RankLoads taken_;    ///< of them, by the next iteration
  AdapterSlots adapters_;
  Preparation preparation_;  ///< of those admitted, before the next iteration
  std::unique_ptr<PrefixCache> prefixes_;
  std::map<std::int64_t, Sequence> active_;                    ///< by number of admission
  std::set<std::pair<std::int64_t, std::int64_t>> finishing_;  ///< last iteration, admission
  std::int64_t admissions_ = 0;
  mutable DecodeCosts of_batch_;      ///< of the last batch asked for
  std::vector<std::int64_t> chunks_;  ///< of NextChunk, by place in prefilling_
  BatchWork work_;
};

}  // namespace gridlock
