#include "topologies/hyperx/topology.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/base/check.h"
#include "topologies/hyperx/ports.h"

namespace gridlock {

std::string TitleOf(const HyperXSpec& hyperx) {
  return fmt::format("HyperX of {} routers", fmt::join(hyperx.size, " x "));
}

HyperXTopology::HyperXTopology(const SiteSpec& site)
    : Topology(CheckedHyperX(site)),
      nics_per_server_(site.server.nics_seen()),
      nics_(site.servers * nics_per_server_),
      locality_(LocalityOf()) {
  std::copy(hyperx().size.begin(), hyperx().size.end(), size_.begin());
  routers_ = size_[0] * size_[1] * size_[2];
  first_mesh_[0] = first_nic() + 2 * nics_;
  for (int d = 0; d < kMostDimensions; ++d) {
    first_mesh_[d + 1] = first_mesh_[d] + routers_ * (size_[d] - 1);
  }
}

HyperXTopology::Coordinates HyperXTopology::CoordinatesOf(int router) const {
  CHECK(router >= 0 && router < routers_);
  return {router % size_[0], router / size_[0] % size_[1], router / size_[0] / size_[1]};
}

int HyperXTopology::RouterAt(const Coordinates& at) const {
  return (at[2] * size_[1] + at[1]) * size_[0] + at[0];
}

BytesPerSecond HyperXTopology::link_bandwidth() const {
  return hyperx().router.port_bandwidth * static_cast<double>(hyperx().links_between);
}

BytesPerSecond HyperXTopology::nic_bandwidth() const {
  return site().server.nic_bandwidth * site().server.nics_each();
}

std::string HyperXTopology::shape() const {
  return fmt::format("a {}", TitleOf(hyperx()));
}

std::vector<std::string> HyperXTopology::facts() const {
  const HyperXPorts ports = PortsOf(site());
  std::vector<std::string> facts = {
      fmt::format("servers at each router: {}; {} of its {} ports lead to NICs, {} to other "
                  "routers",
                  hyperx().servers_per_router, ports.down, hyperx().router.ports, ports.mesh),
      fmt::format("two routers of a row are joined by {}, {} per direction",
                  hyperx().links_between == 1 ? "one link"
                                              : fmt::format("{} links", hyperx().links_between),
                  FormatBandwidth(link_bandwidth()))};
  const int shortest = *std::min_element(hyperx().size.begin(), hyperx().size.end());
  if (shortest % 2 == 0) {
    // Each of the n / 2 routers of a row on this side is joined to each of the n / 2 on the other.
    const std::int64_t pairs = std::int64_t{routers_} / shortest * (shortest / 2) * (shortest / 2);
    facts.push_back(
        fmt::format("bisection of the routers in closed form: {} links, {} per "
                    "direction",
                    pairs * hyperx().links_between,
                    FormatBandwidth(link_bandwidth() * static_cast<double>(pairs))));
  }
  return facts;
}

std::vector<Tier> HyperXTopology::tiers() const {
  std::vector<Tier> tiers;
  for (int d = 0; d < dimensions(); ++d) {
    tiers.push_back({fmt::format("mesh_{}", kAxis[d]),
                     fmt::format("the links between routers along {}", kAxis[d])});
  }
  return tiers;
}

TierIndex HyperXTopology::tier(LinkIndex link) const {
  CHECK(link.value >= 0 && link.value < links());
  if (link.value < first_nic()) {
    return TierTable::kScaleUp;
  }
  return link.value < first_mesh_[0]
             ? TierTable::kNic
             : TierIndex{TierTable::kFirstOwn.value + HopOf(link).dimension};
}

BytesPerSecond HyperXTopology::capacity(LinkIndex link) const {
  const TierIndex tier = this->tier(link);
  if (tier == TierTable::kScaleUp) {
    return site().server.accelerator.scale_up_bandwidth;
  }
  return tier == TierTable::kNic ? nic_bandwidth() : link_bandwidth();
}

std::string HyperXTopology::name(LinkIndex link) const {
  const TierIndex tier = this->tier(link);
  if (tier == TierTable::kScaleUp) {
    return fmt::format("scale_up_{}[{}]", link.value < accelerators() ? "out" : "in",
                       link.value % accelerators());
  }
  if (tier == TierTable::kNic) {
    const int nic = link.value - first_nic();
    return fmt::format("nic_{}[{}]", nic < nics_ ? "up" : "down", nic % nics_);
  }
  const Hop hop = HopOf(link);
  return fmt::format("mesh_{}[{}->{}]", kAxis[hop.dimension], hop.from, hop.to);
}

int HyperXTopology::nic_of(AcceleratorIndex a) const {
  const std::int64_t local = std::int64_t{a.value % server_size()} * nics_per_server_;
  return server_of(a) * nics_per_server_ + static_cast<int>(local / server_size());
}

// The links of a router along a dimension lead to all coordinates but its own.
LinkIndex HyperXTopology::LinkOf(const Hop& hop) const {
  const int own = CoordinatesOf(hop.from)[hop.dimension];
  const int goal = CoordinatesOf(hop.to)[hop.dimension];
  return {first_mesh_[hop.dimension] + hop.from * (size_[hop.dimension] - 1) +
          (goal < own ? goal : goal - 1)};
}

HyperXTopology::Hop HyperXTopology::HopOf(LinkIndex link) const {
  int d = 0;
  while (link.value >= first_mesh_[d + 1]) {
    ++d;
  }
  const int position = link.value - first_mesh_[d];
  const int from = position / (size_[d] - 1);
  const int goal = position % (size_[d] - 1);
  Coordinates at = CoordinatesOf(from);
  at[d] = goal < at[d] ? goal : goal + 1;
  return {d, from, RouterAt(at)};
}

template <typename Visit>
void HyperXTopology::Walk(int from, int to, const Visit& visit) const {
  Coordinates at = CoordinatesOf(from);
  const Coordinates goal = CoordinatesOf(to);
  for (int d = 0; d < kMostDimensions; ++d) {
    if (at[d] != goal[d]) {
      const int here = RouterAt(at);
      at[d] = goal[d];
      visit(Hop{d, here, RouterAt(at)});
    }
  }
}

void HyperXTopology::AppendRoute(AcceleratorIndex from, AcceleratorIndex to,
                                 std::uint64_t flow_hash, std::vector<LinkIndex>& route) const {
  CHECK(from != to && from.value < accelerators() && to.value < accelerators());
  if (same_domain(from, to)) {
    route.push_back(scale_up_out(from));
    route.push_back(scale_up_in(to));
    return;
  }
  AppendExit(from, flow_hash, route);
  Walk(router_of(from), router_of(to), [&](const Hop& hop) {
    route.push_back(LinkOf(hop));
  });
  AppendEntry(to, flow_hash, route);
}

void HyperXTopology::AppendExit(AcceleratorIndex from, std::uint64_t /*flow_hash*/,
                                std::vector<LinkIndex>& route) const {
  route.push_back({first_nic() + nic_of(from)});
}

void HyperXTopology::AppendEntry(AcceleratorIndex to, std::uint64_t /*flow_hash*/,
                                 std::vector<LinkIndex>& route) const {
  route.push_back({first_nic() + nics_ + nic_of(to)});
}

Seconds HyperXTopology::Latency(AcceleratorIndex from, AcceleratorIndex to) const {
  if (same_domain(from, to)) {
    return Seconds(0.0);
  }
  int routers = 1;
  Walk(router_of(from), router_of(to), [&](const Hop& /*hop*/) {
    ++routers;
  });
  return hyperx().router.latency * static_cast<double>(routers);
}

// Servers of a router, rows of routers along x, planes of rows. Routes between servers of a group
// stay in it. A link along x carries what leaves its router, one along y what leaves its row, and
// one along z what leaves its plane, so whoever shares a link uses the exits of one group. Routers
// may be exchanged for each other in a full mesh only: else two that have changed places within
// their row have left their columns.
Locality HyperXTopology::LocalityOf() const {
  std::vector<Locality::Level> levels;
  std::int64_t group = hyperx().servers_per_router;
  for (int d = 0; d < dimensions(); ++d) {
    static constexpr std::array<const char*, kMostDimensions> kGroups = {"router", "row", "plane"};
    levels.push_back({kGroups[d], Locality::Every(group, servers())});
    group *= hyperx().size[d];
  }
  return {servers(), std::move(levels), /*interchangeable=*/dimensions() == 1};
}

std::vector<Equipment> HyperXTopology::equipment() const {
  const SwitchSpec& router = hyperx().router;
  return {{"router", "routers", router.name, routers_, router.power}};
}

}  // namespace gridlock
