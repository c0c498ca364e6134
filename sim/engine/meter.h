#pragma once

#include <vector>

#include "sim/measure/step_log.h"
#include "sim/plan/plan.h"

namespace gridlock {

/// Counts what is under way on each resource, to say which one sets the pace of a transfer, and
/// accounts finished transfers to the series of their job.
///
/// Starts and ends of one instant are gathered, and counted together once the instant is over. A
/// transfer that ends is therefore compared with everything that ran until its end, and a transfer
/// that starts with everything that starts with it. Example: when A ends and B starts at 3 s, A is
/// judged without B and B without A, whichever SimGrid reports first.
class Meter {
 public:
  /// @param links see RouteTraffic
  explicit Meter(const Plan& plan, LinkTally* links = nullptr)
      : plan_(plan), traffic_(plan, links), load_(plan.resources.size(), 0.0) {}

  /// The resource of a route with the smallest fair share, and the load that made it so.
  struct Bottleneck {
    Cause cause = Cause::kLatency;
    double seconds_per_byte = 0;       ///< load / capacity; 0: nothing on the route
    double mean_seconds_per_byte = 0;  ///< of the two looks that Finish compares
  };

  /// A transfer starts; the ticket is for Finish.
  std::int32_t Start(Span route, double now) {
    CatchUp(now);
    std::int32_t ticket = static_cast<std::int32_t>(running_.size());
    if (free_.empty()) {
      running_.emplace_back();
    } else {
      ticket = free_.back();
      free_.pop_back();
    }
    running_[ticket] = {route, now, {}, /*counted=*/false};
    Change({route, +1.0, ticket}, now);
    return ticket;
  }

  /// A transfer of `bytes` ends: accounts it, and says which resource set its pace. The meter looks
  /// right after the start and right before the end of a transfer; the slower look counts.
  Bottleneck Finish(std::int32_t ticket, double bytes, double now, UtilisationAccumulator& series);

  /// Accounts traffic that cannot have shared a resource, without metering it.
  void Account(Span route, double bytes, double start, double end,
               UtilisationAccumulator& series) const {
    traffic_.Account(route, bytes, start, end, series);
  }

 private:
  struct Running {
    Span route;
    double start = 0;
    Bottleneck at_start;
    bool counted = false;  ///< its start has taken effect
  };

  /// A start (with its ticket) or an end (-1) that has not taken effect.
  struct Pending {
    Span route;
    double sign;
    std::int32_t ticket;
  };

  [[nodiscard]] Bottleneck BottleneckOf(Span route) const;

  void Change(const Pending& change, double now) {
    pending_since_ = pending_.empty() ? now : pending_since_;
    pending_.push_back(change);
  }

  void CatchUp(double now) {
    if (!pending_.empty() && now > pending_since_ + kInstant) {
      TakeEffect();
    }
  }

  void TakeEffect();

  const Plan& plan_;
  RouteTraffic traffic_;
  std::vector<double> load_;
  std::vector<Running> running_;  ///< by ticket
  std::vector<std::int32_t> free_;
  std::vector<Pending> pending_;
  double pending_since_ = 0;
};

/// The slower of two looks. When both are equally slow, it is the one whose resource is nearer to
/// the accelerator, in whatever order they come.
inline Meter::Bottleneck Heavier(const Meter::Bottleneck& a, const Meter::Bottleneck& b) {
  if (b.seconds_per_byte > a.seconds_per_byte * kTie) {
    return b;
  }
  if (a.seconds_per_byte > b.seconds_per_byte * kTie) {
    return a;
  }
  return b.cause < a.cause ? b : a;
}

}  // namespace gridlock
