#pragma once

// A torus with wrap-around whose routers are the accelerators themselves: every link with its
// capacity, and the route of every flow, by arithmetic.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "topologies/topology.h"
#include "topologies/torus/spec.h"

namespace gridlock {

/// Routers are numbered like accelerators: server by server, and servers fill the torus block by
/// block along the first dimension, then the second. Within a server they follow a snake through
/// its block, so that consecutive ranks are neighbours. A site with fewer servers than the torus
/// has blocks leaves its last routers without an accelerator; they forward all the same.
///
/// Links in a fixed order: for each dimension the links forth by router, then those back; then NIC
/// up and NIC down. NICs lead to a datacenter network that is wide enough for all of them, and only
/// traffic to other sites takes it.
///
/// Routes go along the first dimension, then the next (dimension-order routing), the shorter way
/// round. Half-way round both ways are equally long; the router at which the route turns into the
/// dimension then decides: forth where the sum of its coordinates is even, else back. So both
/// directions carry the same load, and a torus shifted by two routers looks the same.
class TorusTopology final : public Topology {
 public:
  static constexpr int kMostDimensions = 3;
  using Coordinates = std::array<int, kMostDimensions>;

  /// The site's fabric must be a TorusSpec. Throws UserError when blocks do not tile the torus or
  /// the servers do not fit into it.
  explicit TorusTopology(const SiteSpec& site);

  [[nodiscard]] const TorusSpec& torus() const { return std::get<TorusSpec>(site().fabric); }

  [[nodiscard]] int dimensions() const { return static_cast<int>(torus().size.size()); }

  [[nodiscard]] int routers() const { return routers_; }

  /// Where a router stands. The first accelerators() routers are accelerators.
  [[nodiscard]] Coordinates CoordinatesOf(int router) const;

  [[nodiscard]] int RouterAt(const Coordinates& at) const;

  /// The link out of a router along a dimension, forth or back.
  [[nodiscard]] LinkIndex LinkOf(int router, int dimension, bool forth) const {
    return {(2 * dimension + (forth ? 0 : 1)) * routers_ + router};
  }

  /// Capacity of one link.
  [[nodiscard]] BytesPerSecond link_bandwidth() const;

  [[nodiscard]] std::string shape() const override;
  [[nodiscard]] std::vector<std::string> facts() const override;

  /// "ring_x", "ring_y", "ring_z".
  [[nodiscard]] std::vector<Tier> tiers() const override;

  [[nodiscard]] int links() const override { return 2 * dimensions() * routers_ + 2 * nics_; }

  [[nodiscard]] TierIndex tier(LinkIndex link) const override;
  [[nodiscard]] BytesPerSecond capacity(LinkIndex link) const override;

  /// "x_forth[17]", "z_back[3]", "nic_up[0]".
  [[nodiscard]] std::string name(LinkIndex link) const override;

  [[nodiscard]] bool can_bind(LinkIndex /*link*/) const override { return true; }

  [[nodiscard]] LinkIndex scale_up_out(AcceleratorIndex a) const override;
  [[nodiscard]] LinkIndex scale_up_in(AcceleratorIndex a) const override;

  void AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;
  void AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                  std::vector<LinkIndex>& route) const override;
  void AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;

  /// Hops x latency of a hop.
  [[nodiscard]] Seconds Latency(AcceleratorIndex from, AcceleratorIndex to) const override;

  [[nodiscard]] Seconds LatencyToBorder() const override { return Seconds(0.0); }

  [[nodiscard]] const Locality& locality() const override { return locality_; }

  [[nodiscard]] std::vector<Equipment> equipment() const override;
  [[nodiscard]] Wiring wiring() const override;
  [[nodiscard]] CutProblem cut_problem() const override;
  [[nodiscard]] RouteGraph route_graph() const override;

 private:
  /// Blocks of servers along each dimension.
  [[nodiscard]] Coordinates Blocks() const;
  [[nodiscard]] Locality LocalityOf() const;
  [[nodiscard]] int nic_of(AcceleratorIndex a) const;

  /// Calls visit(router, dimension, forth) for each link on the way.
  template <typename Visit>
  void Walk(int from, int to, const Visit& visit) const;

  int routers_ = 0;
  int nics_per_server_ = 0, nics_ = 0;
  Coordinates size_{1, 1, 1}, block_{1, 1, 1};  ///< 1 along dimensions that it does not have
  Locality locality_;
};

}  // namespace gridlock
