#include "topologies/routers/topology.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/listed/link_edges.h"
#include "topologies/listed/route_graph.h"

namespace gridlock {

namespace {

// Streams of hashes: choices of one flow are independent of each other.
constexpr std::uint64_t kPickWay = 101;
constexpr std::uint64_t kPickDetour = 102;
constexpr std::uint64_t kBreakTies = 103;

// Detours that a flow looks at under UGAL, beside its shortest ways.
constexpr int kDetoursTried = 4;

}  // namespace

const char* WordsOf(const RouterRouting& routing) {
  const bool spray = routing.spread == Routing::kSpray;
  switch (routing.paths) {
    case Paths::kDimensionOrder:
      return "one dimension after the other";
    case Paths::kMinimal:
      return spray ? "minimal, spread over all shortest ways" : "minimal, one way by hash";
    case Paths::kValiant:
      return spray ? "Valiant, spread over all detours" : "Valiant, one detour by hash";
    case Paths::kUgal:
      return "UGAL";
    case Paths::kAdaptive:
      return "minimal, adaptive by load";
  }
  CHECK(false);
}

void CableList::Add(int a, int b, int tier, int parallel) {
  CHECK(a != b);
  cables_.push_back({std::min(a, b), std::max(a, b), parallel, tier});
}

std::vector<RouterGraph::Cable> CableList::Take() && {
  const auto ends = [](const RouterGraph::Cable& cable) {
    return std::pair(cable.a, cable.b);
  };
  std::stable_sort(cables_.begin(), cables_.end(), [&](const auto& x, const auto& y) {
    return ends(x) < ends(y);
  });
  std::vector<RouterGraph::Cable> merged;
  for (const RouterGraph::Cable& cable : cables_) {
    if (!merged.empty() && ends(merged.back()) == ends(cable)) {
      merged.back().parallel += cable.parallel;
    } else {
      merged.push_back(cable);
    }
  }
  return merged;
}

Locality RouterTopology::AllNeighbours(const SiteSpec& site, std::vector<Locality::Level> groups) {
  groups.push_back({"network", {{0}}, /*exits_can_bind=*/true, /*exits_used_within=*/true});
  return {site.servers, std::move(groups), /*interchangeable=*/false};
}

RouterTopology::RouterTopology(const SiteSpec& site, RouterGraph graph, RouterRouting routing,
                               Locality locality)
    : Topology(site),
      graph_(std::move(graph)),
      routing_(routing),
      server_nics_(NicsOf(site.server)),
      nics_(site.servers * server_nics_.per_server),
      locality_(std::move(locality)) {
  CHECK(!site.server.direct);
  IndexCables();
}

void RouterTopology::IndexCables() {
  first_neighbour_.assign(static_cast<std::size_t>(routers()) + 1, 0);
  for (const RouterGraph::Cable& cable : graph_.cables) {
    ++first_neighbour_[cable.a + 1];
    ++first_neighbour_[cable.b + 1];
  }
  std::partial_sum(first_neighbour_.begin(), first_neighbour_.end(), first_neighbour_.begin());
  neighbours_.resize(2 * graph_.cables.size());
  std::vector<int> next(first_neighbour_.begin(), first_neighbour_.end() - 1);
  for (std::size_t c = 0; c < graph_.cables.size(); ++c) {
    const RouterGraph::Cable& cable = graph_.cables[c];
    const int forth = first_cable() + 2 * static_cast<int>(c);
    neighbours_[next[cable.a]++] = {cable.b, {forth}};
    neighbours_[next[cable.b]++] = {cable.a, {forth + 1}};
  }
  for (int router = 0; router < routers(); ++router) {
    std::sort(neighbours_.begin() + first_neighbour_[router],
              neighbours_.begin() + first_neighbour_[router + 1]);
  }
}

std::vector<int> RouterTopology::NeighboursOf(int router) const {
  std::vector<int> all;
  for (int i = first_neighbour_[router]; i < first_neighbour_[router + 1]; ++i) {
    all.push_back(neighbours_[i].first);
  }
  return all;
}

LinkIndex RouterTopology::LinkBetween(int from, int to) const {
  const auto end = neighbours_.begin() + first_neighbour_[from + 1];
  const auto found = std::lower_bound(neighbours_.begin() + first_neighbour_[from], end,
                                      std::pair(to, LinkIndex{-1}));
  return found != end && found->first == to ? found->second : LinkIndex{-1};
}

BytesPerSecond RouterTopology::CapacityOf(const RouterGraph::Cable& cable) const {
  return std::min(graph_.kinds[graph_.kind_of[cable.a]].spec.port_bandwidth,
                  graph_.kinds[graph_.kind_of[cable.b]].spec.port_bandwidth) *
         static_cast<double>(cable.parallel);
}

Seconds RouterTopology::LatencyOf(int router) const {
  return graph_.kinds[graph_.kind_of[router]].spec.latency;
}

TierIndex RouterTopology::tier(LinkIndex link) const {
  CHECK(link.value >= 0 && link.value < links());
  if (link.value < first_nic()) {
    return TierTable::kScaleUp;
  }
  return link.value < first_cable()
             ? TierTable::kNic
             : TierIndex{TierTable::kFirstOwn.value +
                         graph_.cables[(link.value - first_cable()) / 2].tier};
}

BytesPerSecond RouterTopology::capacity(LinkIndex link) const {
  const TierIndex tier = this->tier(link);
  if (tier == TierTable::kScaleUp) {
    return site().server.accelerator.scale_up_bandwidth;
  }
  return tier == TierTable::kNic ? server_nics_.bandwidth
                                 : CapacityOf(graph_.cables[(link.value - first_cable()) / 2]);
}

std::string RouterTopology::name(LinkIndex link) const {
  const TierIndex tier = this->tier(link);
  if (tier == TierTable::kScaleUp) {
    return fmt::format("scale_up_{}[{}]", link.value < accelerators() ? "out" : "in",
                       link.value % accelerators());
  }
  if (tier == TierTable::kNic) {
    const int nic = link.value - first_nic();
    return fmt::format("nic_{}[{}]", nic < nics_ ? "up" : "down", nic % nics_);
  }
  const RouterGraph::Cable& cable = graph_.cables[(link.value - first_cable()) / 2];
  const bool forth = (link.value - first_cable()) % 2 == 0;
  return fmt::format("{}[{}->{}]", graph_.tiers[cable.tier].name, forth ? cable.a : cable.b,
                     forth ? cable.b : cable.a);
}

int RouterTopology::nic_of(AcceleratorIndex a) const {
  return server_of(a) * server_nics_.per_server +
         NicWithinServer(site().server, a.value % server_size());
}

int RouterTopology::unit_size() const {
  return !adapts() && routing_.spread == Routing::kSpray
             ? AcceleratorsOfANic(site().server.nics_seen())
             : server_size();
}

std::int32_t RouterTopology::parts() const {
  if (adapts() || routing_.spread == Routing::kEcmp) {
    return 1;
  }
  return routing_.paths == Paths::kMinimal ? minimal_parts()
                                           : std::lcm(minimal_parts(), std::max(detour_parts(), 1));
}

bool RouterTopology::adapts() const {
  return routing_.paths == Paths::kUgal || routing_.paths == Paths::kAdaptive;
}

double RouterTopology::LoadOf(const Way& way, std::span<const double> load) const {
  double most = 0;
  for (std::size_t i = 1; i < way.size(); ++i) {
    const LinkIndex link = LinkBetween(way[i - 1], way[i]);
    const double flows = load.empty() ? 0.0 : load[static_cast<std::size_t>(link.value)];
    most = std::max(most, (flows + 1) / capacity(link).si());
  }
  return most;
}

// Of equally loaded ways the first behind a place that the hash picks.
Way RouterTopology::LeastLoaded(const std::vector<Way>& ways, std::uint64_t flow_hash,
                                std::span<const double> load) const {
  const std::size_t begin = HashPick(flow_hash, kBreakTies, ways.size());
  std::size_t best = begin;
  for (std::size_t i = 1; i < ways.size(); ++i) {
    const std::size_t w = (begin + i) % ways.size();
    if (LoadOf(ways[w], load) < LoadOf(ways[best], load)) {
      best = w;
    }
  }
  return ways[best];
}

// UGAL-G: A. Singh, "Load-balanced routing in interconnection networks", Stanford 2005, with the
// load of the fullest link of a way in the place of its queue.
std::vector<Way> RouterTopology::WaysOf(int from, int to, std::uint64_t flow_hash,
                                        std::span<const double> load) const {
  const std::int32_t detours = routing_.paths == Paths::kValiant || routing_.paths == Paths::kUgal
                                   ? DetoursBetween(from, to)
                                   : 0;
  const auto count = static_cast<std::uint64_t>(std::max(detours, 1));
  if (routing_.paths == Paths::kValiant && detours > 0) {
    std::vector<Way> ways;
    if (routing_.spread == Routing::kEcmp) {
      const std::uint64_t n = HashPick(flow_hash, kPickDetour, count);
      return {Detour(from, to, static_cast<std::int32_t>(n), flow_hash)};
    }
    for (std::int32_t n = 0; n < detours; ++n) {
      ways.push_back(Detour(from, to, n, flow_hash));
    }
    return ways;
  }
  std::vector<Way> minimal = MinimalWays(from, to, flow_hash);
  if (!adapts()) {
    if (routing_.spread == Routing::kEcmp) {
      return {minimal[HashPick(flow_hash, kPickWay, minimal.size())]};
    }
    return minimal;
  }
  Way way = LeastLoaded(minimal, flow_hash, load);
  double cost = LoadOf(way, load) * static_cast<double>(way.size() - 1);
  for (int i = 0; i < std::min<int>(detours, kDetoursTried); ++i) {
    const std::uint64_t n = HashPick(MixHash(flow_hash + i), kPickDetour, count);
    Way detour = Detour(from, to, static_cast<std::int32_t>(n), flow_hash);
    const double other = LoadOf(detour, load) * static_cast<double>(detour.size() - 1);
    if (other < cost) {
      cost = other;
      way = std::move(detour);
    }
  }
  return {way};
}

void RouterTopology::AppendRoute(AcceleratorIndex from, AcceleratorIndex to,
                                 std::uint64_t flow_hash, std::vector<LinkIndex>& route) const {
  CHECK(from != to && from.value < accelerators() && to.value < accelerators());
  if (same_domain(from, to)) {
    route.push_back(scale_up_out(from));
    route.push_back(scale_up_in(to));
    return;
  }
  AppendExit(from, flow_hash, route);
  const int begin = router_of(from);
  const int end = router_of(to);
  if (begin != end) {
    const std::vector<Way> ways = WaysOf(begin, end, flow_hash);
    const Way& way = ways[HashPick(flow_hash, kPickWay, ways.size())];
    for (std::size_t i = 1; i < way.size(); ++i) {
      route.push_back(LinkBetween(way[i - 1], way[i]));
    }
  }
  AppendEntry(to, flow_hash, route);
}

void RouterTopology::AppendShares(AcceleratorIndex from, AcceleratorIndex to,
                                  std::uint64_t flow_hash, std::span<const double> load,
                                  std::vector<LinkShare>& shares) const {
  CHECK(from != to && from.value < accelerators() && to.value < accelerators());
  const std::int32_t whole = parts();
  if (same_domain(from, to)) {
    shares.push_back({scale_up_out(from), whole});
    shares.push_back({scale_up_in(to), whole});
    return;
  }
  shares.push_back({{first_nic() + nic_of(from)}, whole});
  const int begin = router_of(from);
  const int end = router_of(to);
  if (begin != end) {
    const std::vector<Way> ways = WaysOf(begin, end, flow_hash, load);
    const auto count = static_cast<std::int32_t>(ways.size());
    CHECK(count > 0 && whole % count == 0);
    for (const Way& way : ways) {
      for (std::size_t i = 1; i < way.size(); ++i) {
        shares.push_back({LinkBetween(way[i - 1], way[i]), whole / count});
      }
    }
  }
  shares.push_back({{first_nic() + nics_ + nic_of(to)}, whole});
}

void RouterTopology::AppendExit(AcceleratorIndex from, std::uint64_t /*flow_hash*/,
                                std::vector<LinkIndex>& route) const {
  route.push_back({first_nic() + nic_of(from)});
}

void RouterTopology::AppendEntry(AcceleratorIndex to, std::uint64_t /*flow_hash*/,
                                 std::vector<LinkIndex>& route) const {
  route.push_back({first_nic() + nics_ + nic_of(to)});
}

Seconds RouterTopology::Latency(AcceleratorIndex from, AcceleratorIndex to) const {
  if (same_domain(from, to)) {
    return Seconds(0.0);
  }
  const int begin = router_of(from);
  const int end = router_of(to);
  if (begin == end) {
    return LatencyOf(begin);
  }
  // Summed up kind by kind, so that ways of equal lengths have equal latencies to the last bit.
  std::vector<std::int64_t> passed(graph_.kinds.size());
  const std::vector<Way> ways = WaysOf(begin, end, 0);
  for (const Way& way : ways) {
    for (const int router : way) {
      ++passed[graph_.kind_of[router]];
    }
  }
  Seconds sum(0.0);
  for (std::size_t kind = 0; kind < passed.size(); ++kind) {
    sum += graph_.kinds[kind].spec.latency *
           (static_cast<double>(passed[kind]) / static_cast<double>(ways.size()));
  }
  return sum;
}

std::vector<RouterTopology::Halving> RouterTopology::Halvings() const {
  Halving servers{"first half of the servers | second half",
                  std::vector<int>(static_cast<std::size_t>(routers()))};
  for (std::size_t host = 0; host < graph_.hosts.size(); ++host) {
    servers.key[graph_.hosts[host]] = static_cast<int>(host);
  }
  return {servers};
}

std::vector<Equipment> RouterTopology::equipment() const {
  std::vector<Equipment> all;
  for (std::size_t kind = 0; kind < graph_.kinds.size(); ++kind) {
    const RouterGraph::Kind& of = graph_.kinds[kind];
    all.push_back({of.name, of.plural, of.spec.name,
                   std::count(graph_.kind_of.begin(), graph_.kind_of.end(), static_cast<int>(kind)),
                   of.spec.power});
  }
  return all;
}

void RouterTopology::AddServersTo(Wiring& wiring, int first_router,
                                  const std::vector<int>& vertex_of) const {
  const int domain = accelerators();
  const int nic = domain + servers();
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    wiring.cables.push_back({kScaleUpCable, a.value, domain + server_of(a), 1,
                             site().server.accelerator.scale_up_bandwidth});
    wiring.cables.push_back({kAttachment, a.value, nic + nic_of(a), 1, server_nics_.bandwidth});
  }
  for (int n = 0; n < nics_; ++n) {
    const int at = graph_.hosts[n / server_nics_.per_server / graph_.servers_per_router];
    const std::int64_t ports = PortsOfNic(site().server, graph_.kinds[graph_.kind_of[at]].spec);
    wiring.cables.push_back({kNicCable, nic + n, first_router + vertex_of[at],
                             static_cast<int>(ports), server_nics_.bandwidth});
  }
}

