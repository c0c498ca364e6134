#include "topologies/clos/planes.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/clos/graph.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/listed/link_edges.h"
#include "topologies/listed/route_graph.h"

namespace gridlock {

namespace {

constexpr std::uint64_t kPickPlane = 131;

// What hangs on one plane: a site whose servers have only those NICs, or NICs of a share of the
// bandwidth.
SiteSpec SiteOfOnePlane(const SiteSpec& site) {
  SiteSpec one = site;
  auto& clos = std::get<ClosSpec>(one.fabric);
  ServerSpec& server = one.server;
  const int planes = clos.planes;
  clos.planes = 1;
  if (clos.split_nics) {
    server.nic_bandwidth = server.nic_bandwidth / planes;
    server.fabric_nic_bandwidth = server.fabric_nic_bandwidth / planes;
    return one;
  }
  const int nics = std::min(server.nics, server.accelerators);
  if (server.accelerators < 1 || nics % planes != 0 || server.accelerators % planes != 0) {
    throw UserError(clos.path + ".planes",
                    fmt::format("{} NICs of a server, each of other accelerators, cannot be shared "
                                "out over {} planes; expected a number that divides {}, or "
                                "split_nics: true",
                                nics, planes, nics));
  }
  server.nics /= planes;
  server.accelerators /= planes;
  return one;
}

// What does not fit is said of one plane.
ClosTopology OnePlane(const SiteSpec& site) {
  const SiteSpec one = SiteOfOnePlane(site);
  try {
    return ClosTopology(one);
  } catch (const UserError& error) {
    std::vector<Problem> problems = error.problems();
    for (Problem& problem : problems) {
      problem.message = "in each plane: " + problem.message;
    }
    throw UserError(std::move(problems));
  }
}

}  // namespace

PlanesTopology::PlanesTopology(const SiteSpec& site) : Topology(site), plane_(OnePlane(site)) {
  CHECK(planes() > 1);
}

int PlanesTopology::plane_of(AcceleratorIndex a) const {
  return clos().split_nics ? 0 : a.value % server_size() / per_plane();
}

AcceleratorIndex PlanesTopology::WithinPlane(AcceleratorIndex a) const {
  return clos().split_nics
             ? a
             : AcceleratorIndex{server_of(a) * per_plane() + a.value % server_size() % per_plane()};
}

AcceleratorIndex PlanesTopology::SenderOf(AcceleratorIndex from, AcceleratorIndex to) const {
  return plane_of(from) == plane_of(to)
             ? from
             : AcceleratorIndex{server_of(from) * server_size() + to.value % server_size()};
}

int PlanesTopology::PlaneOf(AcceleratorIndex to, std::uint64_t flow_hash) const {
  return clos().split_nics ? static_cast<int>(HashPick(flow_hash, kPickPlane,
                                                       static_cast<std::uint64_t>(planes())))
                           : plane_of(to);
}

PlanesTopology::Place PlanesTopology::PlaceOf(LinkIndex link) const {
  CHECK(!is_scale_up(link) && link.value < links());
  const int position = link.value - 2 * accelerators();
  return {position / links_per_plane(), {position % links_per_plane() + 2 * plane_.accelerators()}};
}

std::string PlanesTopology::shape() const {
  return fmt::format("{} planes, each of {}", planes(), plane_.shape());
}

std::vector<std::string> PlanesTopology::facts() const {
  std::vector<std::string> facts = {
      clos().split_nics
          ? fmt::format("planes: {}, which do not touch; each NIC has a port of {} in every plane",
                        planes(), FormatBandwidth(plane_.layout().nic_bandwidth))
          : fmt::format("planes: {}, which do not touch; each has {} of the NICs of a server, and "
                        "traffic to another plane goes over the scale-up links of the sender",
                        planes(), plane_.layout().nics_per_server)};
  for (std::string& fact : plane_.facts()) {
    facts.push_back("each plane: " + std::move(fact));
  }
  return facts;
}

TierIndex PlanesTopology::tier(LinkIndex link) const {
  CHECK(link.value >= 0 && link.value < links());
  return is_scale_up(link) ? TierTable::kScaleUp : plane_.tier(PlaceOf(link).link);
}

BytesPerSecond PlanesTopology::capacity(LinkIndex link) const {
  return is_scale_up(link) ? site().server.accelerator.scale_up_bandwidth
                           : plane_.capacity(PlaceOf(link).link);
}

std::string PlanesTopology::name(LinkIndex link) const {
  if (is_scale_up(link)) {
    return fmt::format("scale_up_{}[{}]", link.value < accelerators() ? "out" : "in",
                       link.value % accelerators());
  }
  const Place place = PlaceOf(link);
  return fmt::format("plane{}.{}", place.plane, plane_.name(place.link));
}

LinkEnds PlanesTopology::ends(LinkIndex link) const {
  if (is_scale_up(link)) {
    const AcceleratorIndex a{link.value % accelerators()};
    LinkEnds ends{fmt::format("{}{}", RouteGraph::kAccelerator, a.value),
                  fmt::format("{}{}", RouteGraph::kScaleUpSwitch, server_of(a).value)};
    if (link.value >= accelerators()) {
      std::swap(ends.from, ends.to);
    }
    return ends;
  }
  const Place place = PlaceOf(link);
  const LinkEnds ends = plane_.ends(place.link);
  return {fmt::format("plane{}.{}", place.plane, ends.from),
          fmt::format("plane{}.{}", place.plane, ends.to)};
}

bool PlanesTopology::can_bind(LinkIndex link) const {
  return is_scale_up(link) || plane_.can_bind(PlaceOf(link).link);
}

std::int32_t PlanesTopology::parts() const {
  if (!clos().split_nics || clos().routing != Routing::kSpray) {
    return 1;
  }
  // Where something has failed, a flow may be left any number of planes to share it out over.
  constexpr int kPlanesMost = 12;
  std::int32_t parts = planes();
  for (int left = 1; !site().failed.empty() && planes() <= kPlanesMost && left < planes(); ++left) {
    parts = std::lcm(parts, left);
  }
  return parts;
}

void PlanesTopology::Renumber(int plane, std::size_t begin, std::vector<LinkIndex>& route) const {
  for (std::size_t i = begin; i < route.size(); ++i) {
    const bool scale_up = route[i].value < 2 * plane_.accelerators();
    CHECK(!scale_up ||
          clos().split_nics);  // forwarded between rails: same accelerators, same links
    route[i] = scale_up ? route[i] : LinkOfPlane(plane, route[i]);
  }
}

void PlanesTopology::AppendRoute(AcceleratorIndex from, AcceleratorIndex to,
                                 std::uint64_t flow_hash, std::vector<LinkIndex>& route) const {
  CHECK(from != to && from.value < accelerators() && to.value < accelerators());
  if (same_domain(from, to)) {
    route.push_back(scale_up_out(from));
    route.push_back(scale_up_in(to));
    return;
  }
  AcceleratorIndex sender = SenderOf(from, to);
  if (!clos().split_nics && sender == from) {
    // Between rails of one plane, where the plane's own rule asks for it.
    const AcceleratorIndex by = plane_.SenderOf(WithinPlane(from), WithinPlane(to));
    sender.value += by.value - WithinPlane(from).value;
  }
  if (sender != from) {
    route.push_back(scale_up_out(from));
    route.push_back(scale_up_in(sender));
  }
  const std::size_t begin = route.size();
  plane_.AppendRoute(WithinPlane(sender), WithinPlane(to), flow_hash, route);
  Renumber(PlaneOf(to, flow_hash), begin, route);
}

void PlanesTopology::AppendShares(AcceleratorIndex from, AcceleratorIndex to,
                                  std::uint64_t flow_hash, std::span<const double> load,
                                  std::vector<LinkShare>& shares) const {
  if (parts() == 1 || same_domain(from, to)) {
    return Topology::AppendShares(from, to, flow_hash, load, shares);
  }
  for (int plane = 0; plane < planes(); ++plane) {
    std::vector<LinkIndex> route;
    plane_.AppendRoute(from, to, flow_hash, route);
    Renumber(plane, 0, route);
    for (const LinkIndex link : route) {
      shares.push_back({link, parts() / planes()});
    }
  }
}

bool PlanesTopology::AppendSharesAround(AcceleratorIndex from, AcceleratorIndex to,
                                        std::uint64_t flow_hash,
                                        const std::function<bool(LinkIndex)>& failed,
                                        std::vector<LinkShare>& shares) const {
  if (parts() == 1 || same_domain(from, to)) {
    return false;
  }
  std::vector<std::vector<LinkIndex>> left;
  for (int plane = 0; plane < planes(); ++plane) {
    std::vector<LinkIndex> route;
    plane_.AppendRoute(from, to, flow_hash, route);
    Renumber(plane, 0, route);
    if (std::none_of(route.begin(), route.end(), failed)) {
      left.push_back(std::move(route));
    }
  }
  if (left.empty() || parts() % static_cast<int>(left.size()) != 0) {
    return false;
  }
  for (const std::vector<LinkIndex>& route : left) {
    for (const LinkIndex link : route) {
      shares.push_back({link, parts() / static_cast<std::int32_t>(left.size())});
    }
  }
  return true;
}

void PlanesTopology::AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                                std::vector<LinkIndex>& route) const {
  const std::size_t begin = route.size();
  plane_.AppendExit(WithinPlane(from), flow_hash, route);
  Renumber(PlaneOf(from, flow_hash), begin, route);
}

