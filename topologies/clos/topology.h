#pragma once

// A folded Clos: every link with its capacity, and the route of every flow, by arithmetic. No graph
// is stored, so that a million accelerators cost a few integers.

#include <cstdint>
#include <string>
#include <vector>

#include "topologies/clos/bundles.h"
#include "topologies/clos/layout.h"
#include "topologies/clos/links.h"
#include "topologies/topology.h"

namespace gridlock {

/// Tiers of a Clos, beside ports and NICs.
struct ClosTiers {
  static constexpr TierIndex kLeaf{TierTable::kFirstOwn.value};       ///< leaf to spines and back
  static constexpr TierIndex kSpine{TierTable::kFirstOwn.value + 1};  ///< spines to cores and back
};

/// Links in a fixed order: scale-up out, scale-up in (by accelerator), NIC out, NIC in (by NIC),
/// leaf up, leaf down, spine up, spine down. With spraying the uplinks of a leaf, and those of a
/// pod, are one bundle each; otherwise they stand one by one.
class ClosTopology final : public Topology {
 public:
  /// Lays out the site, whose fabric must be a ClosSpec. Throws UserError (paths under site.path)
  /// when switches run out of ports or sizes do not fit together: says which tier, the ports needed
  /// and the ports there are.
  explicit ClosTopology(const SiteSpec& site);

  [[nodiscard]] const ClosSpec& clos() const { return std::get<ClosSpec>(site().fabric); }

  [[nodiscard]] const ClosLayout& layout() const { return layout_; }

  [[nodiscard]] const ClosLinks& numbering() const { return links_; }

  /// NICs of the site; several NICs of one accelerator count as one of their sum (see ClosLayout).
  [[nodiscard]] int nics() const { return layout_.nics; }

  [[nodiscard]] int leaves() const { return layout_.leaves; }

  [[nodiscard]] int leaves_per_pod() const { return layout_.leaves_per_pod; }

  [[nodiscard]] int pods() const { return layout_.pods; }

  [[nodiscard]] int spines_per_pod() const { return layout_.spines_per_pod; }

  [[nodiscard]] int spines() const { return layout_.pods * layout_.spines_per_pod; }

  [[nodiscard]] int cores() const { return layout_.cores; }

  [[nodiscard]] int uplinks_per_leaf() const { return layout_.uplinks_per_leaf; }

  [[nodiscard]] int uplinks_per_spine() const { return layout_.uplinks_per_spine; }

  /// Bandwidth down over bandwidth up of a full leaf as built, after rounding to whole links: at
  /// most the one asked for.
  [[nodiscard]] double leaf_oversubscription() const;

  /// The same ratio for the spines of a full pod, where the links to leaves count as down; 0 with
  /// two tiers.
  [[nodiscard]] double spine_oversubscription() const;

  [[nodiscard]] std::string shape() const override;

  [[nodiscard]] std::vector<std::string> facts() const override;

  [[nodiscard]] std::vector<Tier> tiers() const override;

  [[nodiscard]] int links() const override { return links_.size(); }

  [[nodiscard]] TierIndex tier(LinkIndex link) const override;

  [[nodiscard]] BytesPerSecond capacity(LinkIndex link) const override;

  /// "scale_up_out[5]", "nic_up[17]", "leaf_up[3]" (bundle), or with ECMP "leaf_up[3]->spine[12]",
  /// with "#2" behind it when links are parallel.
  [[nodiscard]] std::string name(LinkIndex link) const override;

  [[nodiscard]] LinkEnds ends(LinkIndex link) const override;

  /// NIC that an accelerator sends and receives through.
  [[nodiscard]] int nic_of(AcceleratorIndex a) const;

  [[nodiscard]] int leaf_of_nic(int nic) const;

  /// The accelerator of the sender's server through whose NIC traffic leaves: the sender, or with
  /// forwarding between rails the one that has the receiver's place in its server.
  [[nodiscard]] AcceleratorIndex SenderOf(AcceleratorIndex from, AcceleratorIndex to) const;

  [[nodiscard]] int pod_of_leaf(int leaf) const { return leaf / layout_.leaves_per_pod; }

  [[nodiscard]] LinkIndex scale_up_out(AcceleratorIndex a) const override { return {a.value}; }

  [[nodiscard]] LinkIndex scale_up_in(AcceleratorIndex a) const override {
    return links_.At(kScaleUpIn, a.value);
  }

  /// `flow_hash` picks the uplinks and downlinks under ECMP and is not looked at with spraying.
  void AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;

  /// The border joins the switches of the top tier: the cores, the spines or the leaves.
  void AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                  std::vector<LinkIndex>& route) const override;

  void AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const override;

  /// Hops x switch latency.
  [[nodiscard]] Seconds Latency(AcceleratorIndex from, AcceleratorIndex to) const override;

  [[nodiscard]] Seconds LatencyToBorder() const override;

  [[nodiscard]] bool can_bind(LinkIndex link) const override {
    return TierCanBind(tier(link)) || bundles_.ShareOf(link, links_) < 1;
  }

  /// With spraying: "spine[3]", "core[0]", "leaf_up[2]->spine[3]", "spine_up[3]->core[0]".
  [[nodiscard]] bool IsInBundle(const std::string& name) const override {
    return bundles_.Has(name);
  }

  /// A bundle that carries all that the NICs below it can send cannot bind; single links of flows
  /// that are not sprayed can, whatever the ratio.
  [[nodiscard]] bool TierCanBind(TierIndex tier) const;

  /// With spraying the NICs of a server are alike.
  [[nodiscard]] int unit_size() const override {
    return clos().routing == Routing::kSpray ? AcceleratorsOfANic(layout_.nics_per_server)
                                             : server_size();
  }

  [[nodiscard]] bool belongs_to_unit(LinkIndex link) const override {
    return tier(link) < ClosTiers::kLeaf ||
           (tier(link) == ClosTiers::kLeaf && clos().rail_optimized);
  }

  [[nodiscard]] const Locality& locality() const override { return locality_; }

  [[nodiscard]] std::vector<Equipment> equipment() const override;

  [[nodiscard]] Wiring wiring() const override;

  [[nodiscard]] CutProblem cut_problem() const override;

  /// With spraying the spines of a pod are one machine, and so are all cores.
  [[nodiscard]] RouteGraph route_graph() const override;

 private:
  using Family = ClosLinks::Family;
  using enum ClosLinks::Family;

  /// Links between a leaf and the border, in one direction.
  struct BorderLinks {
    LinkIndex leaf, spine;  ///< -1: there is no such tier
  };

  /// Which of equal links a flow takes where it does not take all of them.
  struct Choices {
    int uplink = 0;         ///< of the leaf that it leaves
    int downlink = 0;       ///< of the parallel ones from its last spine to its last leaf
    int spine_uplink = 0;   ///< of the spine that it leaves
    int core_downlink = 0;  ///< of the parallel ones from its core to the next spine
  };

  [[nodiscard]] Choices ChoicesOf(int to_nic, std::uint64_t flow_hash) const;
  [[nodiscard]] BorderLinks ToBorder(int leaf, std::uint64_t flow_hash, bool up) const;
  void AppendSprayed(int from_leaf, int to_leaf, std::vector<LinkIndex>& route) const;
  void AppendKept(int from_leaf, int to_leaf, const Choices& choices,
                  std::vector<LinkIndex>& route) const;

  [[nodiscard]] Locality LocalityOf() const;

  ClosLayout layout_;
  ClosLinks links_;
  ClosBundles bundles_;
  Locality locality_;
};

}  // namespace gridlock
