#pragma once

// A load on equal replicas, run to its end, and what it says: latencies, rates, limits.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/random.h"
#include "sim/base/units.h"
#include "sim/serving/batching.h"
#include "workloads/job.h"

namespace gridlock {

/// How tokens of a prompt or an answer are drawn.
struct TokenLengths {
  double mean = 1;
  double spread = 0;  ///< uniform within mean (1 +- spread)
  double sigma = 0;   ///< log-normal with that sigma; 0: uniform or fixed
  double most = 1e9;
};

/// Requests, whatever their origin.
struct ServeRequest {
  Seconds arrival;
  std::int64_t prompt_tokens = 1, output_tokens = 1;
  std::int64_t cached_tokens = 0;
  std::vector<std::int64_t> blocks;  ///< of the prompt, for a cache of beginnings; may be empty
  std::int32_t adapter = -1;         ///< -1: drawn, where the load has adapters
  Seconds encode = {};               ///< of its images, which count in prompt_tokens
};

enum class LoadKind {
  kAllAtOnce,    ///< all requests are queued at time zero
  kConcurrency,  ///< so many in flight: one ends, the next begins
  kRate,         ///< Poisson arrivals
  kListed,       ///< as listed
};

/// A time in which more requests come: a flash crowd.
struct Surge {
  Seconds at, span;
  double times = 1;  ///< of the rate at other times
};

/// Images of requests: encoders turn each into tokens of the prompt before it is prefilled.
struct EncodeSpec {
  int images = 0;           ///< of each request
  std::int64_t tokens = 0;  ///< of the prompt, for each image
  Seconds time;             ///< of an encoder, for each image
  int encoders = 0;         ///< in a pool of their own; 0: each replica encodes its own
  Seconds transfer;         ///< of an image's embeddings, from the pool
};

/// A load on one replica.
struct ServeLoad {
  LoadKind kind = LoadKind::kAllAtOnce;
  double value = 1;  ///< in flight, or requests per second; of conversations, where there are turns
  std::int64_t requests = 1;
  /// Times between arrivals at a rate are gamma-distributed with this shape; 1: a Poisson process,
  /// below 1 bursts.
  double burstiness = 1;
  Surge surge;
  std::int64_t answers = 1;  ///< that each prompt asks for at once
  double turns = 1;          ///< of a conversation, mean; each adds `prompt` to all that was said
  Seconds pause;             ///< between turns, mean: a person who reads, or a tool
  TokenLengths prompt, output;
  AskedAdapters adapters;
  EncodeSpec encode;
  bool prefilled = false;      ///< prompts are prefilled elsewhere
  std::int64_t batch_max = 0;  ///< 0: as the engine has it
  std::uint64_t seed = 1;
  PrefixSpec prefixes;
  std::vector<ServeRequest> listed;
};

/// One request of a run.
struct ServedRequest {
  Seconds arrival, ttft, tpot, end_to_end;  ///< tpot 0 for answers of one token
  std::int64_t prompt_tokens = 0, output_tokens = 0;
  std::int32_t evictions = 0;
  bool refused = false;
};

struct ServeResult {
  std::vector<ServedRequest> requests;  ///< in the order in which they ended
  BatchWork work;
  Seconds duration;                                   ///< from time zero to the last end
  std::int64_t prompt_tokens = 0, output_tokens = 0;  ///< of requests that ended
  std::int64_t cache_tokens = 0;
  PrefixCounts prefixes;

  /// Adds a request that ended.
  void Add(const ServedRequest& request);

  [[nodiscard]] double OutputRate() const;  ///< tokens/s of the replica
  [[nodiscard]] double InputRate() const;
  [[nodiscard]] Seconds MeanTtft() const;
  [[nodiscard]] Seconds MeanTpot() const;
  [[nodiscard]] Seconds MeanEndToEnd() const;

  /// Of the requests that were served; those without it, such as the TPOT of one token, left out.
  [[nodiscard]] std::vector<Seconds> Values(Seconds ServedRequest::*member) const;

  /// Share of requests with a TTFT and TPOT of at most these; 0: no objective.
  [[nodiscard]] double Within(Seconds ttft, Seconds tpot) const;
};

/// Tokens of a prompt or an answer.
std::int64_t DrawTokens(const TokenLengths& lengths, Random& random);

/// Passes that an answer of so many tokens takes, of which each gives `tokens_per_step` tokens.
std::int64_t PassesOf(std::int64_t tokens, double tokens_per_step);

/// The value of rank ceil(q n) among `values`; 0 of none.
Seconds QuantileOf(std::vector<Seconds> values, double q);

/// The requests of a load, by rising arrival; of a load in flight, all at zero. Of conversations
/// the first turns, with one answer each. An answer counts passes, of which each gives
/// `tokens_per_step` tokens. The load outlives them.
std::vector<BatchRequest> RequestsOfLoad(const ServeLoad& load, double tokens_per_step);

/// The first requests of one replica of a fleet, or of one unit of its pools.
/// @param images  by group: to encode those of a request
ServeLoad LoadOfFleet(const ServingSpec& fleet, const std::string& name, std::uint64_t seed,
                      std::int64_t requests, const std::vector<Seconds>& images);

/// What a user sees of an outcome.
ServedRequest ServedOf(const BatchOutcome& outcome, const IterationCosts& costs);

/// Runs the load on a replica. The same load and seed give the same result.
ServeResult RunLoad(const IterationCosts& costs, const ServeLoad& load);

/// What keeps a replica from more tokens per second, and what would move it.
struct Binding {
  std::string limit;
  double share = 0;    ///< of the busy time
  std::string remedy;  ///< in words
};

/// The limits of a run, in each list the one that binds most first. The shares of a list sum to 1;
/// without busy time both are empty.
struct Bindings {
  std::vector<Binding> waits;  ///< why the first that waits, waits: "batch", "KV room", "prefill",
                               ///< "load" when none does
  std::vector<Binding> times;  ///< what iterations spend their time on, by LimitName
};

/// @param batch_max of one replica
Bindings BindingsOf(const BatchWork& work, std::int64_t batch_max);

Bindings BindingsOf(const ServeResult& result, const IterationCosts& costs);

}  // namespace gridlock
