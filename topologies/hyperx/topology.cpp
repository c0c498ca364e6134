#include "topologies/hyperx/topology.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/base/check.h"
#include "topologies/hyperx/ports.h"
#include "topologies/listed/route_graph.h"
#include "topologies/routers/shortest.h"

namespace gridlock {

namespace {

HyperXTopology::Coordinates PaddedSizes(const HyperXSpec& hyperx) {
  HyperXTopology::Coordinates sizes{1, 1, 1};
  std::copy(hyperx.size.begin(), hyperx.size.end(), sizes.begin());
  return sizes;
}

// Each router is joined to all others of its rows.
RouterGraph GenerateHyperX(const SiteSpec& site) {
  const auto& spec = std::get<HyperXSpec>(CheckedHyperX(site).fabric);
  const HyperXTopology::Coordinates sizes = PaddedSizes(spec);
  CheckDetours(spec.routing, std::int64_t{sizes[0]} * sizes[1] * sizes[2], spec.path);
  RouterGraph graph;
  graph.kinds = {{"router", "routers", spec.router}};
  graph.kind_of.assign(static_cast<std::size_t>(sizes[0]) * sizes[1] * sizes[2], 0);
  graph.servers_per_router = spec.servers_per_router;
  graph.hosts.resize(graph.kind_of.size());
  std::iota(graph.hosts.begin(), graph.hosts.end(), 0);
  CableList cables;
  int stride = 1;
  for (int d = 0; d < static_cast<int>(spec.size.size()); ++d) {
    graph.tiers.push_back({fmt::format("mesh_{}", kAxis[d]),
                           fmt::format("the links between routers along {}", kAxis[d])});
    for (int router = 0; router < graph.routers(); ++router) {
      const int at = router / stride % sizes[d];
      for (int ahead = 1; at + ahead < sizes[d]; ++ahead) {
        cables.Add(router, router + ahead * stride, d, spec.links_between);
      }
    }
    stride *= sizes[d];
  }
  graph.cables = std::move(cables).Take();
  return graph;
}

// Servers of a router, rows of routers along x, planes of rows. In dimension order routes between
// servers of a group stay in it. A link along x carries what leaves its router, one along y what
// leaves its row, and one along z what leaves its plane, so whoever shares a link uses the exits of
// one group. Routers may be exchanged for each other in a full mesh only: else two that have
// changed places within their row have left their columns. On other ways a flow may pass any
// router.
Locality LocalityOfHyperX(const SiteSpec& site) {
  const auto& spec = std::get<HyperXSpec>(CheckedHyperX(site).fabric);
  const bool ordered = spec.routing.paths == Paths::kDimensionOrder;
  std::vector<Locality::Level> levels;
  std::int64_t group = spec.servers_per_router;
  for (std::size_t d = 0; d < spec.size.size(); ++d) {
    static constexpr std::array<const char*, HyperXTopology::kMostDimensions> kGroups = {
        "router", "row", "plane"};
    levels.push_back({kGroups[d], Locality::Every(group, site.servers)});
    group *= spec.size[d];
  }
  if (!ordered) {
    levels.push_back({"network", {{0}}, /*exits_can_bind=*/true, /*exits_used_within=*/true});
  }
  return {site.servers, std::move(levels), /*interchangeable=*/ordered && spec.size.size() == 1};
}

}  // namespace

std::string TitleOf(const HyperXSpec& hyperx) {
  std::string title = fmt::format("HyperX of {} routers", fmt::join(hyperx.size, " x "));
  return hyperx.routing.paths == Paths::kDimensionOrder ? title
                                                        : title + ", " + WordsOf(hyperx.routing);
}

HyperXTopology::HyperXTopology(const SiteSpec& site)
    : RouterTopology(site, GenerateHyperX(site), std::get<HyperXSpec>(site.fabric).routing,
                     LocalityOfHyperX(site)) {}

HyperXTopology::Coordinates HyperXTopology::CoordinatesOf(int router) const {
  CHECK(router >= 0 && router < routers());
  const Coordinates sizes = PaddedSizes(hyperx());
  return {router % sizes[0], router / sizes[0] % sizes[1], router / sizes[0] / sizes[1]};
}

int HyperXTopology::RouterAt(const Coordinates& at) const {
  const Coordinates sizes = PaddedSizes(hyperx());
  return (at[2] * sizes[1] + at[1]) * sizes[0] + at[0];
}

BytesPerSecond HyperXTopology::link_bandwidth() const {
  return hyperx().router.port_bandwidth * static_cast<double>(hyperx().links_between);
}

std::string HyperXTopology::shape() const {
  return fmt::format("a HyperX of {} routers", fmt::join(hyperx().size, " x "));
}

std::vector<std::string> HyperXTopology::facts() const {
  const HyperXPorts ports = PortsOf(site());
  std::vector<std::string> facts = {
      fmt::format("routing: {}", WordsOf(hyperx().routing)),
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
    const std::int64_t pairs = std::int64_t{routers()} / shortest * (shortest / 2) * (shortest / 2);
    facts.push_back(
        fmt::format("bisection of the routers in closed form: {} links, {} per "
                    "direction",
                    pairs * hyperx().links_between,
                    FormatBandwidth(link_bandwidth() * static_cast<double>(pairs))));
  }
  return facts;
}

void HyperXTopology::Go(Way& way, int to, const Order& order) const {
  Coordinates at = CoordinatesOf(way.back());
  const Coordinates goal = CoordinatesOf(to);
  for (const int d : order) {
    if (at[d] != goal[d]) {
      at[d] = goal[d];
      way.push_back(RouterAt(at));
    }
  }
}

// One for each order of the coordinates that differ.
std::vector<Way> HyperXTopology::MinimalWays(int from, int to, std::uint64_t /*flow_hash*/) const {
  std::vector<Way> ways;
  Order order = {0, 1, 2};
  do {
    Way way{from};
    Go(way, to, order);
    if (std::find(ways.begin(), ways.end(), way) == ways.end()) {
      ways.push_back(std::move(way));
    }
  } while (routing().paths != Paths::kDimensionOrder &&
           std::next_permutation(order.begin(), order.end()));
  return ways;
}

std::int32_t HyperXTopology::minimal_parts() const {
  static constexpr std::array<std::int32_t, kMostDimensions + 1> kOrders = {1, 1, 2, 6};
  return routing().paths == Paths::kDimensionOrder ? 1 : kOrders[dimensions()];
}

std::int32_t HyperXTopology::DetoursBetween(int /*from*/, int /*to*/) const {
  return std::max(detour_parts(), 0);
}

Way HyperXTopology::Detour(int from, int to, std::int32_t n, std::uint64_t /*flow_hash*/) const {
  int by = n;
  by += by >= std::min(from, to) ? 1 : 0;
  by += by >= std::max(from, to) ? 1 : 0;
  Way way{from};
  Go(way, by, {0, 1, 2});
  Go(way, to, {0, 1, 2});
  return way;
}

std::vector<RouterTopology::Halving> HyperXTopology::Halvings() const {
  std::vector<Halving> halvings;
  for (int d = 0; d < dimensions(); ++d) {
    Halving& along = halvings.emplace_back(
        Halving{fmt::format("first half along {} | second half", kAxis[d]), {}});
    for (int router = 0; router < routers(); ++router) {
      along.key.push_back(CoordinatesOf(router)[d]);
    }
  }
  return halvings;
}

RouteGraph HyperXTopology::route_graph() const {
  RouteGraph graph = RouterTopology::route_graph();
  for (RouteGraph::Edge& edge : graph.edges) {
    for (int d = 0; d < dimensions(); ++d) {
      if (edge.tier == tiers()[static_cast<std::size_t>(d)].name) {
        edge.preference = d;
      }
    }
  }
  return graph;
}

}  // namespace gridlock