void PlanesTopology::AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                                 std::vector<LinkIndex>& route) const {
  const std::size_t begin = route.size();
  plane_.AppendEntry(WithinPlane(to), flow_hash, route);
  Renumber(PlaneOf(to, flow_hash), begin, route);
}

Seconds PlanesTopology::Latency(AcceleratorIndex from, AcceleratorIndex to) const {
  return same_domain(from, to) ? Seconds(0.0)
                               : plane_.Latency(WithinPlane(SenderOf(from, to)), WithinPlane(to));
}

std::vector<Equipment> PlanesTopology::equipment() const {
  std::vector<Equipment> all = plane_.equipment();
  for (Equipment& each : all) {
    each.count *= planes();
  }
  return all;
}

// Machines kind by kind, and within a kind plane by plane. With split NICs one NIC stands for its
// ports in all planes.
Wiring PlanesTopology::wiring() const {
  const Wiring one = plane_.wiring();
  Wiring all;
  all.node_kinds = one.node_kinds;
  all.cable_kinds = one.cable_kinds;
  all.node_kinds[ClosNodes::kAccelerator].count = accelerators();
  all.node_kinds[ClosNodes::kScaleUpSwitch].count = servers();
  for (int kind = ClosNodes::kNic; kind < ClosNodes::kKinds; ++kind) {
    const bool shared = kind == ClosNodes::kNic && clos().split_nics;
    all.node_kinds[kind].count *= shared ? 1 : planes();
  }
  std::vector<int> first_of_one(ClosNodes::kKinds), first(ClosNodes::kKinds);
  for (int kind = 1; kind < ClosNodes::kKinds; ++kind) {
    first_of_one[kind] = first_of_one[kind - 1] + one.node_kinds[kind - 1].count;
    first[kind] = first[kind - 1] + all.node_kinds[kind - 1].count;
  }
  const auto vertex = [&](int plane, int of_one) {
    int kind = ClosNodes::kKinds - 1;
    while (of_one < first_of_one[kind]) {
      --kind;
    }
    const bool shared = kind == ClosNodes::kNic && clos().split_nics;
    return first[kind] + (shared ? 0 : plane * one.node_kinds[kind].count) + of_one -
           first_of_one[kind];
  };
  const BytesPerSecond scale_up = site().server.accelerator.scale_up_bandwidth;
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    const int nic = first_of_one[ClosNodes::kNic] + plane_.nic_of(WithinPlane(a));
    all.cables.push_back({ClosCables::kScaleUp, a.value,
                          first[ClosNodes::kScaleUpSwitch] + server_of(a), 1, scale_up});
    all.cables.push_back({ClosCables::kAttachment, a.value, vertex(plane_of(a), nic), 1,
                          plane_.layout().nic_bandwidth * (clos().split_nics ? planes() : 1)});
  }
  for (int plane = 0; plane < planes(); ++plane) {
    for (Wiring::Cable cable : one.cables) {
      if (cable.kind != ClosCables::kScaleUp && cable.kind != ClosCables::kAttachment) {
        cable.a = vertex(plane, cable.a);
        cable.b = vertex(plane, cable.b);
        all.cables.push_back(cable);
      }
    }
  }
  return all;
}

