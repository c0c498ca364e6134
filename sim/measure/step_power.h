#pragma once

// Power over the time of a step: its energies dealt out over the intervals of its series, and what
// the storage in power supplies makes of that. Pure formulas.

#include <cstdint>
#include <vector>

#include "sim/base/units.h"
#include "sim/energy/energy.h"

namespace gridlock {

/// The intervals of a step, and what goes on in each of them, per second, over all accelerators.
struct StepLoads {
  std::vector<double> widths;     ///< seconds
  std::vector<double> flop, hbm;  ///< FLOP/s, byte/s
  std::vector<double> links;      ///< byte/s, by what they cost
};

/// Watts of the accelerators of a step and their servers in each interval, without PUE. Times their
/// widths they sum to `energy`, and no board is above its limit in the mean of an interval.
/// @param busy  time of accelerators with kernels, of all together
std::vector<double> PowerOverStep(const StepEnergy& energy, const ServerSpec& server,
                                  std::int64_t accelerators, Seconds busy, const StepLoads& loads);

/// The same watts with a storage of `capacity` between the servers and their supply, without
/// losses: the supply stays within the narrowest band for which the storage suffices, step after
/// step.
std::vector<double> EvenedOut(const std::vector<double>& power, const std::vector<double>& widths,
                              Joules capacity);

}  // namespace gridlock
