#pragma once

// What placements of one job have in common: how many servers it has on each site. Two of them are
// taken to bound the others: packed, on the first servers of each site, and scattered, with
// neighbours in rank in different outermost groups. Where both make steps of the same length, one
// simulated step stands for every placement. Else placements are put on a scale from packed to full
// of gaps, by how many neighbours in rank lie apart, and get the rate of their place on it. Both
// are assumptions, tested on drawn placements.

#include <cstdint>
#include <functional>
#include <map>
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

  /// Like those that a scheduler makes on a site where others hold servers or are down: in the
  /// order of servers, but for gaps. They are evenly spaced, and a share of the most that there can
  /// be; 0 is packed. As there, the innermost groups with most servers come first.
  [[nodiscard]] Placement Spread(double share, const Network& network) const;

  /// The most servers that a site can leave out between those of the shape.
  [[nodiscard]] std::int32_t MostGaps(const Network& network) const;

  /// How many neighbours in rank lie in different groups of servers, beyond those of the packed
  /// placement, as a share of all neighbours; the mean over the levels of groups.
  [[nodiscard]] double Apart(const Placement& placement, const Network& network) const;
};

/// Jobs below this size are simulated as they lie: their steps take little time to simulate.
inline constexpr std::int64_t kShapedServers = 16;

/// Where links out of groups can set the pace, a job is small with fewer groups of it than this.
inline constexpr std::int32_t kShapedGroups = 8;

/// Steps whose lengths differ by this share or less count as equal. Where packed and scattered ones
/// differ by up to twice as much, the step between them is as near to each.
inline constexpr double kShapeTolerance = 2e-3;

/// Marks of the scale whose steps differ by more than this do not tell what lies between them.
inline constexpr double kShapeReach = 1e-2;

/// The shape of a placement. Nothing where the job is small, where servers are not interchangeable
/// (Locality), or where a site's part does not come in one piece of ranks.
std::optional<Shape> ShapeOf(const Placement& placement, const Network& network);

/// Whether links out of groups of servers of its sites can set the pace.
bool CanBind(const Shape& shape, const Network& network);

/// The rates of all placements of one shape, each simulated where `simulate` says. The answer
/// depends on the placement alone, and not on those that were asked for before it.
class ShapeRates {
 public:
  using Simulate = std::function<StepRate(const Placement&)>;

  /// Nothing where the scale says too little, or where a placement of it has too many actors.
  std::optional<StepRate> Of(const Placement& placement, const Shape& shape, const Network& network,
                             const Simulate& simulate);

  /// Where one step stands for all placements: it, and the packed one.
  struct Alike {
    StepRate one, packed;
  };

  std::optional<Alike> AlikeOf(const Shape& shape, const Network& network,
                               const Simulate& simulate);

 private:
  struct Mark {
    double apart = 0;
    StepRate rate;
  };

  void Begin(const Shape& shape, const Network& network, const Simulate& simulate);
  double ApartAt(double share, const Shape& shape, const Network& network);
  const Mark& At(double share, const Shape& shape, const Network& network,
                 const Simulate& simulate);

  bool begun_ = false, refused_ = false;
  std::optional<StepRate> one_;      ///< of all placements
  std::map<double, Mark> marks_;     ///< by the share of the most gaps
  std::map<double, double> aparts_;  ///< of marks, whether simulated or not
};

/// Equal keys: the same job, machines and shape.
std::string KeyOfShape(const Situation& situation, PlacedIndex job, const Shape& shape);

}  // namespace gridlock
