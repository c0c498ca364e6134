#pragma once

// A torus with wrap-around whose routers are the accelerators themselves: every link with its
// capacity, and the route of every flow, by arithmetic.

#include <cstdint>
#include <string>
#include <vector>

#include "topologies/topology.h"
#include "topologies/torus/grid.h"
#include "topologies/torus/spec.h"

namespace gridlock {

/// Routers are numbered like accelerators: server by server, and servers fill the torus block by
/// block along the first dimension, then the second; so do the routers of a server its block. So
/// groups of consecutive ranks, and of every 16th, lie along the axes of the torus. A site with
/// fewer servers than the torus has blocks leaves its last routers without an accelerator; they
/// forward all the same.
///
/// With slices every one is a torus of its own, of consecutive servers, and traffic from one to
/// another goes through NICs. In a twisted torus the links that wrap around a short side of n
/// arrive shifted by n along the sides of 2 n (J. Camara, M. Moreto, E. Vallejo, R. Beivide et al.,
/// "Twisted torus topologies for enhanced interconnection networks", IEEE TPDS 2010).
///
/// Links in a fixed order: for each dimension the links forth by router, then those back; then NIC
/// up and NIC down. NICs lead to a datacenter network that is wide enough for all of them, and only
/// traffic to other sites takes it.
///
/// Routes go along the first dimension, then the next (dimension-order routing), the shorter way
/// round. Half-way round both ways are equally long; the router at which the route turns into the
/// dimension then decides: forth where the sum of its coordinates is even, else back. So both
/// directions carry the same load, and a torus shifted by two routers looks the same. In a twisted
/// torus a shortest way along the dimensions in their order is taken; of several the sum of the
/// sender's coordinates picks one.
class TorusTopology final : public Topology {
 public:
  static constexpr int kMostDimensions = kTorusDimensionsMost;
  using Coordinates = TorusPlace;

  /// The site's fabric must be a TorusSpec. Throws UserError when blocks do not tile the torus or
  /// the servers do not fit into it.
  explicit TorusTopology(const SiteSpec& site);

  [[nodiscard]] const TorusSpec& torus() const { return std::get<TorusSpec>(site().fabric); }

  [[nodiscard]] int dimensions() const { return static_cast<int>(torus().size.size()); }

  [[nodiscard]] int routers() const { return routers_; }

  /// Where a router stands in its slice. The first accelerators() routers are accelerators.
  [[nodiscard]] Coordinates CoordinatesOf(int router) const;

  [[nodiscard]] int RouterAt(const Coordinates& at, int slice = 0) const;

  [[nodiscard]] int slices() const { return slices_; }

  [[nodiscard]] int slice_of(AcceleratorIndex a) const { return a.value / slice_routers_; }

  /// The router behind a link.
  [[nodiscard]] int NeighbourOf(int router, int dimension, bool forth) const;

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
  [[nodiscard]] LinkEnds ends(LinkIndex link) const override;

  [[nodiscard]] bool can_bind(LinkIndex /*link*/) const override { return true; }

  [[nodiscard]] LinkIndex scale_up_out(AcceleratorIndex a) const override;
  [[nodiscard]] LinkIndex scale_up_in(AcceleratorIndex a) const override;

  /// Of members that fill a grid (TorusGrid).
  DirectRing AppendDirectRing(std::span<const AcceleratorIndex> members,
                              std::vector<LinkLoad>& loads) const override;

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

  /// Of a twisted torus; 0: it is not twisted.
  [[nodiscard]] int ShortSide() const;

  /// Hops along each dimension from one router of a slice to another, negative ones back.
  [[nodiscard]] Coordinates StepsOf(int from, int to) const;
  [[nodiscard]] Coordinates TwistedSteps(const Coordinates& from, const Coordinates& to) const;

  /// Calls visit(router, dimension, forth) for each link on the way.
  template <typename Visit>
  void Walk(int from, int to, const Visit& visit) const;

  int slice_routers_ = 0, slices_ = 1;
  int routers_ = 0;  ///< of all slices
  int nics_per_server_ = 0, nics_ = 0;
  /// Of a slice and of a block; 1 along dimensions that they do not have.
  Coordinates size_{1, 1, 1}, block_{1, 1, 1};
  Locality locality_;
};

}  // namespace gridlock
