#pragma once

// Replicas that share requests, and who gets the next one. For runs of several replicas.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "sim/serving/batching.h"
#include "sim/serving/router.h"

namespace gridlock {

class ReplicaPool {
 public:
  /// `costs` must outlive the pool. @param prefixes which beginnings each keeps
  ReplicaPool(const IterationCosts& costs, std::size_t replicas, std::int64_t batch_max,
              Router router, const PrefixSpec& prefixes);

  /// Whether a replica gets requests from now on; all do at first.
  void SetInService(std::size_t replica, bool in_service) { in_service_[replica] = in_service; }

  /// Requests that wait or run there.
  [[nodiscard]] std::int64_t requests(std::size_t replica) const { return requests_[replica]; }

  /// Who gets the request, which is counted as its load until Left.
  std::size_t Choose(const BatchRequest& request);

  void Left(std::size_t replica, const BatchRequest& request);

  [[nodiscard]] BatchingReplica& at(std::size_t replica) { return replicas_[replica]; }

  [[nodiscard]] std::size_t size() const { return replicas_.size(); }

  /// The replica with the earliest clock among those that have something to do; size() when none
  /// has, with an infinite time.
  [[nodiscard]] std::size_t First(Seconds& time) const;

  /// As each replica does.
  void SetCosts(const IterationCosts& costs);

  /// All replicas are empty.
  void Clear();

  [[nodiscard]] BatchWork Work() const;

  /// Sums since the last call.
  BatchWork TakeWork();

  [[nodiscard]] PrefixCounts Prefixes() const;

 private:
  [[nodiscard]] std::int64_t TokensToPrefill(std::size_t replica,
                                             const BatchRequest& request) const;

  [[nodiscard]] bool HasAdapter(std::size_t replica, std::int32_t adapter) const;
  [[nodiscard]] std::size_t ChooseByAdapter(std::int32_t adapter) const;
  [[nodiscard]] std::size_t ChooseByLoad(const BatchRequest& request) const;

  Router router_;
  std::vector<bool> in_service_;
  std::vector<std::int64_t> requests_;  ///< that wait or run
  std::vector<std::int64_t> tokens_;    ///< of their prompts, without what was there already
  std::vector<std::int64_t> counted_;   ///< in tokens_, by request
  std::vector<std::map<std::int32_t, std::int64_t>> adapters_;  ///< requests there, by adapter
  std::size_t next_ = 0;
  std::unique_ptr<PrefixStore> store_;
  std::vector<BatchingReplica> replicas_;
};

}  // namespace gridlock
