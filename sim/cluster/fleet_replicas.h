#pragma once

// The replicas of a fleet, or its units that prefill and decode in pools: how many it wants as the
// load changes, which one a request goes to, and what they have done.
//
// k of its N replicas are simulated, with k/N of its requests. When n replicas are in service, k
// n/N of the simulated ones are: a request with route u goes to number floor(u k n/N). So each
// simulated replica sees the load that every replica sees. When k n/N is not whole, the last
// simulated replica stands for a fraction of a replica and sees that fraction of the load.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "sim/record/life_record.h"
#include "sim/serving/latency.h"
#include "sim/serving/serving_unit.h"
#include "workloads/decode.h"
#include "workloads/job.h"

namespace gridlock {

/// Requests by rising arrival; false when there are no more.
using RequestSource = std::function<bool(Request&)>;

class FleetReplicas {
 public:
  /// @param start from here on `days_simulated` count
  FleetReplicas(const ServingSpec& spec, const ServerSpec& server, RequestSource requests,
                Seconds start = {});

  /// Bytes/s of caches that move between the pools of all units at a time of day, on average; in
  /// steps of a tenth of the day's highest.
  [[nodiscard]] BytesPerSecond CachesWanted(Seconds at) const;

  /// Of a prompt of mean length.
  [[nodiscard]] Bytes CacheOfPrompt() const;

  /// Caches of one unit move at no more than this from now on, all together.
  void SetCacheRate(BytesPerSecond rate);

  /// Replicas that the arrival rate asks for from `at` to `until`: the whole fleet at the peak rate
  /// of the day, fewer in proportion at lower rates, and never fewer than replicas_min.
  [[nodiscard]] std::int32_t Wanted(Seconds at, Seconds until) const;

  /// From the start of so many replicas at once on such a server until they take requests.
  [[nodiscard]] Seconds StartTime(const ServerSpec& server, BytesPerSecond storage,
                                  std::int64_t replicas) const;

  /// Where the replicas stand that are in service, by site. Only where users are far from sites.
  void SetPlaces(std::vector<std::int32_t> replicas);

  /// Weights of so many replicas, on all their accelerators, and how fast NICs of such a server
  /// take them.
  [[nodiscard]] Bytes Weights(std::int64_t replicas) const;
  [[nodiscard]] BytesPerSecond Nics(const ServerSpec& server, std::int64_t replicas) const;

  /// Sets how many replicas are in service from now on. Replicas that leave in order finish their
  /// requests. Replicas that fail hand their requests to the others, which begin them anew.
  void SetInService(std::int32_t replicas, bool in_order);

  /// True while replicas that left in order still finish their requests.
  [[nodiscard]] bool draining() const;

  /// Iterations that begin from now on run on such servers.
  void SetCosts(const ServerSpec& server);

  /// Requests come and are worked on until `now`.
  void AdvanceTo(Seconds now);

  /// Work since the last call, scaled to the whole fleet.
  UnitWork TakeWork();

  [[nodiscard]] const ServingSpec& spec() const { return *spec_; }

  [[nodiscard]] std::int32_t in_service() const { return in_service_; }

  /// Requests that came to simulated replicas.
  [[nodiscard]] std::uint64_t requests() const { return requests_; }

  /// One entry per request group.
  void Describe(const std::string& name, std::vector<LifeRequests>& into) const;

 private:
  /// Work of a part of the day: doubles of what UnitWork counts.
  struct DayPart {
    double busy = 0, prompt_tokens = 0, output_tokens = 0, flop = 0, arithmetic = 0, hbm = 0,
           links = 0;
  };

  static constexpr int kDayParts = 288;

  void Route(Request request);
  [[nodiscard]] std::size_t UnitAt(double replica) const;
  [[nodiscard]] std::size_t Nearest(const Request& request, SiteIndex& site) const;
  [[nodiscard]] SiteIndex SiteOfReplica(double replica) const;
  void DescribeBinding(LifeRequests& group) const;
  [[nodiscard]] UnitWork TakeSimulatedWork();
  void NoteDay(const UnitWork& work, double from, double to);
  void AddRepeated(UnitWork& sum, double from, double to) const;
  /// Time since its start over that which is simulated.
  [[nodiscard]] double Repeats() const;

  const ServingSpec* spec_;
  std::unique_ptr<FleetCosts> costs_;
  RequestSource source_;
  double scale_;                                   ///< N / k
  std::int32_t in_service_ = 0;                    ///< n
  double simulated_ = 0;                           ///< k n / N
  std::vector<std::int32_t> places_;               ///< of n, by site; empty: it does not matter
  std::vector<double> first_;                      ///< by site: replicas on the sites before it
  std::vector<std::vector<std::size_t>> nearest_;  ///< by group: sites with replicas
  std::vector<ServingUnit> units_;                 ///< the simulated ones in service come first
  std::vector<Request> homeless_;                  ///< came while no replica was in service
  Request upcoming_;
  bool has_upcoming_ = false;
  double start_, end_;  ///< of what is simulated, seconds
  double now_ = 0, taken_ = 0;
  std::array<DayPart, kDayParts> day_ = {};  ///< the last that is simulated, from midnight on
  std::uint64_t requests_ = 0;
  std::vector<std::uint64_t> arrived_;  ///< by group, at simulated replicas
  FleetLatency latency_;
  BatchWork decode_, prefill_;  ///< of what is simulated, from the beginning
  Bytes moved_;                 ///< the same, of caches between pools
};

}  // namespace gridlock
