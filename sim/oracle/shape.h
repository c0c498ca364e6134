#pragma once

// What placements of one job have in common: how many servers it has on each site. Where no link
// above the NICs can set the pace, servers that lie elsewhere change nothing but how long messages
// fly. Two placements show by how much: packed, on the first servers of each site, and scattered,
// with neighbours in rank in different outermost groups. When both make steps of the same length,
// one simulated step is taken to stand for every placement: an assumption, tested on drawn
// placements only as far as those two bound them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/oracle/situation.h"
#include "topologies/network.h"

namespace gridlock {

/// Servers on each site, in the order of their first ranks.
struct Shape {
  std::vector<SiteIndex> sites;
  std::vector<std::int32_t> servers;

  [[nodiscard]] Placement Packed() const;
  [[nodiscard]] Placement Scattered(const Network& network) const;
};

/// Jobs below this size are simulated as they lie: their steps take little time to simulate.
inline constexpr std::int64_t kShapedServers = 16;

/// Packed and scattered steps whose lengths differ by this share or less count as equal.
inline constexpr double kShapeTolerance = 2e-3;

/// The shape of a placement. Nothing where the job is small, where servers are not interchangeable
/// or links out of their groups can set the pace (Locality), or where a site's part does not come
/// in one piece of ranks.
std::optional<Shape> ShapeOf(const Placement& placement, const Network& network);

/// Equal keys: the same job, machines and shape.
std::string KeyOfShape(const Situation& situation, PlacedIndex job, const Shape& shape);

}  // namespace gridlock