CutProblem PlanesTopology::cut_problem() const {
  const CutProblem one = plane_.cut_problem();
  CutProblem all;
  all.vertices = planes() * one.vertices;
  const int nics = plane_.layout().nics_per_server;
  const int per_server = planes() * nics;
  for (int plane = 0; plane < planes(); ++plane) {
    for (CutProblem::Edge edge : one.edges) {
      edge.a += plane * one.vertices;
      edge.b += plane * one.vertices;
      all.edges.push_back(edge);
    }
  }
  for (int t = 0; t < servers() * per_server; ++t) {
    const int plane = t % per_server / nics;
    CutProblem::Terminal terminal = one.terminals[t / per_server * nics + t % nics];
    terminal.vertex += plane * one.vertices;
    all.terminals.push_back(terminal);
  }
  all.port = site().server.accelerator.scale_up_bandwidth.si();
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    if (a.value % server_size() == 0) {
      all.domains.emplace_back();
    }
    const int nic = plane_.nic_of(WithinPlane(a)) % nics;
    all.domains.back().push_back(server_of(a) * per_server + plane_of(a) * nics + nic);
  }
  if (servers() > 1) {
    all.halvings.push_back(HalveServers("first half of the servers | second half", servers(),
                                        per_server, [](ServerIndex server) {
                                          return server;
                                        }));
    all.halvings.push_back(
        HalveServers("even | odd servers", servers(), per_server, [](ServerIndex server) {
          return server % 2;
        }));
    all.halvings.push_back(
        HalveServers("even | odd leaves", servers(), per_server, [this](ServerIndex server) {
          return server / clos().servers_per_leaf % 2;
        }));
  }
  if (!clos().split_nics && planes() % 2 == 0) {
    CutProblem::Halving halves{"first half of the planes | second half",
                               std::vector<bool>(all.terminals.size())};
    for (std::size_t t = 0; t < all.terminals.size(); ++t) {
      halves.first_side[t] = 2 * (static_cast<int>(t) % per_server) < per_server;
    }
    all.halvings.push_back(std::move(halves));
  }
  return all;
}

