#include "topologies/torus/topology.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/base/check.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/listed/route_graph.h"

namespace gridlock {

namespace {

// Links are numbered with 31 bits, six of them for each router.
constexpr std::int64_t kRoutersMax = std::numeric_limits<int>::max() / 16;

std::int64_t Product(const std::vector<int>& sizes) {
  std::int64_t product = 1;
  for (const int size : sizes) {
    product = std::min(product * size, kRoutersMax + 1);
  }
  return product;
}

TorusTopology::Coordinates Padded(const std::vector<int>& sizes) {
  TorusTopology::Coordinates out{1, 1, 1};
  std::copy(sizes.begin(), sizes.end(), out.begin());
  return out;
}

std::string Times(const std::vector<int>& sizes) {
  return fmt::format("{}", fmt::join(sizes, " x "));
}

// Throws what does not fit together.
const SiteSpec& Checked(const SiteSpec& site) {
  const auto& torus = std::get<TorusSpec>(site.fabric);
  std::vector<Problem> problems;
  const auto complain = [&](const char* field, std::string message) {
    problems.push_back({torus.path + field, std::move(message)});
  };
  const std::size_t dimensions = torus.size.size();
  if (dimensions < 2 || dimensions > TorusTopology::kMostDimensions) {
    throw UserError(
        torus.path + ".size",
        fmt::format("{} sizes given; expected 2 or 3, one for each dimension", dimensions));
  }
  if (torus.block.size() != dimensions) {
    throw UserError(torus.path + ".block",
                    fmt::format("{} sizes given; expected {}, one for each dimension of the torus",
                                torus.block.size(), dimensions));
  }
  for (std::size_t d = 0; d < dimensions; ++d) {
    if (torus.size[d] < 2 || torus.block[d] < 1 || torus.size[d] % torus.block[d] != 0) {
      complain(".block", fmt::format("blocks of {} do not tile a torus of {}; expected sizes of at "
                                     "least 2 and blocks that divide them",
                                     Times(torus.block), Times(torus.size)));
      break;
    }
  }
  const std::int64_t routers = Product(torus.size);
  const std::int64_t accelerators =
      std::int64_t{site.servers} * std::int64_t{site.server.accelerators};
  if (Product(torus.block) != site.server.accelerators) {
    complain(".block", fmt::format("a block of {} holds {} accelerators and a server has {}; "
                                   "expected blocks of {}",
                                   Times(torus.block), Product(torus.block),
                                   site.server.accelerators, site.server.accelerators));
  }
  if (routers > kRoutersMax) {
    complain(".size", fmt::format("a torus of {} has more routers than can be numbered; expected "
                                  "at most {}",
                                  Times(torus.size), kRoutersMax));
  } else if (accelerators > routers) {
    problems.push_back(
        {site.path + ".servers",
         fmt::format("{} servers of {} are {} accelerators, and a torus of {} has room for {}; "
                     "expected at most {} servers, or a larger torus",
                     site.servers, site.server.accelerators, accelerators, Times(torus.size),
                     routers, routers / std::max(1, site.server.accelerators))});
  }
  if (!(site.server.accelerator.scale_up_bandwidth > BytesPerSecond(0))) {
    problems.push_back({site.server.accelerator.path + ".scale_up_bandwidth",
                        "a torus is made of scale-up links, and the accelerator has none"});
  }
  if (!problems.empty()) {
    throw UserError(std::move(problems));
  }
  CHECK(site.server.direct);
  return site;
}

}  // namespace

std::string TitleOf(const TorusSpec& torus) {
  return "torus of " + Times(torus.size);
}

TorusTopology::TorusTopology(const SiteSpec& site)
    : Topology(Checked(site)),
      routers_(static_cast<int>(Product(torus().size))),
      nics_per_server_(site.server.nics_seen()),
      nics_(site.servers * nics_per_server_),
      size_(Padded(torus().size)),
      block_(Padded(torus().block)),
      locality_(LocalityOf()) {}

TorusTopology::Coordinates TorusTopology::Blocks() const {
  Coordinates blocks{};
  for (int d = 0; d < kMostDimensions; ++d) {
    blocks[d] = size_[d] / block_[d];
  }
  return blocks;
}

// A snake: rows of a block run forth and back in turn, and so do the rows of its planes.
TorusTopology::Coordinates TorusTopology::CoordinatesOf(int router) const {
  CHECK(router >= 0 && router < routers_);
  const Coordinates blocks = Blocks();
  const int server = router / server_size();
  const int local = router % server_size();
  const int row = local / block_[0];
  const int plane = row / block_[1];
  Coordinates in{local % block_[0], row % block_[1], plane};
  if (row % 2 == 1) {
    in[0] = block_[0] - 1 - in[0];
  }
  if (plane % 2 == 1) {
    in[1] = block_[1] - 1 - in[1];
  }
  const Coordinates block{server % blocks[0], server / blocks[0] % blocks[1],
                          server / blocks[0] / blocks[1]};
  Coordinates at{};
  for (int d = 0; d < kMostDimensions; ++d) {
    at[d] = block[d] * block_[d] + in[d];
  }
  return at;
}

int TorusTopology::RouterAt(const Coordinates& at) const {
  const Coordinates blocks = Blocks();
  Coordinates block{};
  Coordinates in{};
  for (int d = 0; d < kMostDimensions; ++d) {
    CHECK(at[d] >= 0 && at[d] < size_[d]);
    block[d] = at[d] / block_[d];
    in[d] = at[d] % block_[d];
  }
  const int server = (block[2] * blocks[1] + block[1]) * blocks[0] + block[0];
  const int y = in[2] % 2 == 1 ? block_[1] - 1 - in[1] : in[1];
  const int row = in[2] * block_[1] + y;
  const int x = row % 2 == 1 ? block_[0] - 1 - in[0] : in[0];
  return server * server_size() + row * block_[0] + x;
}

BytesPerSecond TorusTopology::link_bandwidth() const {
  return site().server.accelerator.scale_up_bandwidth / (2.0 * dimensions());
}

std::string TorusTopology::shape() const {
  return fmt::format("a torus of {}", Times(torus().size));
}

std::vector<std::string> TorusTopology::facts() const {
  std::vector<std::string> facts = {
      fmt::format("each server is a block of {}; each link carries {} in either direction",
                  Times(torus().block), FormatBandwidth(link_bandwidth()))};
  const int longest = *std::max_element(size_.begin(), size_.end());
  if (longest % 2 == 0) {
    // Two planes of links join the halves of the longest dimension.
    facts.push_back(fmt::format("bisection in closed form: 2 x {} links, {} per direction",
                                routers_ / longest,
                                FormatBandwidth(link_bandwidth() * (2.0 * routers_ / longest))));
  }
  return facts;
}

std::vector<Tier> TorusTopology::tiers() const {
  std::vector<Tier> tiers;
  for (int d = 0; d < dimensions(); ++d) {
    // The accelerator that sends on a link pays for it, also for what it forwards.
    tiers.push_back({fmt::format("ring_{}", kAxis[d]),
                     fmt::format("the links of the torus along {}", kAxis[d]), /*shared=*/true,
                     /*link_energy=*/1.0});
  }
  return tiers;
}

TierIndex TorusTopology::tier(LinkIndex link) const {
  CHECK(link.value >= 0 && link.value < links());
  const int dimension = link.value / routers_ / 2;
  return dimension < dimensions() && link.value < 2 * dimensions() * routers_
             ? TierIndex{TierTable::kFirstOwn.value + dimension}
             : TierTable::kNic;
}

BytesPerSecond TorusTopology::capacity(LinkIndex link) const {
  if (tier(link) != TierTable::kNic) {
    return link_bandwidth();
  }
  return site().server.nic_bandwidth * site().server.nics_each();
}

std::string TorusTopology::name(LinkIndex link) const {
  if (tier(link) == TierTable::kNic) {
    const int nic = link.value - 2 * dimensions() * routers_;
    return fmt::format("nic_{}[{}]", nic < nics_ ? "up" : "down", nic % nics_);
  }
  const int family = link.value / routers_;
  return fmt::format("{}_{}[{}]", kAxis[family / 2], family % 2 == 0 ? "forth" : "back",
                     link.value % routers_);
}

LinkIndex TorusTopology::scale_up_out(AcceleratorIndex /*a*/) const {
  CHECK(false);  // a direct network has no ports of a switched domain
}

LinkIndex TorusTopology::scale_up_in(AcceleratorIndex /*a*/) const {
  CHECK(false);
}

int TorusTopology::nic_of(AcceleratorIndex a) const {
  const std::int64_t local = std::int64_t{a.value % server_size()} * nics_per_server_;
  return server_of(a) * nics_per_server_ + static_cast<int>(local / server_size());
}

template <typename Visit>
void TorusTopology::Walk(int from, int to, const Visit& visit) const {
  Coordinates at = CoordinatesOf(from);
  const Coordinates goal = CoordinatesOf(to);
  for (int d = 0; d < kMostDimensions; ++d) {
    const int forth_hops = (goal[d] - at[d] + size_[d]) % size_[d];
    const bool tie = 2 * forth_hops == size_[d];
    const bool forth = tie ? (at[0] + at[1] + at[2]) % 2 == 0 : 2 * forth_hops < size_[d];
    while (at[d] != goal[d]) {
      visit(RouterAt(at), d, forth);
      at[d] = (at[d] + (forth ? 1 : size_[d] - 1)) % size_[d];
    }
  }
}

void TorusTopology::AppendRoute(AcceleratorIndex from, AcceleratorIndex to,
                                std::uint64_t /*flow_hash*/, std::vector<LinkIndex>& route) const {
  CHECK(from != to && from.value < accelerators() && to.value < accelerators());
  Walk(from.value, to.value, [&](int router, int dimension, bool forth) {
    route.push_back(LinkOf(router, dimension, forth));
  });
}

void TorusTopology::AppendExit(AcceleratorIndex from, std::uint64_t /*flow_hash*/,
                               std::vector<LinkIndex>& route) const {
  route.push_back({2 * dimensions() * routers_ + nic_of(from)});
}

void TorusTopology::AppendEntry(AcceleratorIndex to, std::uint64_t /*flow_hash*/,
                                std::vector<LinkIndex>& route) const {
  route.push_back({2 * dimensions() * routers_ + nics_ + nic_of(to)});
}

Seconds TorusTopology::Latency(AcceleratorIndex from, AcceleratorIndex to) const {
  const Coordinates a = CoordinatesOf(from.value);
  const Coordinates b = CoordinatesOf(to.value);
  int hops = 0;
  for (int d = 0; d < kMostDimensions; ++d) {
    const int apart = std::abs(a[d] - b[d]);
    hops += std::min(apart, size_[d] - apart);
  }
  return torus().hop_latency * static_cast<double>(hops);
}

// Rows of servers along x, planes of rows, and the whole torus. Distances within a group differ, so
// servers are not interchangeable; and traffic may pass through any server on its way, so all jobs
// of the torus are neighbours.
Locality TorusTopology::LocalityOf() const {
  const Coordinates blocks = Blocks();
  Locality::Level row{"row", Locality::Every(blocks[0], servers())};
  Locality::Level plane{"plane", Locality::Every(std::int64_t{blocks[0]} * blocks[1], servers())};
  Locality::Level whole{"torus", {{0}}, /*exits_can_bind=*/true, /*exits_used_within=*/true};
  std::vector<Locality::Level> levels = {std::move(row)};
  if (dimensions() > 2) {
    levels.push_back(std::move(plane));
  }
  levels.push_back(std::move(whole));
  return {servers(), std::move(levels), /*interchangeable=*/false};
}

std::vector<Equipment> TorusTopology::equipment() const {
  const TorusSpec& spec = torus();
  if (spec.optical_switches == 0) {
    return {};
  }
  return {{"optical circuit switch", "optical circuit switches", spec.optical_switch.name,
           spec.optical_switches, spec.optical_switch.power}};
}

Wiring TorusTopology::wiring() const {
  Wiring wiring;
  wiring.node_kinds = {
      {"accelerator", accelerators()}, {"router", routers_ - accelerators()}, {"nic", nics_}};
  wiring.cable_kinds = {{"", /*inside=*/true}};
  for (int d = 0; d < dimensions(); ++d) {
    wiring.cable_kinds.push_back({fmt::format("links along {}", kAxis[d])});
  }
  for (int router = 0; router < routers_; ++router) {
    for (int d = 0; d < dimensions(); ++d) {
      Coordinates next = CoordinatesOf(router);
      next[d] = (next[d] + 1) % size_[d];
      wiring.cables.push_back({d + 1, router, RouterAt(next), 1, link_bandwidth()});
    }
  }
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    wiring.cables.push_back({0, a.value, routers_ + nic_of(a), 1, BytesPerSecond(0)});
  }
  return wiring;
}

