#pragma once

// All sites and the wide-area links between them as one address space: accelerators, then links,
// are numbered site by site; wide-area links come last, each as two directions. With one site the
// numbers are those of its fabric.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "topologies/failures.h"
#include "topologies/machine.h"
#include "topologies/tier.h"
#include "topologies/topology.h"

namespace gridlock {

/// Every fabric and every wide-area link. Traffic between two sites leaves the first over the links
/// to its border, takes the way between the two (WanWay), and enters the second. The border of a
/// site can carry all that arrives there, also what it passes on.
class Network {
 public:
  /// Throws UserError as MakeTopology does, and when two links join the same pair of sites.
  Network(const std::vector<SiteSpec>& sites, const std::vector<WanSpec>& wans);

  /// A single site.
  explicit Network(const SiteSpec& site) : Network(std::vector<SiteSpec>{site}, {}) {}

  [[nodiscard]] int sites() const { return static_cast<int>(fabrics_.size()); }

  [[nodiscard]] const Topology& fabric(SiteIndex site) const { return *fabrics_[site]; }

  [[nodiscard]] int accelerators() const { return first_accelerator_.back(); }

  [[nodiscard]] int links() const {
    return first_link_.back() + 2 * static_cast<int>(wans_.size());
  }

  /// The tiers of all sites. Tiers of two sites that have the same name are one tier.
  [[nodiscard]] const TierTable& tiers() const { return tiers_; }

  /// In tiers().
  [[nodiscard]] TierIndex tier(LinkIndex link) const;

  [[nodiscard]] BytesPerSecond capacity(LinkIndex link) const;

  /// "nic_up[17]"; with several sites "SITE: nic_up[17]"; "wan[0]" and "wan[0] back".
  [[nodiscard]] std::string name(LinkIndex link) const;

  /// The machines at its two ends, with several sites "SITE: leaf3"; of a wide-area link the sites.
  [[nodiscard]] LinkEnds ends(LinkIndex link) const;

  /// See Topology::can_bind; a wide-area link always can.
  [[nodiscard]] bool can_bind(LinkIndex link) const;

  /// See Topology::belongs_to_unit; a wide-area link does not.
  [[nodiscard]] bool belongs_to_unit(LinkIndex link) const;

  /// The accelerator at position `local` of a site.
  [[nodiscard]] AcceleratorIndex accelerator(SiteIndex site, int local) const {
    return {first_accelerator_[site] + local};
  }

  [[nodiscard]] SiteIndex site_of(AcceleratorIndex a) const;

  /// Position within its site.
  [[nodiscard]] AcceleratorIndex local(AcceleratorIndex a) const {
    return {a.value - first_accelerator_[site_of(a)]};
  }

  [[nodiscard]] bool same_domain(AcceleratorIndex a, AcceleratorIndex b) const;

  /// See Topology::AppendRing.
  std::int32_t AppendRing(std::span<const AcceleratorIndex> members,
                          std::vector<LinkLoad>& loads) const;

  /// The wide-area links that traffic from one site to another takes: see WanWay. Empty where none
  /// join them.
  [[nodiscard]] const std::vector<WanIndex>& wan_way(SiteIndex from, SiteIndex to) const {
    return wan_ways_[from][static_cast<std::size_t>(to)];
  }

  /// Of the fibre of that way.
  [[nodiscard]] Seconds WanLatency(SiteIndex from, SiteIndex to) const;

  [[nodiscard]] const WanSpec& wan(WanIndex wan) const { return wans_[wan]; }

  /// One direction of a wide-area link: out of `from`.
  [[nodiscard]] LinkIndex wan_link(WanIndex wan, SiteIndex from) const;

  /// Appends the links from `from` to `to` (not equal). Under ECMP the choices depend on what
  /// switches hash: the positions of the two within their sites, the number of the queue pair
  /// between them, and the seed of the first site. The sites must be the same or joined by links.
  /// Failed links are gone round where there is a way: by another hash, else by the shortest way
  /// that is left. Returns false, and appends nothing, when there is none.
  bool AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::vector<LinkIndex>& route,
                   std::uint64_t queue_pair = 0) const;

  /// The most parts of a flow: plans count them with 31 bits, of many flows on one link.
  static constexpr std::int64_t kPartsMost = 1 << 16;

  /// Into how many parts a flow is divided, on whatever site: see Topology::parts.
  [[nodiscard]] std::int32_t parts() const { return parts_; }

  /// Whether the way of some flow depends on the load: see Topology::adapts.
  [[nodiscard]] bool adapts() const { return adapts_; }

  /// Appends all links that carry some of the flow, each with its parts of parts(); a link may
  /// stand several times. `load` is that of all links of the network, or empty: see
  /// Topology::AppendShares.
  /// A flow that has no way of its own left goes over other accelerators of its two servers, in
  /// even shares. Returns false when failures leave no way.
  bool AppendShares(AcceleratorIndex from, AcceleratorIndex to, std::span<const double> load,
                    std::vector<LinkShare>& shares) const;

  /// Topology::AppendDirectRing of members of one site, on a direct network; no parts elsewhere.
  Topology::DirectRing AppendDirectRing(std::span<const AcceleratorIndex> members,
                                        std::vector<LinkLoad>& loads) const;

  /// Whether a link is out of service.
  [[nodiscard]] bool failed(LinkIndex link) const;

  /// Of the first site.
  [[nodiscard]] int queue_pairs() const { return fabrics_.front()->site().queue_pairs; }

  /// Time of flight of the first byte: switches, and the fibre between sites.
  [[nodiscard]] Seconds Latency(AcceleratorIndex from, AcceleratorIndex to) const;

 private:
  void AddSite(std::shared_ptr<const Topology> fabric);
  void NameTiers();

  /// Gives the links of `route` from `begin` on, which have the numbers of their site, their
  /// numbers in the network.
  void Renumber(SiteIndex site, std::size_t begin, std::vector<LinkIndex>& route) const;

  /// Appends a route by this hash; returns false when a link of it is out of service.
  bool AppendHashed(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t hash,
                    std::vector<LinkIndex>& route) const;

  std::vector<std::shared_ptr<const Topology>> fabrics_;
  std::vector<std::shared_ptr<const Failures>> failures_;  ///< by site; null: nothing has failed
  TierTable tiers_;
  std::vector<std::vector<TierIndex>> tier_of_;  ///< by site and its own number of the tier
  std::vector<WanSpec> wans_;
  std::vector<std::vector<std::vector<WanIndex>>> wan_ways_;  ///< by both sites
  std::vector<int> first_accelerator_{0};                     ///< of each site; the last is the sum
  std::vector<int> first_link_{0};
  std::int32_t parts_ = 1;
  bool adapts_ = false;
};

}  // namespace gridlock
