#pragma once

// Several Clos side by side that do not touch: DeepSeek's eight planes, rail-only networks, the two
// planes of Alibaba HPN.

#include <cstdint>
#include <string>
#include <vector>

#include "topologies/clos/topology.h"
#include "topologies/topology.h"

namespace gridlock {

/// Every plane is the same ClosTopology; what differs is who hangs on it. Links in a fixed order:
/// scale-up out, scale-up in (by accelerator), then plane by plane those of its Clos without its
/// scale-up links.
///
/// With shared-out NICs a plane has the NICs of as many consecutive accelerators of every server,
/// and an accelerator reaches another plane through the accelerator of its own server that has the
/// receiver's place (W. Wang et al., "Rail-only: a low-cost high-performance network for training
/// LLMs with trillion parameters", HOTI 2024; C. Zhao et al., "Insights into DeepSeek-V3", ISCA
/// 2025, section 5.1). With split NICs every NIC has a port of an equal share of its bandwidth in
/// each plane (K. Qian et al., "Alibaba HPN", SIGCOMM 2024): sprayed flows are spread evenly over
/// the planes, hashed ones stay in one. Traffic to other sites stays in one plane.
class PlanesTopology final : public Topology {
 public:
  /// The site's fabric must be a ClosSpec of several planes. Throws UserError when NICs cannot be
  /// shared out over them, and as ClosTopology for one plane.
  explicit PlanesTopology(const SiteSpec& site);

  [[nodiscard]] const ClosSpec& clos() const { return std::get<ClosSpec>(site().fabric); }

  [[nodiscard]] int planes() const { return clos().planes; }

  /// One of them. Its accelerators are those that hang on it.
  [[nodiscard]] const ClosTopology& plane() const { return plane_; }

  /// The plane of an accelerator's NIC; with split NICs 0.
  [[nodiscard]] int plane_of(AcceleratorIndex a) const;

  /// The number of a link of the n-th plane.
  [[nodiscard]] LinkIndex LinkOfPlane(int n, LinkIndex link) const {
    return {2 * accelerators() + n * links_per_plane() + link.value - 2 * plane_.accelerators()};
  }

  [[nodiscard]] std::string shape() const override;
  [[nodiscard]] std::vector<std::string> facts() const override;

  [[nodiscard]] std::vector<Tier> tiers() const override { return plane_.tiers(); }

  [[nodiscard]] int links() const override {
    return 2 * accelerators() + planes() * links_per_plane();
  }

  [[nodiscard]] TierIndex tier(LinkIndex link) const override;
  [[nodiscard]] BytesPerSecond capacity(LinkIndex link) const override;

  /// "plane3.leaf_up[2]".
  [[nodiscard]] std::string name(LinkIndex link) const override;
  [[nodiscard]] LinkEnds ends(LinkIndex link) const override;
  [[nodiscard]] bool can_bind(LinkIndex link) const override;

  [[nodiscard]] LinkIndex scale_up_out(AcceleratorIndex a) const override { return {a.value}; }

  [[nodiscard]] LinkIndex scale_up_in(AcceleratorIndex a) const override {
    return {accelerators() + a.value};
  }

  [[nodiscard]] std::int32_t parts() const override;

  void AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;
  void AppendShares(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                    std::span<const double> load, std::vector<LinkShare>& shares) const override;
  bool AppendSharesAround(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                          const std::function<bool(LinkIndex)>& failed,
                          std::vector<LinkShare>& shares) const override;
  void AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                  std::vector<LinkIndex>& route) const override;
  void AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;

  [[nodiscard]] Seconds Latency(AcceleratorIndex from, AcceleratorIndex to) const override;

  [[nodiscard]] Seconds LatencyToBorder() const override { return plane_.LatencyToBorder(); }

  [[nodiscard]] const Locality& locality() const override { return plane_.locality(); }

  [[nodiscard]] std::vector<Equipment> equipment() const override;
  [[nodiscard]] Wiring wiring() const override;

  /// The trunk are the planes; with split NICs every port is a terminal.
  [[nodiscard]] CutProblem cut_problem() const override;

  /// With shared-out NICs it falls into planes: paths over scale-up links between are no routes of
  /// a list.
  [[nodiscard]] RouteGraph route_graph() const override;

 private:
  /// A link, seen from its plane.
  struct Place {
    int plane;
    LinkIndex link;
  };

  [[nodiscard]] int links_per_plane() const { return plane_.links() - 2 * plane_.accelerators(); }

  [[nodiscard]] bool is_scale_up(LinkIndex link) const { return link.value < 2 * accelerators(); }

  [[nodiscard]] Place PlaceOf(LinkIndex link) const;

  /// An accelerator as its plane numbers it.
  [[nodiscard]] AcceleratorIndex WithinPlane(AcceleratorIndex a) const;

  /// Accelerators of a server that hang on one plane.
  [[nodiscard]] int per_plane() const { return plane_.server_size(); }

  /// Where traffic leaves the server of the sender, and into which plane.
  [[nodiscard]] AcceleratorIndex SenderOf(AcceleratorIndex from, AcceleratorIndex to) const;
  [[nodiscard]] int PlaneOf(AcceleratorIndex to, std::uint64_t flow_hash) const;

  /// Numbers of links that were appended since `begin` by a plane become those of the site.
  void Renumber(int plane, std::size_t begin, std::vector<LinkIndex>& route) const;

  ClosTopology plane_;
};

}  // namespace gridlock
