#include "topologies/network.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/wan_way.h"

namespace gridlock {

namespace {

// Which site's range holds a number; the ranges follow each other and are given by their firsts.
SiteIndex SiteOf(const std::vector<int>& firsts, int number) {
  const auto after = std::upper_bound(firsts.begin(), firsts.end(), number);
  return {static_cast<int>(after - firsts.begin()) - 1};
}

// Of a flow, by the places of its ends within their sites. `salt` is that of the switches: another
// one moves all flows. Flows of one pair differ by their queue pair.
std::uint64_t HashOf(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t salt,
                     std::uint64_t queue_pair = 0) {
  return MixHash(
      (static_cast<std::uint64_t>(from.value) << 32 | static_cast<std::uint32_t>(to.value)) ^
      (salt == 0 ? 0 : MixHash(salt)) ^ (queue_pair == 0 ? 0 : MixHash(~queue_pair)));
}

// Of a flow whose NIC is out of service: over how many other accelerators of the server it is
// shared out at most.
constexpr int kRelaysMost = 7;

// Ways over other accelerators of the sender's server or of the receiver's, or of both, for a flow
// that has no other way left.
class Relays {
 public:
  Relays(const Network& network, AcceleratorIndex from, AcceleratorIndex to)
      : network_(network), from_(from), to_(to) {}

  /// As many of them as divide `parts`, each with an even share of the flow.
  bool AppendShares(std::int32_t parts, std::vector<LinkShare>& shares) {
    Find(/*sender=*/true, /*receiver=*/false);
    Find(/*sender=*/false, /*receiver=*/true);
    Find(/*sender=*/true, /*receiver=*/true);
    if (ways_.empty()) {
      return false;
    }
    std::size_t used = std::min<std::size_t>(ways_.size(), kRelaysMost);
    while (static_cast<std::size_t>(parts) % used != 0) {
      --used;
    }
    for (std::size_t w = 0; w < used; ++w) {
      for (const LinkIndex link : ways_[w]) {
        shares.push_back({link, parts / static_cast<std::int32_t>(used)});
      }
    }
    return true;
  }

 private:
  // Accelerators of a server behind one of them, in a circle: neighbours of two that have failed
  // begin with different ones.
  [[nodiscard]] AcceleratorIndex Behind(AcceleratorIndex a, int places) const {
    const int size = SizeAt(a);
    const int first = network_.local(a).value / size * size;
    return network_.accelerator(network_.site_of(a),
                                first + (network_.local(a).value % size + places) % size);
  }

  [[nodiscard]] int SizeAt(AcceleratorIndex a) const {
    return network_.fabric(network_.site_of(a)).server_size();
  }

  // Nothing where there are ways already: one relay is better than two.
  void Find(bool sender, bool receiver) {
    const int most =
        std::min(sender ? SizeAt(from_) : SizeAt(to_), receiver ? SizeAt(to_) : SizeAt(from_));
    for (int i = 1; i < most && (ways_.empty() || found_ == Both(sender, receiver)); ++i) {
      std::vector<LinkIndex> way;
      const AcceleratorIndex first = sender ? Behind(from_, i) : from_;
      const AcceleratorIndex last = receiver ? Behind(to_, i) : to_;
      const bool reached = (!sender || network_.AppendRoute(from_, first, way)) &&
                           network_.AppendRoute(first, last, way) &&
                           (!receiver || network_.AppendRoute(last, to_, way));
      if (reached) {
        ways_.push_back(std::move(way));
        found_ = Both(sender, receiver);
      }
    }
  }

  static int Both(bool sender, bool receiver) { return (sender ? 1 : 0) + (receiver ? 2 : 0); }

