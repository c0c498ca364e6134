#pragma once

#include <vector>

#include "sim/fold/plan.h"
#include "sim/measure/step_log.h"

namespace gridlock {

/// Counts what is under way on each resource, to say which one sets the pace of a transfer, and
/// accounts finished transfers to the utilisation series.
class Meter {
 public:
  Meter(const Plan& plan, UtilisationAccumulator& series)
      : plan_(plan), traffic_(plan), series_(series), load_(plan.resources.size(), 0.0) {}

  /// The resource of a route with the smallest fair share, and the load that made it so.
  struct Bottleneck {
    Cause cause = Cause::kLatency;
    double seconds_per_byte = 0;  ///< load / capacity; 0: nothing on the route
  };

  void Start(Span route) { Shift(route, +1.0); }

  /// Before Finish, while the transfer itself still counts.
  [[nodiscard]] Bottleneck BottleneckOf(Span route) const {
    Bottleneck worst;
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      const std::int32_t r = plan_.routes[i].resource;
      const double seconds_per_byte = load_[r] / plan_.resources[r].capacity.si();
      if (seconds_per_byte > worst.seconds_per_byte) {
        worst = {static_cast<Cause>(plan_.resources[r].resource_class), seconds_per_byte};
      }
    }
    return worst;
  }

  void Finish(Span route, double bytes, double start, double end) {
    Shift(route, -1.0);
    Account(route, bytes, start, end);
  }

  /// Traffic that could not share: counted, not metered.
  void Account(Span route, double bytes, double start, double end) {
    traffic_.Account(route, bytes, start, end, series_);
  }

  void CountFlop(double flop, double start, double end) { series_.Add(kFlopSeries, start, end, flop); }

 private:
  void Shift(Span route, double sign) {
    for (std::int32_t i = route.begin; i < route.end; ++i) {
      load_[plan_.routes[i].resource] += sign * plan_.routes[i].weight;
    }
  }

  const Plan& plan_;
  RouteTraffic traffic_;
  UtilisationAccumulator& series_;
  std::vector<double> load_;
};

/// Loads change while a transfer runs; the heavier of two looks at it says what paced it.
inline Meter::Bottleneck Heavier(const Meter::Bottleneck& a, const Meter::Bottleneck& b) {
  return b.seconds_per_byte > a.seconds_per_byte ? b : a;
}

}  // namespace gridlock
