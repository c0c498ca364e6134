#pragma once

// A HyperX: routers on a grid, and the ways between them.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "topologies/hyperx/spec.h"
#include "topologies/routers/topology.h"

namespace gridlock {

/// Routers are numbered along the first dimension, then the second; server s hangs on router
/// s / servers_per_router. A site with fewer servers than there is room for has all its routers.
/// The parallel links of two routers are one bundle.
///
/// In dimension order routes correct each coordinate that differs in one hop, the first dimension
/// first. Minimal ways do so in every order. Valiant corrects them on the way to any other router,
/// and from there on again.
class HyperXTopology final : public RouterTopology {
 public:
  static constexpr int kMostDimensions = 3;
  using Coordinates = std::array<int, kMostDimensions>;

  static constexpr int kRouter = kFirstRouter;  ///< kind of machines in wiring()
  static constexpr int kMesh = kFirstCable;     ///< kind of the cables along the first dimension

  /// The site's fabric must be a HyperXSpec. Throws UserError when routers run out of ports or the
  /// servers have no room.
  explicit HyperXTopology(const SiteSpec& site);

  [[nodiscard]] const HyperXSpec& hyperx() const { return std::get<HyperXSpec>(site().fabric); }

  [[nodiscard]] int dimensions() const { return static_cast<int>(hyperx().size.size()); }

  /// 0 along dimensions that the HyperX does not have.
  [[nodiscard]] Coordinates CoordinatesOf(int router) const;

  [[nodiscard]] int RouterAt(const Coordinates& at) const;

  /// Capacity of all parallel links of two routers, per direction.
  [[nodiscard]] BytesPerSecond link_bandwidth() const;

  [[nodiscard]] std::string shape() const override;
  [[nodiscard]] std::vector<std::string> facts() const override;

  /// In dimension order shortest paths are the routes: an edge's preference is its dimension.
  [[nodiscard]] RouteGraph route_graph() const override;

 protected:
  [[nodiscard]] std::vector<Way> MinimalWays(int from, int to,
                                             std::uint64_t flow_hash) const override;
  [[nodiscard]] std::int32_t minimal_parts() const override;
  [[nodiscard]] std::int32_t DetoursBetween(int from, int to) const override;

  [[nodiscard]] std::int32_t detour_parts() const override { return routers() - 2; }

  [[nodiscard]] Way Detour(int from, int to, std::int32_t n,
                           std::uint64_t flow_hash) const override;
  [[nodiscard]] std::vector<Halving> Halvings() const override;

 private:
  using Order = std::array<int, kMostDimensions>;

  /// Goes on, correcting coordinates in this order of dimensions.
  void Go(Way& way, int to, const Order& order) const;
};

}  // namespace gridlock