  const Network& network_;
  AcceleratorIndex from_, to_;
  std::vector<std::vector<LinkIndex>> ways_;
  int found_ = 0;  ///< which ends of the ways are relays
};

// Whether the NIC of some accelerator, or what it leads to, is out of service.
bool LosesNics(const Network& network, SiteIndex site) {
  const Topology& fabric = network.fabric(site);
  const int size = fabric.server_size();
  if (fabric.site().server.direct || size == 1 || fabric.servers() == 1) {
    return false;
  }
  std::vector<LinkIndex> way;
  for (int a = 0; a < fabric.accelerators(); ++a) {
    way.clear();
    const int next = (a + size) % fabric.accelerators();
    if (!network.AppendRoute(network.accelerator(site, a), network.accelerator(site, next), way)) {
      return true;
    }
  }
  return false;
}

// Loads of failed links go over the shortest ways round them, from `begin` on. Returns false where
// there is none.
bool GoRound(const Failures& failures, std::size_t begin, std::vector<LinkLoad>& loads) {
  std::vector<LinkLoad> kept;
  std::vector<LinkIndex> detour;
  for (std::size_t i = begin; i < loads.size(); ++i) {
    if (!failures.down(loads[i].link)) {
      kept.push_back(loads[i]);
      continue;
    }
    detour.clear();
    if (!failures.AppendDetourOf(loads[i].link, detour)) {
      return false;
    }
    for (const LinkIndex link : detour) {
      kept.push_back({link, loads[i].weight});
    }
  }
  loads.resize(begin);
  loads.insert(loads.end(), kept.begin(), kept.end());
  return true;
}

}  // namespace

Network::Network(const std::vector<SiteSpec>& sites, const std::vector<WanSpec>& wans) {
  for (const SiteSpec& site : sites) {
    AddSite(MakeTopology(site));
  }
  for (const WanSpec& wan : wans) {
    CHECK(wan.from >= 0 && wan.from < this->sites() && wan.to >= 0 && wan.to < this->sites());
    const bool second = std::any_of(wans_.begin(), wans_.end(), [&wan](const WanSpec& other) {
      return std::minmax({other.from, other.to}) == std::minmax({wan.from, wan.to});
    });
    if (second) {
      throw UserError(wan.path,
                      fmt::format("a second link between {} and {}; expected one link for each "
                                  "pair of sites, with the bandwidth of both together",
                                  sites[wan.from].name, sites[wan.to].name));
    }
    wans_.push_back(wan);
  }
  for (SiteIndex from{0}; from < this->sites(); ++from) {
    wan_ways_.emplace_back();
    for (SiteIndex to{0}; to < this->sites(); ++to) {
      wan_ways_.back().push_back(WanWay(wans_, from, to));
    }
  }
  NameTiers();
  for (SiteIndex site{0}; site < this->sites(); ++site) {
    if (failures_[site] != nullptr && LosesNics(*this, site)) {
      constexpr std::int32_t kAnyRelays = 420;  // as many of up to seven as are left
      const std::int64_t parts = std::lcm(std::int64_t{parts_}, std::int64_t{kAnyRelays});
      parts_ = parts > kPartsMost ? parts_ : static_cast<std::int32_t>(parts);
    }
  }
}

void Network::AddSite(std::shared_ptr<const Topology> fabric) {
  constexpr std::int64_t kMost = std::numeric_limits<int>::max() / 2;
  if (std::int64_t{first_link_.back()} + fabric->links() > kMost) {
    throw UserError(fabric->site().path + ".servers",
                    "more links than can be numbered; routing SPRAY needs fewer than ECMP");
  }
  first_accelerator_.push_back(first_accelerator_.back() + fabric->accelerators());
  first_link_.push_back(first_link_.back() + fabric->links());
  const std::int64_t parts = std::lcm(std::int64_t{parts_}, std::int64_t{fabric->parts()});
  if (parts > kPartsMost) {
    throw UserError(fabric->site().path + ".fabric",
                    fmt::format("flows are spread over {} parts here, which {} parts elsewhere do "
                                "not divide; expected routing ECMP on one of the sites",
                                fabric->parts(), parts_));
  }
  parts_ = static_cast<std::int32_t>(parts);
  adapts_ = adapts_ || fabric->adapts();
  failures_.push_back(fabric->site().failed.empty() ? nullptr
                                                    : std::make_shared<const Failures>(*fabric));
  fabrics_.push_back(std::move(fabric));
}

void Network::NameTiers() {
  std::vector<Tier> own;
  for (const auto& fabric : fabrics_) {
    std::vector<TierIndex>& tier_of = tier_of_.emplace_back();
    tier_of = {TierTable::kScaleUp, TierTable::kNic};
    for (Tier& tier : fabric->tiers()) {
      const auto known = std::find_if(own.begin(), own.end(), [&tier](const Tier& other) {
        return other.name == tier.name;
      });
      tier_of.push_back({TierTable::kFirstOwn.value + static_cast<int>(known - own.begin())});
      if (known == own.end()) {
        own.push_back(std::move(tier));
      }
    }
  }
  tiers_ = TierTable(std::move(own));
}

TierIndex Network::tier(LinkIndex link) const {
  if (link.value >= first_link_.back()) {
    return tiers_.wan();
  }
  const SiteIndex site = SiteOf(first_link_, link.value);
  return tier_of_[site][fabrics_[site]->tier({link.value - first_link_[site]}).value];
}

BytesPerSecond Network::capacity(LinkIndex link) const {
  CHECK(link.value >= 0 && link.value < links());
  if (link.value >= first_link_.back()) {
    return wans_[(link.value - first_link_.back()) / 2].bandwidth;
  }
  const SiteIndex site = SiteOf(first_link_, link.value);
  return fabrics_[site]->capacity({link.value - first_link_[site]});
}

std::string Network::name(LinkIndex link) const {
  CHECK(link.value >= 0 && link.value < links());
  if (link.value >= first_link_.back()) {
    const int direction = link.value - first_link_.back();
    return fmt::format("wan[{}]{}", direction / 2, direction % 2 == 0 ? "" : " back");
  }
  const SiteIndex site = SiteOf(first_link_, link.value);
  const Topology& fabric = *fabrics_[site];
  const std::string local = fabric.name({link.value - first_link_[site]});
  return sites() == 1 ? local : fabric.site().name + ": " + local;
}

LinkEnds Network::ends(LinkIndex link) const {
  CHECK(link.value >= 0 && link.value < links());
  if (link.value >= first_link_.back()) {
    const int direction = link.value - first_link_.back();
    const WanSpec& wan = wans_[direction / 2];
    LinkEnds ends{fabrics_[wan.from]->site().name, fabrics_[wan.to]->site().name};
    if (direction % 2 == 1) {
      std::swap(ends.from, ends.to);
    }
    return ends;
  }
  const SiteIndex site = SiteOf(first_link_, link.value);
  LinkEnds ends = fabrics_[site]->ends({link.value - first_link_[site]});
  if (sites() > 1) {
    for (std::string* const end : {&ends.from, &ends.to}) {
      *end = fabrics_[site]->site().name + ": " + *end;
    }
  }
  return ends;
}

bool Network::can_bind(LinkIndex link) const {
  if (link.value >= first_link_.back()) {
    return true;
  }
  const SiteIndex site = SiteOf(first_link_, link.value);
  return fabrics_[site]->can_bind({link.value - first_link_[site]});
}

bool Network::belongs_to_unit(LinkIndex link) const {
  if (link.value >= first_link_.back()) {
    return false;
  }
  const SiteIndex site = SiteOf(first_link_, link.value);
  return fabrics_[site]->belongs_to_unit({link.value - first_link_[site]});
}

SiteIndex Network::site_of(AcceleratorIndex a) const {
  return SiteOf(first_accelerator_, a.value);
}

bool Network::same_domain(AcceleratorIndex a, AcceleratorIndex b) const {
  const SiteIndex site = site_of(a);
  return site == site_of(b) && fabrics_[site]->same_domain(local(a), local(b));
}

std::int32_t Network::AppendRing(std::span<const AcceleratorIndex> members,
                                 std::vector<LinkLoad>& loads) const {
  const SiteIndex site = site_of(members.front());
  std::vector<AcceleratorIndex> locals;
  for (const AcceleratorIndex a : members) {
    locals.push_back({a.value - first_accelerator_[site]});
  }
  const std::size_t begin = loads.size();
  const std::int32_t parts = fabrics_[site]->AppendRing(locals, loads);
  for (std::size_t i = begin; i < loads.size(); ++i) {
    loads[i].link.value += first_link_[site];
  }
  return parts;
}

Topology::DirectRing Network::AppendDirectRing(std::span<const AcceleratorIndex> members,
                                               std::vector<LinkLoad>& loads) const {
  const SiteIndex site = site_of(members.front());
  if (site != site_of(members.back())) {
    return {};
  }
  std::vector<AcceleratorIndex> locals;
  for (const AcceleratorIndex a : members) {
    locals.push_back(local(a));
  }
  const std::size_t begin = loads.size();
  const Topology::DirectRing ring = fabrics_[site]->AppendDirectRing(locals, loads);
  if (failures_[site] != nullptr && !GoRound(*failures_[site], begin, loads)) {
    loads.resize(begin);
    return {};
  }
  for (std::size_t i = begin; i < loads.size(); ++i) {
    loads[i].link.value += first_link_[site];
  }
  return ring;
}

Seconds Network::WanLatency(SiteIndex from, SiteIndex to) const {
  Seconds latency;
  for (const WanIndex wan : wan_way(from, to)) {
    latency += wans_[wan].latency;
  }
  return latency;
}

LinkIndex Network::wan_link(WanIndex wan, SiteIndex from) const {
  return {first_link_.back() + 2 * wan + (wans_[wan].from == from ? 0 : 1)};
}

void Network::Renumber(SiteIndex site, std::size_t begin, std::vector<LinkIndex>& route) const {
  for (std::size_t i = begin; i < route.size(); ++i) {
    route[i].value += first_link_[site];
  }
}

bool Network::AppendHashed(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t hash,
                           std::vector<LinkIndex>& route) const {
  const SiteIndex from_site = site_of(from);
  const SiteIndex to_site = site_of(to);
  const std::size_t all = route.size();
  std::size_t begin = all;
  if (from_site == to_site) {
    fabrics_[from_site]->AppendRoute(local(from), local(to), hash, route);
    Renumber(from_site, begin, route);
  } else {
    const std::vector<WanIndex>& way = wan_way(from_site, to_site);
    CHECK(!way.empty());
    fabrics_[from_site]->AppendExit(local(from), hash, route);
    Renumber(from_site, begin, route);
    SiteIndex at = from_site;
    for (const WanIndex wan : way) {
      route.push_back(wan_link(wan, at));
      at = OtherEnd(wans_[wan], at);
    }
    begin = route.size();
    fabrics_[to_site]->AppendEntry(local(to), hash, route);
    Renumber(to_site, begin, route);
  }
  return std::none_of(route.begin() + all, route.end(), [this](LinkIndex link) {
    return failed(link);
  });
}

// Drawing hashes until one leads past what has failed gives each way that is left the same chance.
bool Network::AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::vector<LinkIndex>& route,
                          std::uint64_t queue_pair) const {
  constexpr int kTries = 256;
  const SiteIndex site = site_of(from);
  const std::uint64_t salt = fabrics_[site]->site().hash_seed;
  std::uint64_t hash = HashOf(local(from), local(to), salt, queue_pair);
  const std::size_t begin = route.size();
  for (int i = 0; i < kTries; ++i) {
    if (AppendHashed(from, to, hash, route)) {
      return true;
    }
    route.resize(begin);
    hash = MixHash(hash);
  }
  if (site != site_of(to) || same_domain(from, to)) {
    return false;
  }
  const bool found = failures_[site]->AppendDetour(local(from), local(to), hash, route);
  Renumber(site, begin, route);
  return found;
}

