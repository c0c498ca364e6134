#pragma once

// Energy of a step from what its accelerators did: the power of boards that a job holds all the
// time, and a price for each FLOP, each HBM byte and each link byte, up to the boards' limit. The
// coefficients and their sources stand in the catalogue.

#include <cstdint>

#include "sim/base/units.h"
#include "topologies/machine.h"

namespace gridlock {

/// Sums over all accelerators of the job.
struct StepActivity {
  Joules arithmetic;
  Bytes hbm;
  Bytes links;     ///< sent
  Seconds busy{};  ///< with kernels; 0: all the time
};

struct StepEnergy {
  Joules idle, flop, hbm, links;
  Joules burned;   ///< by boards below their power floor
  Joules servers;  ///< hosts, fans, NICs, scale-up switches

  [[nodiscard]] Joules total() const { return boards() + servers; }

  [[nodiscard]] Joules boards() const { return idle + flop + hbm + links + burned; }
};

/// Without PUE. Servers count by the share of their accelerators that the job uses.
StepEnergy EnergyOfStep(const ServerSpec& server, std::int64_t accelerators, Seconds step,
                        const StepActivity& activity);

/// What a board burns when its work stops for `wait`, because its power falls no faster than its
/// ramp: a triangle, or what of it the wait has room for. Nothing without a ramp.
/// @param above  what it drew at work above what it would draw now
Joules BurnedByFall(const PowerSpec& power, Watts above, Seconds wait);

/// Time that a run loses at its start while boards rise from waiting to their limit along their
/// ramp: power goes with the fourth power of the clock (sim/cluster/README.md), so a rise of T
/// loses T times the integral of 1 - x^(1/4) over 0..1, a fifth. Nothing without a ramp.
Seconds LostByRise(const PowerSpec& power);

}  // namespace gridlock
