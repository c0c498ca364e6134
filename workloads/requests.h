#pragma once

// Requests to a fleet, one after another, without end.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/random.h"
#include "workloads/job.h"

namespace gridlock {

/// Which of so many adapters a request asks for: the n-th, from 1, in proportion to n^-skew.
class AdapterChoice {
 public:
  explicit AdapterChoice(const AskedAdapters& asked);

  /// From 0; -1 where there are none. @param u uniform in [0, 1)
  [[nodiscard]] std::int32_t At(double u) const;

 private:
  std::vector<double> up_to_;  ///< share of an adapter and those before it
};

/// The share of a fleet's requests that its simulated replicas see: a Poisson process whose rate
/// follows the day, thinned from its peak rate (Lewis and Shedler 1979). Arrivals, groups, lengths
/// and routes are streams of their own, so that changing one leaves the others.
class RequestStream {
 public:
  RequestStream(const ServingSpec& fleet, const std::string& fleet_name, std::uint64_t seed);

  /// The next one, by rising arrival. Time zero is midnight.
  Request Next();

  /// Requests per second at a time, of the whole fleet.
  static double RateAt(const ArrivalSpec& arrivals, Seconds at);

 private:
  // Log-normal, cut to 1..max.
  struct Lengths {
    double mu, sigma;
    std::int64_t max;
  };

  struct Group {
    double share_up_to;  ///< of this group and those before it
    Lengths prompt, output;
    std::int64_t image_tokens;  ///< of the prompt, beside its text
  };

  static Lengths LengthsOf(const LengthSpec& spec);
  static std::int64_t Draw(const Lengths& lengths, Random& random);
  void NextArrival();

  ArrivalSpec shape_;      ///< mean 1
  double peak_rate_ = 0;   ///< of the simulated share, requests per second
  double peak_shape_ = 1;  ///< highest value of the shape
  std::vector<Group> groups_of_fleet_;
  Seconds clock_;
  AdapterChoice adapter_choice_;
  Random arrivals_, groups_, prompts_, outputs_, routes_, adapters_;
};

/// Mean tokens of lengths: of a log-normal by its quantiles, longer ones cut to the longest.
double MeanOf(const LengthSpec& lengths);

}  // namespace gridlock