CutProblem TorusTopology::cut_problem() const {
  CutProblem problem;
  problem.vertices = routers_;
  for (const Wiring::Cable& cable : wiring().cables) {
    if (cable.kind > 0) {
      problem.edges.push_back({cable.a, cable.b, cable.capacity.si()});
    }
  }
  for (int a = 0; a < accelerators(); ++a) {
    problem.terminals.push_back({a, site().server.accelerator.scale_up_bandwidth.si()});
  }
  for (int d = 0; d < dimensions() && accelerators() > 1; ++d) {
    problem.halvings.push_back(HalveServers(
        fmt::format("first half along {} | second half", kAxis[d]), accelerators(), 1, [&](int a) {
          return CoordinatesOf(a)[d];
        }));
  }
  return problem;
}

// Shortest paths along the dimensions in their order: an edge's preference is its dimension, and of
// both directions the one that the rule for ties takes comes first.
RouteGraph TorusTopology::route_graph() const {
  RouteGraph graph;
  for (int r = 0; r < routers_; ++r) {
    const bool is = r < accelerators();
    graph.nodes.push_back({fmt::format("{}{}", is ? "accelerator" : "router", r),
                           is ? RouteGraph::kAccelerator : "router",
                           is ? server_of({r}) : ServerIndex{}, torus().hop_latency});
  }
  for (const char* way : {"nic_out", "nic_in"}) {
    for (int nic = 0; nic < nics_; ++nic) {
      graph.nodes.push_back({fmt::format("{}{}", way, nic), way});
    }
  }
  // Two machines, so that no route inside the torus goes round by the datacenter network.
  const int out = static_cast<int>(graph.nodes.size());
  graph.nodes.push_back({"datacenter_out", "datacenter", -1, Seconds(0), /*border=*/true});
  const int in = static_cast<int>(graph.nodes.size());
  graph.nodes.push_back({"datacenter_in", "datacenter", -1, Seconds(0), /*border=*/true});
  const TierTable table(tiers());
  const auto add = [&](LinkIndex link, int from, int to, int preference) {
    RouteGraph::Edge edge{name(link), from, to, table[tier(link)].name, capacity(link)};
    edge.preference = preference;
    graph.edges.push_back(std::move(edge));
  };
  for (int d = 0; d < dimensions(); ++d) {
    for (const bool forth : {true, false}) {
      for (int r = 0; r < routers_; ++r) {
        Coordinates at = CoordinatesOf(r);
        const bool even = (at[0] + at[1] + at[2]) % 2 == 0;
        at[d] = (at[d] + (forth ? 1 : size_[d] - 1)) % size_[d];
        add(LinkOf(r, d, forth), r, RouterAt(at), 2 * d + (forth == even ? 0 : 1));
      }
    }
  }
  const int first_nic = 2 * dimensions() * routers_;
  for (int nic = 0; nic < nics_; ++nic) {
    add({first_nic + nic}, routers_ + nic, out, 0);
  }
  for (int nic = 0; nic < nics_; ++nic) {
    add({first_nic + nics_ + nic}, in, routers_ + nics_ + nic, 0);
  }
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    graph.edges.push_back({fmt::format("out[{}]", a.value), a.value, routers_ + nic_of(a), ""});
    graph.edges.push_back(
        {fmt::format("in[{}]", a.value), routers_ + nics_ + nic_of(a), a.value, ""});
  }
  return graph;
}

}  // namespace gridlock