Wiring RouterTopology::wiring() const {
  Wiring wiring;
  wiring.node_kinds = {
      {"accelerator", accelerators()}, {"scale_up_switch", servers()}, {"nic", nics_}};
  wiring.cable_kinds = {{"", /*inside=*/true}, {"scale-up links"}, {"NIC - router"}};
  const int first_router = accelerators() + servers() + nics_;
  std::vector<int> vertex_of(static_cast<std::size_t>(routers()));
  int next = 0;
  for (std::size_t kind = 0; kind < graph_.kinds.size(); ++kind) {
    const int before = next;
    for (int router = 0; router < routers(); ++router) {
      if (graph_.kind_of[router] == static_cast<int>(kind)) {
        vertex_of[router] = next++;
      }
    }
    wiring.node_kinds.push_back({graph_.kinds[kind].name, next - before});
  }
  for (const Tier& tier : graph_.tiers) {
    wiring.cable_kinds.push_back({tier.name + " links"});
  }
  AddServersTo(wiring, first_router, vertex_of);
  for (const RouterGraph::Cable& cable : graph_.cables) {
    wiring.cables.push_back({kFirstCable + cable.tier, first_router + vertex_of[cable.a],
                             first_router + vertex_of[cable.b], cable.parallel, CapacityOf(cable)});
  }
  return wiring;
}

