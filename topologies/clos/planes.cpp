#include "topologies/clos/planes.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"

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

}  // namespace gridlock
