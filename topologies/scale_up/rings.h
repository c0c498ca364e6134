#pragma once

// As many rings over a set of accelerators as the links between them allow, side by side.

#include <cstdint>
#include <vector>

#include "topologies/scale_up/counts.h"

namespace gridlock {

/// Accelerators up to which PackRings searches among all rings.
constexpr int kSearchedMost = 16;

/// Directed rings over all n accelerators which together use no link more than any other set does.
struct RingSet {
  std::int32_t rings = 0;          ///< 0: no ring goes over links alone
  std::vector<std::int32_t> uses;  ///< n x n: rings that go from a straight to b
};

/// Packs rings. Each ring runs at the pace of one link, or of half a link where that makes room for
/// more: what counts is rings over the most that one link carries.
///  * With equally many links between all pairs, every link carries 1 / (n - 1) of the bytes, which
///    is the mean over all rings: K_n holds (n - 1) / 2 edge-disjoint ones where n is odd (Walecki,
///    in E. Lucas, "Recreations mathematiques" II, 1892).
///  * Elsewhere rings are searched for, both ways round. Up to 9 accelerators the search knows all
///    rings. It stops after a fixed number of steps, so its result is the same everywhere. The
///    eight V100 of a DGX-1 get six rings over their six links each, as in NCCL.
///  * Above 9 accelerators rings are also taken off the links one after another, each by rotations
///  of
///    a path (L. Posa, "Hamiltonian circuits in random graphs", Discrete Mathematics 14, 1976),
///    above 16 so alone. The better set is kept; there may be one that is better still.
RingSet PackRings(const LinkCounts& counts);

}  // namespace gridlock
