#pragma once

#include <cstdint>
#include <vector>

#include "topologies/routers/topology.h"

namespace gridlock {

/// A network of routers whose minimal ways are the shortest paths of its graph. A flow is spread
/// over all of them when they are at most kWaysMost, else over so many that a hash of the flow
/// picks. Valiant goes by way of any other router, minimally there and on.
///
/// Routers up to three links apart are found from both ends. For others a search outwards from each
/// goal is kept, one byte for each pair of routers.
class ShortestPathTopology : public RouterTopology {
 public:
  /// As many subflows as Jellyfish spreads a flow over (A. Singla et al., NSDI 2012, section 5).
  static constexpr int kWaysMost = 8;

  /// Links between two routers on a shortest path.
  [[nodiscard]] int Distance(int from, int to) const;

  /// The largest of these distances; looks from at most `sources_most` routers.
  [[nodiscard]] int DiameterOfRouters(int sources_most) const;

 protected:
  using RouterTopology::RouterTopology;

  [[nodiscard]] std::vector<Way> MinimalWays(int from, int to,
                                             std::uint64_t flow_hash) const override;

  /// The least common multiple of 1 to kWaysMost.
  [[nodiscard]] std::int32_t minimal_parts() const override { return 840; }

  [[nodiscard]] std::int32_t DetoursBetween(int from, int to) const override;

  [[nodiscard]] std::int32_t detour_parts() const override { return routers() - 2; }

  [[nodiscard]] Way Detour(int from, int to, std::int32_t n,
                           std::uint64_t flow_hash) const override;

 private:
  using Hops = std::vector<std::uint8_t>;  ///< to a goal, by router

  [[nodiscard]] const Hops& HopsTo(int goal) const;

  /// Routers that two are both joined to, rising, at most so many.
  [[nodiscard]] std::vector<int> Common(int a, int b, std::size_t most) const;

  /// Routers that a router is joined to and that are nearer to another one, rising.
  [[nodiscard]] std::vector<int> Nearer(int from, int to) const;

  /// Goes on along a shortest path; at each router a hash picks the next one.
  void GoShortest(Way& way, int to, std::uint64_t hash) const;

  /// Searches done so far: a cache that changes no result. A topology belongs to one thread.
  mutable std::vector<Hops> hops_to_;
};

/// Throws UserError when Valiant would spread flows over more detours than can be counted.
void CheckDetours(const RouterRouting& routing, std::int64_t routers, const std::string& path);

}  // namespace gridlock
