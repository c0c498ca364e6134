#include "topologies/torus/topology.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/listed/link_edges.h"
#include "topologies/listed/route_graph.h"
#include "topologies/torus/shape.h"

namespace gridlock {

std::string TitleOf(const TorusSpec& torus) {
  const std::string shape = (torus.twisted ? "twisted torus of " : "torus of ");
  return torus.slice.empty()
             ? shape + Times(torus.size)
             : fmt::format("{}{} in a pod of {}", shape, Times(torus.slice), Times(torus.size));
}

TorusTopology::TorusTopology(const SiteSpec& site)
    : Topology(CheckedTorus(site)),
      slice_routers_(static_cast<int>(Product(SliceOf(torus())))),
      slices_(static_cast<int>(Product(torus().size)) / slice_routers_),
      routers_(slices_ * slice_routers_),
      nics_per_server_(site.server.nics_seen()),
      nics_(site.servers * nics_per_server_),
      size_(SidesOf(SliceOf(torus()))),
      block_(SidesOf(torus().block)),
      locality_(LocalityOf()) {}

TorusTopology::Coordinates TorusTopology::Blocks() const {
  Coordinates blocks{};
  for (int d = 0; d < kMostDimensions; ++d) {
    blocks[d] = size_[d] / block_[d];
  }
  return blocks;
}

TorusTopology::Coordinates TorusTopology::CoordinatesOf(int router) const {
  CHECK(router >= 0 && router < routers_);
  const int server = router % slice_routers_ / server_size();
  const Coordinates block = TorusPlaceOf(server, Blocks());
  Coordinates at = TorusPlaceOf(router % server_size(), block_);
  for (int d = 0; d < kMostDimensions; ++d) {
    at[d] += block[d] * block_[d];
  }
  return at;
}

int TorusTopology::RouterAt(const Coordinates& at, int slice) const {
  Coordinates block{};
  Coordinates in{};
  for (int d = 0; d < kMostDimensions; ++d) {
    CHECK(at[d] >= 0 && at[d] < size_[d]);
    block[d] = at[d] / block_[d];
    in[d] = at[d] % block_[d];
  }
  return slice * slice_routers_ + TorusNumberOf(block, Blocks()) * server_size() +
         TorusNumberOf(in, block_);
}

BytesPerSecond TorusTopology::link_bandwidth() const {
  return site().server.accelerator.scale_up_bandwidth / (2.0 * dimensions());
}

std::string TorusTopology::shape() const {
  const char* twisted = torus().twisted ? "twisted " : "";
  return slices_ == 1 ? fmt::format("a {}torus of {}", twisted, Times(SliceOf(torus())))
                      : fmt::format("{} slices, each a {}torus of {}", slices_, twisted,
                                    Times(SliceOf(torus())));
}

int TorusTopology::ShortSide() const {
  return torus().twisted ? *std::min_element(size_.begin(), size_.begin() + dimensions()) : 0;
}

int TorusTopology::NeighbourOf(int router, int dimension, bool forth) const {
  Coordinates at = CoordinatesOf(router);
  const int next = at[dimension] + (forth ? 1 : -1);
  at[dimension] = (next + size_[dimension]) % size_[dimension];
  if (at[dimension] != next && size_[dimension] == ShortSide()) {
    for (int d = 0; d < dimensions(); ++d) {
      at[d] = size_[d] > ShortSide() ? (at[d] + ShortSide()) % size_[d] : at[d];
    }
  }
  return RouterAt(at, router / slice_routers_);
}

std::vector<std::string> TorusTopology::facts() const {
  std::vector<std::string> facts = {
      fmt::format("each server is a block of {}; each link carries {} in either direction",
                  Times(torus().block), FormatBandwidth(link_bandwidth()))};
  if (slices_ > 1) {
    facts.push_back(fmt::format("traffic between the {} slices goes through NICs", slices_));
  }
  if (torus().twisted) {
    // J. Camara et al., "Twisted torus topologies for enhanced interconnection networks", 2010.
    facts.push_back(fmt::format("diameter in closed form: {} links",
                                dimensions() == 2 ? ShortSide() : 3 * ShortSide() / 2));
    return facts;
  }
  const int longest = *std::max_element(size_.begin(), size_.end());
  if (longest % 2 == 0) {
    // Two planes of links join the halves of the longest dimension.
    facts.push_back(
        fmt::format("bisection{} in closed form: 2 x {} links, {} per direction",
                    slices_ > 1 ? " of a slice" : "", slice_routers_ / longest,
                    FormatBandwidth(link_bandwidth() * (2.0 * slice_routers_ / longest))));
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

// Where a twisted torus lets links of the short sides land shifted, a way of one or no round of
// each short side is shortest. Of equally short ways the place of the sender picks one.
TorusTopology::Coordinates TorusTopology::TwistedSteps(const Coordinates& from,
                                                       const Coordinates& to) const {
  const int side = ShortSide();
  std::vector<Coordinates> best;
  int fewest = std::numeric_limits<int>::max();
  const auto consider = [&](const Coordinates& steps) {
    const int hops = std::abs(steps[0]) + std::abs(steps[1]) + std::abs(steps[2]);
    if (hops <= fewest) {
      if (hops < fewest) {
        best.clear();
      }
      fewest = hops;
      best.push_back(steps);
    }
  };
  const std::function<void(int, int, Coordinates)> extend = [&](int d, int rounds,
                                                                Coordinates steps) {
    if (d == dimensions()) {
      // The shift of each round is made up for along the long sides.
      Coordinates forth = steps;
      for (int e = 0; e < dimensions(); ++e) {
        if (size_[e] > side) {
          const int missing = ((to[e] - from[e] - rounds * side) % size_[e] + size_[e]) % size_[e];
          forth[e] = 2 * missing > size_[e] ? missing - size_[e] : missing;
        }
      }
      consider(forth);
      for (int e = 0; e < dimensions(); ++e) {
        if (size_[e] > side && 2 * forth[e] == size_[e]) {
          forth[e] = -forth[e];
          consider(forth);
        }
      }
      return;
    }
    for (const int round : {0, -1, 1}) {
      if (size_[d] > side) {
        return extend(d + 1, rounds, steps);
      }
      steps[d] = to[d] - from[d] + round * side;
      if (std::abs(steps[d]) <= side) {
        extend(d + 1, rounds + (round == 0 ? 0 : 1), steps);
      }
    }
  };
  extend(0, 0, {});
  return best[static_cast<std::size_t>(from[0] + from[1] + from[2]) % best.size()];
}

TorusTopology::Coordinates TorusTopology::StepsOf(int from, int to) const {
  const Coordinates at = CoordinatesOf(from);
  const Coordinates goal = CoordinatesOf(to);
  if (torus().twisted) {
    return TwistedSteps(at, goal);
  }
  // Where a route turns into dimension d, the ones before it are those of the goal.
  Coordinates steps{};
  int sum = at[0] + at[1] + at[2];
  for (int d = 0; d < kMostDimensions; ++d) {
    const int forth_hops = (goal[d] - at[d] + size_[d]) % size_[d];
    const bool tie = 2 * forth_hops == size_[d];
    const bool forth = tie ? sum % 2 == 0 : 2 * forth_hops < size_[d];
    steps[d] = forth ? forth_hops : forth_hops - size_[d];
    sum += goal[d] - at[d];
  }
  return steps;
}

template <typename Visit>
void TorusTopology::Walk(int from, int to, const Visit& visit) const {
  const Coordinates steps = StepsOf(from, to);
  int router = from;
  for (int d = 0; d < dimensions(); ++d) {
    for (int step = 0; step < std::abs(steps[d]); ++step) {
      visit(router, d, steps[d] > 0);
      router = NeighbourOf(router, d, steps[d] > 0);
    }
  }
  CHECK(router == to);
}

void TorusTopology::AppendRoute(AcceleratorIndex from, AcceleratorIndex to, std::uint64_t flow_hash,
                                std::vector<LinkIndex>& route) const {
  CHECK(from != to && from.value < accelerators() && to.value < accelerators());
  if (slice_of(from) != slice_of(to)) {
    AppendExit(from, flow_hash, route);
    AppendEntry(to, flow_hash, route);
    return;
  }
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
  if (slice_of(from) != slice_of(to)) {
    return 2 * LatencyToBorder();
  }
  const Coordinates steps = StepsOf(from.value, to.value);
  return torus().hop_latency *
         static_cast<double>(std::abs(steps[0]) + std::abs(steps[1]) + std::abs(steps[2]));
}

// Rows of servers along x, planes of rows, and the whole torus. Distances within a group differ, so
// servers are not interchangeable; and traffic may pass through any server on its way, so all jobs
// of a torus are neighbours. Slices share nothing.
Locality TorusTopology::LocalityOf() const {
  const Coordinates blocks = Blocks();
  Locality::Level row{"row", Locality::Every(blocks[0], servers())};
  Locality::Level plane{"plane", Locality::Every(std::int64_t{blocks[0]} * blocks[1], servers())};
  const int per_slice = slice_routers_ / server_size();
  Locality::Level whole{"torus", Locality::Every(per_slice, servers()), /*exits_can_bind=*/true,
                        /*exits_used_within=*/true};
  std::vector<Locality::Level> levels = {std::move(row)};
  if (dimensions() > 2) {
    levels.push_back(std::move(plane));
  }
  levels.push_back(std::move(whole));
  if (slices_ > 1) {
    levels.push_back({"pod", {{0}}, /*exits_can_bind=*/false});
  }
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

Topology::DirectRing TorusTopology::AppendDirectRing(std::span<const AcceleratorIndex> members,
                                                     std::vector<LinkLoad>& loads) const {
  if (members.size() < 2 || slice_of(members.front()) != slice_of(members.back())) {
    return {};
  }
  std::vector<TorusPlace> places;
  for (const AcceleratorIndex a : members) {
    places.push_back(CoordinatesOf(a.value));
  }
  const TorusGrid grid = GridOf(places, size_);
  const int slice = slice_of(members.front());
  ForEachRingLink(grid, places, size_,
                  [&](const TorusPlace& from, int dimension, bool forth, std::int32_t weight) {
                    loads.push_back({LinkOf(RouterAt(from, slice), dimension, forth), weight});
                  });
  return {grid.parts, grid.steps};
}

Wiring TorusTopology::wiring() const {
  Wiring wiring;
  wiring.node_kinds = {
      {"accelerator", accelerators()}, {"router", routers_ - accelerators()}, {"nic", nics_}};
  if (slices_ > 1) {
    wiring.node_kinds.push_back({"datacenter_network", 1});
  }
  wiring.cable_kinds = {{"", /*inside=*/true}};
  for (int d = 0; d < dimensions(); ++d) {
    wiring.cable_kinds.push_back({fmt::format("links along {}", kAxis[d])});
  }
  for (int router = 0; router < routers_; ++router) {
    for (int d = 0; d < dimensions(); ++d) {
      wiring.cables.push_back({d + 1, router, NeighbourOf(router, d, true), 1, link_bandwidth()});
    }
  }
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    wiring.cables.push_back({0, a.value, routers_ + nic_of(a), 1, BytesPerSecond(0)});
  }
  if (slices_ > 1) {
    wiring.cable_kinds.push_back({"NIC - datacenter network"});
    for (int nic = 0; nic < nics_; ++nic) {
      wiring.cables.push_back({dimensions() + 1, routers_ + nic, routers_ + nics_, 1,
                               capacity({2 * dimensions() * routers_ + nic})});
    }
  }
  return wiring;
}

CutProblem TorusTopology::cut_problem() const {
  CutProblem problem;
  problem.vertices = routers_ + (slices_ > 1 ? nics_ + 1 : 0);
  for (const Wiring::Cable& cable : wiring().cables) {
    if (cable.kind > 0) {
      problem.edges.push_back({cable.a, cable.b, cable.capacity.si()});
    } else if (slices_ > 1) {  // to its NIC, whose cable is the limit
      problem.edges.push_back(
          {cable.a, cable.b, site().server.accelerator.scale_up_bandwidth.si()});
    }
  }
  if (slices_ > 1) {
    problem.halvings.push_back(
        HalveServers("first half of the slices | second half", accelerators(), 1, [&](int a) {
          return a / slice_routers_;
        }));
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

LinkEnds TorusTopology::ends(LinkIndex link) const {
  const int first_nic = 2 * dimensions() * routers_;
  if (link.value >= first_nic) {
    const int nic = (link.value - first_nic) % nics_;
    return link.value - first_nic < nics_
               ? LinkEnds{fmt::format("nic_out{}", nic), "datacenter_out"}
               : LinkEnds{"datacenter_in", fmt::format("nic_in{}", nic)};
  }
  const auto name_of = [this](int router) {
    return fmt::format("{}{}", router < accelerators() ? "accelerator" : "router", router);
  };
  const int router = link.value % routers_;
  const int family = link.value / routers_;
  return {name_of(router), name_of(NeighbourOf(router, family / 2, family % 2 == 0))};
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
  graph.nodes.push_back({"datacenter_out", "datacenter", -1, Seconds(0), /*border=*/true});
  graph.nodes.push_back({"datacenter_in", "datacenter", -1, Seconds(0), /*border=*/true});
  LinkEdges edges(*this, graph);
  for (int d = 0; d < dimensions(); ++d) {
    for (const bool forth : {true, false}) {
      for (int r = 0; r < routers_; ++r) {
        const Coordinates at = CoordinatesOf(r);
        const bool even = (at[0] + at[1] + at[2]) % 2 == 0;
        edges.Add(LinkOf(r, d, forth)).preference = 2 * d + (forth == even ? 0 : 1);
      }
    }
  }
  for (LinkIndex nic{2 * dimensions() * routers_}; nic < links(); ++nic) {
    edges.Add(nic);
  }
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    graph.edges.push_back({fmt::format("out[{}]", a.value), a.value, routers_ + nic_of(a), ""});
    graph.edges.push_back(
        {fmt::format("in[{}]", a.value), routers_ + nics_ + nic_of(a), a.value, ""});
  }
  return graph;
}

}  // namespace gridlock