bool Network::failed(LinkIndex link) const {
  if (link.value >= first_link_.back()) {
    return false;
  }
  const SiteIndex site = SiteOf(first_link_, link.value);
  return failures_[site] != nullptr && failures_[site]->down({link.value - first_link_[site]});
}

bool Network::AppendShares(AcceleratorIndex from, AcceleratorIndex to, std::span<const double> load,
                           std::vector<LinkShare>& shares) const {
  const SiteIndex site = site_of(from);
  const auto one_way = [&] {
    std::vector<LinkIndex> route;
    if (!AppendRoute(from, to, route)) {
      return !same_domain(from, to) && Relays(*this, from, to).AppendShares(parts_, shares);
    }
    for (const LinkIndex link : route) {
      shares.push_back({link, parts_});
    }
    return true;
  };
  if (site != site_of(to)) {
    return one_way();
  }
  const Topology& fabric = *fabrics_[site];
  const int first = first_link_[site];
  const std::size_t begin = shares.size();
  const std::span<const double> own =
      load.empty()
          ? load
          : load.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(fabric.links()));
  const AcceleratorIndex from_local = local(from);
  const AcceleratorIndex to_local = local(to);
  const std::uint64_t hash = HashOf(from_local, to_local, fabric.site().hash_seed);
  const auto renumber = [&] {
    for (std::size_t i = begin; i < shares.size(); ++i) {
      shares[i].link.value += first;
      shares[i].parts *= parts_ / fabric.parts();
    }
  };
  fabric.AppendShares(from_local, to_local, hash, own, shares);
  renumber();
  const bool blocked = std::any_of(shares.begin() + static_cast<std::ptrdiff_t>(begin),
                                   shares.end(), [this](const LinkShare& share) {
                                     return failed(share.link);
                                   });
  if (!blocked) {
    return true;
  }
  shares.resize(begin);
  const auto is_failed = [this, first](LinkIndex link) {
    return failed({first + link.value});
  };
  if (fabric.AppendSharesAround(from_local, to_local, hash, is_failed, shares)) {
    renumber();
    return true;
  }
  return one_way();  // one way that is left, for the whole flow
}

Seconds Network::Latency(AcceleratorIndex from, AcceleratorIndex to) const {
  const SiteIndex from_site = site_of(from);
  const SiteIndex to_site = site_of(to);
  if (from_site == to_site) {
    return fabrics_[from_site]->Latency(local(from), local(to));
  }
  CHECK(!wan_way(from_site, to_site).empty());
  return fabrics_[from_site]->LatencyToBorder() + WanLatency(from_site, to_site) +
         fabrics_[to_site]->LatencyToBorder();
}

}  // namespace gridlock
