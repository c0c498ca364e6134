#pragma once

// A site as a platform of SimGrid (https://simgrid.org/doc/latest/XML_reference.html), for
// simulators that are built on it.

#include <iosfwd>

#include "topologies/topology.h"

namespace gridlock {

/// Most accelerators of such a platform: it has the route of every pair.
inline constexpr int kSimGridAcceleratorsMost = 512;

/// Writes one zone with full routing: a host for each accelerator, a link for each direction of a
/// link, and between any two hosts the route that Gridlock takes. Where flows take several ways,
/// it has one of them. Throws UserError (path "") for larger sites, and where failures leave a pair
/// without a way. @param speed of a host, FLOP/s
void WriteSimGridXml(const Topology& topology, double speed, std::ostream& out);

}  // namespace gridlock
