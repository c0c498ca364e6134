#pragma once

// Equal replicas that prefill and decode, with a router in front. Requests reach it at their
// arrival; replicas act in the order of their clocks, so that a router sees what is true at that
// moment: who has how much to do, and which beginnings of prompts lie where. All replicas are
// simulated; a fleet of a cluster simulates some of them (sim/cluster/fleet_replicas.h).

#include <utility>
#include <vector>

#include "sim/serving/autoscaler.h"
#include "sim/serving/router.h"
#include "sim/serving/serve_run.h"

namespace gridlock {

/// How many replicas there are from a time on.
struct ReplicaCounts {
  Seconds time;
  int in_service = 0, starting = 0;
  int leaving = 0;            ///< get no requests any more, and finish theirs
  std::int64_t requests = 0;  ///< that wait or run
};

struct RoutedResult {
  ServeResult served;                ///< of all replicas together
  std::vector<BatchWork> replicas;   ///< what each did
  std::vector<ReplicaCounts> sizes;  ///< by rising time; empty: there was one size
  int starts = 0;                    ///< of replicas, after the first
  std::vector<Seconds> loads;        ///< from the start of each until its weights are there
  double other_share = 1;            ///< KvNetwork::OtherShare of the links that weights take
  Seconds replica_time;              ///< of all, from the start of each until it is gone
  std::vector<Seconds> encoding;     ///< arrival to embeddings, of a pool of encoders
  Seconds encoder_busy;

  /// Of the duration, the least busy replica and the busiest.
  [[nodiscard]] std::pair<double, double> BusyShares() const;
};

/// Runs the load on at most `replicas` replicas; `load.value` and `load.requests` are of all
/// together.
RoutedResult RunRouted(const IterationCosts& costs, int replicas, Router router,
                       const ServeLoad& load, const ScaleSpec& scale = {});

}  // namespace gridlock
