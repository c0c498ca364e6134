#pragma once

// How many replicas a fleet has as its load changes, decided every so often from the requests that
// wait or run, as a Kubernetes HorizontalPodAutoscaler does with a metric of that kind: it grows at
// once, and shrinks to the most that it wanted lately.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <utility>

#include "sim/base/units.h"
#include "sim/serving/kv_network.h"

namespace gridlock {

/// Of its batch that a replica is to have where nothing is said: estimate, Knative's usual share of
/// what a container takes at once.
constexpr double kTargetShare = 0.7;

struct ScaleSpec {
  int replicas_min = 0;  ///< 0: all replicas are there all the time
  double target = 1;     ///< requests for each replica
  /// Between decisions, and how long fewer must do (Kubernetes: sync period and downscale
  /// stabilization where nothing is said).
  Seconds interval{15}, keep{300};
  Seconds start;  ///< from the start of a replica, or from when it has its weights, until it serves
  /// Weights of a replica that come over links (kv_network.h): from one store, or from replicas
  /// that serve. 0: they take none.
  Bytes weights = {};
  KvLinks links = {};  ///< leaving: the store, or each replica; entering: each replica
};

class Autoscaler {
 public:
  Autoscaler(const ScaleSpec& spec, int replicas_most) : spec_(spec), most_(replicas_most) {}

  /// Replicas that there should be of `now` ones. By rising time.
  int Decide(Seconds time, std::int64_t requests, int now) {
    const auto wanted = static_cast<int>(
        std::clamp(std::ceil(static_cast<double>(requests) / spec_.target - 1e-9),
                   static_cast<double>(spec_.replicas_min), static_cast<double>(most_)));
    while (!wanted_.empty() && wanted_.front().first + spec_.keep < time) {
      wanted_.pop_front();
    }
    wanted_.emplace_back(time, wanted);
    int lately = wanted;
    for (const auto& each : wanted_) {
      lately = std::max(lately, each.second);
    }
    return std::max(wanted, std::min(now, lately));
  }

 private:
  ScaleSpec spec_;
  int most_;
  std::deque<std::pair<Seconds, int>> wanted_;
};

}  // namespace gridlock
