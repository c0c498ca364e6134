#pragma once

// A fleet of decode replicas: how many it wants as the day goes, where its requests go, and what it
// did.
//
// k of its N replicas are simulated, with k/N of its requests. When n are in service, k n/N of the
// simulated ones are: a request routed at u goes to number floor(u k n/N), so that each sees the
// load that every replica sees. When k n/N is not whole the last one stands for a fraction of a
// replica and sees that fraction of the load.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "sim/record/life_record.h"
#include "sim/serving/latency.h"
#include "sim/serving/replica.h"
#include "workloads/decode.h"
#include "workloads/job.h"

namespace gridlock {

/// Requests by rising arrival; false when there are no more.
using RequestSource = std::function<bool(Request&)>;

class Fleet {
 public:
  Fleet(const ServingSpec& spec, const ServingCosts& costs, RequestSource requests);

  /// Replicas that the arrival rate asks for from `at` to `until`: in proportion to its peak over
  /// the day, and at least the fewest.
  [[nodiscard]] std::int32_t Wanted(Seconds at, Seconds until) const;

  /// So many replicas are in service from now on. Those that leave in order finish what they have;
  /// those that fail hand it to the others, who begin anew.
  void SetInService(std::int32_t replicas, bool in_order);

  /// Replicas that left in order still work.
  [[nodiscard]] bool draining() const;

  /// From now on iterations cost this.
  void SetCosts(const ServingCosts& costs);

  /// Requests come and are worked on until `now`.
  void AdvanceTo(Seconds now);

  /// Work since the last call, scaled to the whole fleet.
  ReplicaWork TakeWork();

  [[nodiscard]] const ServingSpec& spec() const { return *spec_; }

  [[nodiscard]] std::int32_t in_service() const { return in_service_; }

  /// Requests that came to simulated replicas.
  [[nodiscard]] std::uint64_t requests() const { return requests_; }

  /// One entry per request group.
  void Describe(const std::string& name, std::vector<LifeRequests>& into) const;

 private:
  void Route(const Request& request);

  const ServingSpec* spec_;
  RequestSource source_;
  double scale_;                   ///< N / k
  std::int32_t in_service_ = 0;    ///< n
  double simulated_ = 0;           ///< k n / N
  std::vector<Replica> replicas_;  ///< the simulated ones in service come first
  std::vector<Request> homeless_;  ///< came while no replica was in service
  Request upcoming_;
  bool has_upcoming_ = false;
  std::uint64_t requests_ = 0;
  std::vector<std::uint64_t> arrived_;  ///< by group, at simulated replicas
  FleetLatency latency_;
};

}  // namespace gridlock