CutProblem RouterTopology::cut_problem() const {
  CutProblem problem;
  problem.vertices = routers();
  for (const RouterGraph::Cable& cable : graph_.cables) {
    problem.edges.push_back({cable.a, cable.b, CapacityOf(cable).si()});
  }
  const int per_server = server_nics_.per_server;
  const auto router_of_server = [this](ServerIndex server) {
    return graph_.hosts[server / graph_.servers_per_router];
  };
  for (int n = 0; n < nics_; ++n) {
    problem.terminals.push_back({router_of_server({n / per_server}), server_nics_.bandwidth.si()});
  }
  problem.port = site().server.accelerator.scale_up_bandwidth.si();
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    if (a.value % server_size() == 0) {
      problem.domains.emplace_back();
    }
    problem.domains.back().push_back(nic_of(a));
  }
  if (servers() > 1) {
    for (const Halving& halving : Halvings()) {
      problem.halvings.push_back(
          HalveServers(halving.name, servers(), per_server, [&](ServerIndex server) {
            return halving.key[router_of_server(server)];
          }));
    }
  }
  return problem;
}

LinkEnds RouterTopology::ends(LinkIndex link) const {
  const auto name_of = [this](int router) {
    return fmt::format("{}{}", graph_.kinds[graph_.kind_of[router]].name, router);
  };
  LinkEnds ends;
  bool back = false;
  if (link.value < first_nic()) {
    const AcceleratorIndex a{link.value % accelerators()};
    back = link.value >= accelerators();
    ends = {fmt::format("{}{}", RouteGraph::kAccelerator, a.value),
            fmt::format("{}{}", RouteGraph::kScaleUpSwitch, server_of(a).value)};
  } else if (link.value < first_cable()) {
    const int nic = (link.value - first_nic()) % nics_;
    const int server = nic / server_nics_.per_server;
    back = link.value - first_nic() >= nics_;
    ends = {fmt::format("nic{}", nic), name_of(graph_.hosts[server / graph_.servers_per_router])};
  } else {
    const RouterGraph::Cable& cable = graph_.cables[(link.value - first_cable()) / 2];
    back = (link.value - first_cable()) % 2 == 1;
    ends = {name_of(cable.a), name_of(cable.b)};
  }
  if (back) {
    std::swap(ends.from, ends.to);
  }
  return ends;
}

