#pragma once

// The bandwidth cap: one resource of a scenario at other values, everything else as it was.

#include <string>
#include <vector>

#include "sim/scenario/scenario.h"

namespace gridlock {

/// One position on the cap axis.
struct CapPoint {
  double si = 0;         ///< value per direction (links), byte/s, FLOP/s or W
  std::string label;     ///< for people: "scale_up 200 GB/s"
  std::string note;      ///< what was understood, when the text was a marketed figure; may be ""
  std::string as_typed;  ///< "900 GBps" of both directions, or "75 %"; "" for a plain value
};

/// "scale_up", "nic", "wan", "hbm", "flops", "power".
const char* CapTargetName(CapTarget target);

/// The resource whose critical-path share tells whether the cap binds, as Attribution names it.
const char* CapResource(CapTarget target);

/// What the values of a target are, and their SI unit.
const char* CapQuantity(CapTarget target);
const char* CapUnits(CapTarget target);

/// Target of that name; throws UserError that names the nearest and says which are not simulated
/// yet.
CapTarget ParseCapTarget(const std::string& name);

/// Reads a list such as "900,800,...,100GBps", "450 GB/s per direction", "50%,25%". A unit at the
/// end counts for all before it; "..." continues an even spacing; a percentage is of the scenario's
/// own value. Scale-up figures are read as vendors print them, both directions added, unless the
/// text says "per direction"; all others are per direction. Throws UserError.
std::vector<CapPoint> ParseCapValues(const std::string& text, CapTarget target,
                                     const Scenario& scenario);

/// What a reader of the table must know: how values were read, and what else a cap moves.
std::vector<std::string> CapNotes(CapTarget target, const std::vector<CapPoint>& points);

/// The scenario's own value of the target, SI.
double CapBaseline(CapTarget target, const Scenario& scenario);

/// The scenario with its target at `si`.
Scenario WithCap(Scenario scenario, CapTarget target, double si);

}  // namespace gridlock
