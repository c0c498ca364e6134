#pragma once

// Requests to a fleet, one after another, without end.

#include <cstdint>
#include <string>

#include "sim/base/random.h"
#include "workloads/job.h"

namespace gridlock {

/// The share of a fleet's requests that its simulated replicas see: a Poisson process whose rate
/// follows the day, thinned from its peak rate (Lewis and Shedler 1979). Arrivals, groups, lengths
/// and routes are streams of their own, so that changing one leaves the others.
class RequestStream {
 public:
  RequestStream(const ServingSpec& fleet, const std::string& fleet_name, std::uint64_t seed);

  /// The next one, by rising arrival.
  Request Next();

  /// Requests per second at a time, of the whole fleet.
  static double RateAt(const ArrivalSpec& arrivals, Seconds at);

 private:
  const ServingSpec& fleet_;
  Seconds clock_;
  Random arrivals_, groups_, prompts_, outputs_, routes_;
};

}  // namespace gridlock