RouteGraph RouterTopology::route_graph() const {
  RouteGraph graph;
  graph.hashed = routing_.spread == Routing::kEcmp;
  graph.sprayed = parts() > 1 && routing_.paths == Paths::kMinimal;
  const auto add_nodes = [&](const char* kind, int count) {
    const auto first = static_cast<std::int32_t>(graph.nodes.size());
    for (int i = 0; i < count; ++i) {
      graph.nodes.push_back({fmt::format("{}{}", kind, i), kind});
    }
    return first;
  };
  add_nodes(RouteGraph::kAccelerator, accelerators());
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    graph.nodes[a.value].server = server_of(a);
  }
  add_nodes(RouteGraph::kScaleUpSwitch, servers());
  const int nic = add_nodes("nic", nics_);
  for (int r = 0; r < routers(); ++r) {
    const std::string& kind = graph_.kinds[graph_.kind_of[r]].name;
    graph.nodes.push_back({fmt::format("{}{}", kind, r), kind, -1, LatencyOf(r), /*border=*/true});
  }
  LinkEdges edges(*this, graph);
  for (LinkIndex link{0}; link < links(); ++link) {
    edges.Add(link);
  }
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    graph.edges.push_back({fmt::format("out[{}]", a.value), a.value, nic + nic_of(a), ""});
    graph.edges.push_back({fmt::format("in[{}]", a.value), nic + nic_of(a), a.value, ""});
  }
  return graph;
}

}  // namespace gridlock
