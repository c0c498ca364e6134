#pragma once

// A torus of accelerators inside a server: its links, routes in the order of its dimensions, and
// rings over the axes of a group.

#include <vector>

#include "topologies/machine.h"
#include "topologies/scale_up/counts.h"
#include "topologies/scale_up/server_links.h"

namespace gridlock {

/// Adds one link forth from every node in every dimension. Two nodes of a dimension of two are
/// joined twice. The last node of an open axis has no link forth.
void CountTorusLinks(const ScaleUpSpec& spec, LinkCounts& counts);

/// The next node on the way from a to b, at a x nodes + b: along x, then y, then z, the shorter way
/// round where the axis is closed. -1 from one to itself.
std::vector<int> TorusRelays(const ScaleUpSpec& spec, int nodes);

/// A ring over all axes of the grid that the members fill; without loads where they fill none.
/// @param links  from a to b, at a x nodes + b
ServerRing TorusRing(const std::vector<int>& members, const ScaleUpSpec& spec,
                     const std::vector<int>& links, int nodes);

}  // namespace gridlock
