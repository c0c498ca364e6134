#include "sim/engine/meter.h"

namespace gridlock {

Meter::Bottleneck Meter::Finish(std::int32_t ticket, double bytes, double now,
                                UtilisationAccumulator& series) {
  CatchUp(now);
  if (!running_[ticket].counted) {
    TakeEffect();  // it took less than an instant
  }
  const Running& transfer = running_[ticket];
  const Bottleneck at_end = BottleneckOf(transfer.route);
  Bottleneck bottleneck = Heavier(transfer.at_start, at_end);
  bottleneck.mean_seconds_per_byte =
      (transfer.at_start.seconds_per_byte + at_end.seconds_per_byte) / 2;
  Account(transfer.route, bytes, transfer.start, now, series);
  Change({transfer.route, -1.0, -1}, now);
  free_.push_back(ticket);
  return bottleneck;
}

Meter::Bottleneck Meter::BottleneckOf(Span route) const {
  Bottleneck worst;
  for (std::int32_t i = route.begin; i < route.end; ++i) {
    const std::int32_t r = plan_.routes[i].resource;
    const double seconds_per_byte = load_[r] / plan_.resources[r].capacity.si();
    if (plan_.resources[r].can_bind && seconds_per_byte > worst.seconds_per_byte * kTie) {
      worst = {plan_.resources[r].tier, seconds_per_byte};
    }
  }
  return worst;
}

void Meter::TakeEffect() {
  for (const Pending& change : pending_) {
    for (std::int32_t i = change.route.begin; i < change.route.end; ++i) {
      load_[plan_.routes[i].resource] += change.sign * plan_.routes[i].weight;
    }
  }
  for (const Pending& change : pending_) {
    if (change.ticket >= 0) {
      running_[change.ticket].at_start = BottleneckOf(change.route);
      running_[change.ticket].counted = true;
    }
  }
  pending_.clear();
}

}  // namespace gridlock
