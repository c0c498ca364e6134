#pragma once

// Random numbers that are the same on every machine: our own generator and distributions, and one
// stream per purpose, so that one more draw in one place leaves the numbers of all other places as
// they were.

#include <array>
#include <cstdint>
#include <string_view>

namespace gridlock {

/// A stream of random numbers (xoshiro256++, Blackman and Vigna 2021), seeded by the scenario's
/// seed and the purpose's name: Random(seed, "campaign/ablations/lengths").
class Random {
 public:
  Random(std::uint64_t seed, std::string_view purpose);

  /// 64 random bits.
  std::uint64_t Bits();

  /// Uniform in [0, 1), 53 bits.
  double Uniform();

  /// Uniform whole number in [0, n). Requires n > 0.
  std::uint64_t Below(std::uint64_t n);

  /// Exponential of the given mean, >= 0.
  double Exponential(double mean);

  /// Standard normal (Marsaglia's polar method; the spare one is thrown away, so that each call
  /// stands alone).
  double Normal();

  /// exp(mu + sigma Normal()).
  double LogNormal(double mu, double sigma);

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace gridlock
