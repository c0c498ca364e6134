#pragma once

// What answers requests together in a fleet: one replica, or a few that prefill and a few that
// decode with links between them (pools.h). The iterations are those of batching.h. Units share
// nothing, so a fleet of thousands is a few of them, scaled.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sim/base/units.h"
#include "sim/serving/batching.h"
#include "sim/serving/pools.h"
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
  Seconds network = {};  ///< beside these times, to the site and back
};

/// What a unit did since it was last asked: sums.
struct UnitWork {
  Seconds busy;                    ///< in iterations, of replicas as wide as those that decode
  std::int64_t prompt_tokens = 0;  ///< prefilled, again after eviction included
  std::int64_t output_tokens = 0;  ///< decoded, the first of each request included
  std::int64_t evictions = 0;
  Flop flop;
  Joules arithmetic;  ///< energy of the FLOP
  Bytes hbm, links;   ///< of all accelerators
  Bytes moved;        ///< of caches, between pools
  BatchWork decode;   ///< of replicas that decode, or do both: what binds them
  BatchWork prefill;  ///< of those that prefill, where pools do
};

class ServingUnit {
 public:
  using Completed = std::function<void(const CompletedRequest&)>;

  /// @param fleet, costs outlive the unit @param links between pools; of one replica empty
  ServingUnit(const ServingSpec& fleet, const FleetCosts& costs, const KvLinks& links);

  /// A request comes at its arrival, or now when its arrival has passed because another unit handed
  /// it back. Its time to first token counts from its arrival in both cases. All requests that
  /// arrive up to `until` must have come before AdvanceTo(until).
  void Submit(const Request& request);

  /// Simulates up to `until`, which must not decrease: begins nothing at or after it. What is under
  /// way then goes on with the next call.
  void AdvanceTo(Seconds until, const Completed& completed);

  /// Iterations that begin from now on have these costs, which outlive the unit.
  void SetCosts(const FleetCosts& costs);

  /// Caches of all transfers between the pools together move at no more than this from now on.
  void SetCacheRate(BytesPerSecond rate);

  /// The unit fails or is withdrawn: hands back all requests that it holds, by rising arrival, and
  /// is empty. Active ones lose their progress.
  std::vector<Request> TakeAll();

  /// Work since the last call.
  UnitWork TakeWork();

  /// Requests that it holds.
  [[nodiscard]] std::int64_t requests() const { return held_; }

 private:
  [[nodiscard]] CompletedRequest Ended(const Request& request, Seconds first_token, Seconds end,
                                       bool refused) const;
  void AddWork(const BatchWork& work, const ServingPrices& prices, double width,
               UnitWork& sum) const;

  const ServingSpec* fleet_;
  const FleetCosts* costs_;
  std::optional<BatchingReplica> replica_;  ///< without pools
  std::unique_ptr<Pools> pools_;
  std::vector<Request> places_;  ///< of requests that it holds, by their number inside
  std::vector<std::int64_t> free_;
  std::int64_t held_ = 0;
  Seconds now_;
  Bytes moved_;  ///< of which TakeWork has told
};

}  // namespace gridlock