RouteGraph PlanesTopology::route_graph() const {
  const RouteGraph one = plane_.route_graph();
  RouteGraph all;
  all.hashed = one.hashed;
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    all.nodes.push_back({fmt::format("{}{}", RouteGraph::kAccelerator, a.value),
                         RouteGraph::kAccelerator, server_of(a)});
  }
  for (int server = 0; server < servers(); ++server) {
    all.nodes.push_back(
        {fmt::format("{}{}", RouteGraph::kScaleUpSwitch, server), RouteGraph::kScaleUpSwitch});
  }
  LinkEdges edges(*this, all);
  for (LinkIndex port{0}; port < 2 * accelerators(); ++port) {
    edges.Add(port);
  }
  std::vector<RouteGraph::Edge> attachments;
  const int inner = plane_.accelerators();
  for (int plane = 0; plane < planes(); ++plane) {
    const int first = static_cast<int>(all.nodes.size()) - inner - plane_.servers();
    for (std::size_t n = static_cast<std::size_t>(inner + plane_.servers()); n < one.nodes.size();
         ++n) {
      all.nodes.push_back(one.nodes[n]);
      all.nodes.back().id = fmt::format("plane{}.{}", plane, one.nodes[n].id);
    }
    const auto node = [&](int of_one) {
      return of_one < inner
                 ? of_one / per_plane() * server_size() +
                       (clos().split_nics ? 0 : plane * per_plane()) + of_one % per_plane()
                 : first + of_one;
    };
    for (std::size_t e = static_cast<std::size_t>(2 * inner); e < one.edges.size(); ++e) {
      RouteGraph::Edge edge = one.edges[e];
      edge.id = fmt::format("plane{}.{}", plane, edge.id);
      edge.from = node(edge.from);
      edge.to = node(edge.to);
      (edge.attachment() ? attachments : all.edges).push_back(edge);
    }
  }
  all.edges.insert(all.edges.end(), attachments.begin(), attachments.end());
  return all;
}

}  // namespace gridlock
