#pragma once

// A HyperX: every link with its capacity, and the route of every flow, by arithmetic.

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "topologies/hyperx/spec.h"
#include "topologies/topology.h"

namespace gridlock {

/// Routers are numbered along the first dimension, then the second; server s hangs on router
/// s / servers_per_router. A site with fewer servers than there is room for has all its routers.
///
/// Links in a fixed order: scale-up out, scale-up in (by accelerator), NIC up, NIC down (by NIC),
/// then those between routers by dimension, router that sends, and coordinate that they lead to.
/// The parallel links of two routers are one bundle.
///
/// Routes correct each coordinate that differs in one hop, the first dimension first.
class HyperXTopology final : public Topology {
 public:
  static constexpr int kMostDimensions = 3;
  using Coordinates = std::array<int, kMostDimensions>;

  /// Kinds of machines in wiring().
  enum NodeKind { kAccelerator, kScaleUpSwitch, kNic, kRouter };

  /// Kinds of cables in wiring(); those along dimension d are kMesh + d.
  enum CableKind { kAttachment, kScaleUpCable, kNicCable, kMesh };

  /// The site's fabric must be a HyperXSpec. Throws UserError when routers run out of ports or the
  /// servers have no room.
  explicit HyperXTopology(const SiteSpec& site);

  [[nodiscard]] const HyperXSpec& hyperx() const { return std::get<HyperXSpec>(site().fabric); }

  [[nodiscard]] int dimensions() const { return static_cast<int>(hyperx().size.size()); }

  [[nodiscard]] int routers() const { return routers_; }

  [[nodiscard]] int router_of(AcceleratorIndex a) const {
    return server_of(a) / hyperx().servers_per_router;
  }

  /// 0 along dimensions that the HyperX does not have.
  [[nodiscard]] Coordinates CoordinatesOf(int router) const;

  [[nodiscard]] int RouterAt(const Coordinates& at) const;

  /// Capacity of all parallel links of two routers, per direction.
  [[nodiscard]] BytesPerSecond link_bandwidth() const;

  [[nodiscard]] std::string shape() const override;
  [[nodiscard]] std::vector<std::string> facts() const override;

  /// "mesh_x", "mesh_y", "mesh_z".
  [[nodiscard]] std::vector<Tier> tiers() const override;

  [[nodiscard]] int links() const override { return first_mesh_[kMostDimensions]; }

  [[nodiscard]] TierIndex tier(LinkIndex link) const override;
  [[nodiscard]] BytesPerSecond capacity(LinkIndex link) const override;

  /// "scale_up_out[5]", "nic_up[17]", "mesh_x[3->7]" (routers).
  [[nodiscard]] std::string name(LinkIndex link) const override;

  [[nodiscard]] bool can_bind(LinkIndex /*link*/) const override { return true; }

  /// The NICs of a server are at one router; links inside it may tell them apart.
  [[nodiscard]] int unit_size() const override {
    return site().server.ring_bandwidths.empty() ? server_size() / std::max(1, nics_per_server_)
                                                 : server_size();
  }

  [[nodiscard]] bool belongs_to_unit(LinkIndex link) const override {
    return tier(link) < TierTable::kFirstOwn;
  }

  [[nodiscard]] LinkIndex scale_up_out(AcceleratorIndex a) const override { return {a.value}; }

  [[nodiscard]] LinkIndex scale_up_in(AcceleratorIndex a) const override {
    return {accelerators() + a.value};
  }

  void AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;

  /// The border begins at every router.
  void AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                  std::vector<LinkIndex>& route) const override;
  void AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;

  /// Routers on the way x latency of one.
  [[nodiscard]] Seconds Latency(AcceleratorIndex from, AcceleratorIndex to) const override;

  [[nodiscard]] Seconds LatencyToBorder() const override { return hyperx().router.latency; }

  [[nodiscard]] const Locality& locality() const override { return locality_; }

  [[nodiscard]] std::vector<Equipment> equipment() const override;
  [[nodiscard]] Wiring wiring() const override;

  /// The trunk are the routers.
  [[nodiscard]] CutProblem cut_problem() const override;
  [[nodiscard]] RouteGraph route_graph() const override;

 private:
  /// A link between routers.
  struct Hop {
    int dimension, from, to;
  };

  [[nodiscard]] Locality LocalityOf() const;
  [[nodiscard]] int nic_of(AcceleratorIndex a) const;

  [[nodiscard]] int first_nic() const { return 2 * accelerators(); }

  [[nodiscard]] LinkIndex LinkOf(const Hop& hop) const;
  [[nodiscard]] Hop HopOf(LinkIndex link) const;
  [[nodiscard]] BytesPerSecond nic_bandwidth() const;

  /// Calls visit(hop) for each link between routers on the way.
  template <typename Visit>
  void Walk(int from, int to, const Visit& visit) const;

  Coordinates size_{1, 1, 1};  ///< 1 along dimensions that it does not have
  int routers_ = 0;
  int nics_per_server_ = 0, nics_ = 0;
  /// First link of each dimension; the last is links().
  std::array<int, kMostDimensions + 1> first_mesh_{};
  Locality locality_;
};

}  // namespace gridlock
