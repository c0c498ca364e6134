#pragma once

// The fabric of a site: every link with its capacity, and the route of every flow, by arithmetic.
// No graph is stored here, so that a million accelerators cost a few integers; MakeGraph in
// fabric_graph.h writes the same fabric out as a Boost.Graph for checks, cuts and drawings.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/index.h"
#include "sim/base/units.h"
#include "topologies/clos_layout.h"
#include "topologies/machine.h"

namespace gridlock {

/// Classes of links, by the tier they belong to. Each is one direction. A fabric has those of its
/// site; the wide-area links stand between fabrics (network.h).
enum class LinkClass : std::uint8_t {
  kScaleUp,  ///< accelerator port into or out of its scale-up domain
  kNic,      ///< NIC to leaf and back
  kLeaf,     ///< leaf to the spines of its pod and back
  kSpine,    ///< a pod's spines to the cores and back
  kWan,      ///< one site to another
};

inline constexpr int kLinkClasses = 5;

/// "scale_up", "nic", "leaf", "spine", "wan".
const char* LinkClassName(LinkClass link_class);

/// Links in a fixed order: scale-up out, scale-up in (by accelerator), NIC out, NIC in (by NIC),
/// leaf up, leaf down, spine up, spine down. With spraying the uplinks of a leaf, and those of a
/// pod, are one bundle each; with ECMP they stand one by one.
class Fabric {
 public:
  /// Lays out the site. Throws UserError (paths under site.path) when switches run out of ports or
  /// sizes do not fit together: says which tier, the ports needed and the ports there are.
  explicit Fabric(const SiteSpec& site);

  [[nodiscard]] const SiteSpec& site() const { return site_; }

  [[nodiscard]] const ClosLayout& layout() const { return layout_; }

  [[nodiscard]] int accelerators() const { return layout_.accelerators; }

  [[nodiscard]] int domain_size() const { return site_.server.accelerators; }

  [[nodiscard]] int servers() const { return site_.servers; }

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

  /// The same of the spines of a full pod, counting links (not NICs) as down; 0 with two tiers.
  [[nodiscard]] double spine_oversubscription() const;

  [[nodiscard]] int links() const { return first_.back(); }

  [[nodiscard]] LinkClass link_class(LinkIndex link) const;

  [[nodiscard]] BytesPerSecond capacity(LinkIndex link) const;

  /// A name for people: "scale_up_out[5]", "nic_up[17]", "leaf_up[3]" (bundle), or with ECMP
  /// "leaf_up[3]->spine[12]", with "#2" behind it when links are parallel.
  [[nodiscard]] std::string name(LinkIndex link) const;

  [[nodiscard]] int server_of(AcceleratorIndex a) const { return a.value / domain_size(); }

  /// NIC that an accelerator sends and receives through.
  [[nodiscard]] int nic_of(AcceleratorIndex a) const;

  [[nodiscard]] int leaf_of_nic(int nic) const;

  [[nodiscard]] int pod_of_leaf(int leaf) const { return leaf / layout_.leaves_per_pod; }

  [[nodiscard]] bool same_domain(AcceleratorIndex a, AcceleratorIndex b) const {
    return server_of(a) == server_of(b);
  }

  [[nodiscard]] LinkIndex scale_up_out(AcceleratorIndex a) const { return {a.value}; }

  [[nodiscard]] LinkIndex scale_up_in(AcceleratorIndex a) const { return {first_[1] + a.value}; }

  /// Appends the links from `from` to `to` (not equal): through the scale-up domain when they share
  /// one, else through their NICs. `flow_hash` picks among equal-cost links under ECMP and is not
  /// looked at with spraying.
  void AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const;

  /// Appends the links from `from` to the border of the site, which joins the switches of the top
  /// tier: the cores, or with two tiers the spines. No link of the border itself can bind.
  void AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                  std::vector<LinkIndex>& route) const;

  /// Appends the links from the border to `to`.
  void AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                   std::vector<LinkIndex>& route) const;

  /// Time of flight of the first byte: hops x switch latency.
  [[nodiscard]] Seconds Latency(AcceleratorIndex from, AcceleratorIndex to) const;

  /// The same between any accelerator and the border.
  [[nodiscard]] Seconds LatencyToBorder() const;

  /// Whether a link can set the pace at all. A bundle that carries all that the NICs below it can
  /// send cannot; single links under ECMP can, whatever the ratio.
  [[nodiscard]] bool can_bind(LinkClass link_class) const;

 private:
  /// Families of links in their fixed order; an even one goes out or up, the next comes back.
  enum Family {
    kScaleUpOut,
    kScaleUpIn,
    kNicUp,
    kNicDown,
    kLeafUp,
    kLeafDown,
    kSpineUp,
    kSpineDown,
    kFamilies
  };

  [[nodiscard]] Family family(LinkIndex link) const;

  [[nodiscard]] LinkIndex At(Family family, int position) const {
    return {first_[family] + position};
  }

  /// Links between a leaf and the border, in one direction.
  struct BorderLinks {
    LinkIndex leaf, spine;  ///< spine: -1 with two tiers
  };

  [[nodiscard]] BorderLinks ToBorder(int leaf, std::uint64_t flow_hash, bool up) const;
  void AppendSprayed(int from_leaf, int to_leaf, std::vector<LinkIndex>& route) const;
  void AppendHashed(int from_leaf, int to_leaf, std::uint64_t flow_hash,
                    std::vector<LinkIndex>& route) const;

  SiteSpec site_;
  ClosLayout layout_;
  std::array<int, kFamilies + 1> first_{};  ///< first link of each family; the last is links()
};

/// 64-bit mix (one step of splitmix64); used for ECMP hashes so that they are the same everywhere.
std::uint64_t MixHash(std::uint64_t x);

}  // namespace gridlock
