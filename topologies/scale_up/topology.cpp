#include "topologies/scale_up/topology.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/listed/link_edges.h"
#include "topologies/listed/route_graph.h"

namespace gridlock {

namespace {

// In the order of ServerNetwork::Kind; ports have a tier in every network. An accelerator pays half
// of a byte's energy for each end of a link that is its own.
const std::array<Tier, ServerNetwork::kKinds> kInsideTiers = {
    Tier{"scale_up", "the scale-up links", false, 0.5},
    Tier{"scale_up_spine", "the links between scale-up switches", false, 0},
    Tier{"mesh", "the links between accelerators of a server", false, 1.0},
    Tier{"pcie", "the PCIe links of a server", false, 0.5},
    Tier{"socket_link", "the links between the sockets of a server", false, 0},
    Tier{"host_memory", "the memory of the hosts", false, 0},
    Tier{"chip", "the links of cores to their chips", false, 0}};

const ServerSpec& CheckedServer(const SiteSpec& site) {
  if (std::holds_alternative<ListedSpec>(site.fabric)) {
    throw UserError(site.path + ".fabric",
                    fmt::format("a listed graph has the links inside of servers, and server {} "
                                "says how they run there; expected another fabric, or a server "
                                "without network",
                                site.server.name));
  }
  if (site.server.direct) {
    throw UserError(site.path + ".fabric",
                    fmt::format("here the accelerators are routers and their links those of the "
                                "fabric, and server {} says how they run inside of it; expected "
                                "another fabric, or a server without network",
                                site.server.name));
  }
  return site.server;
}

}  // namespace

ServersTopology::ServersTopology(const SiteSpec& site, std::shared_ptr<const Topology> between)
    : Topology(site),
      inside_(CheckedServer(site)),
      between_(std::move(between)),
      ports_(2 * accelerators()),
      first_between_(0),
      own_tier_(ServerNetwork::kKinds, -1) {
  const std::int64_t inside = std::int64_t{site.servers} * per_server();
  if (inside + between_->links() > std::numeric_limits<int>::max() / 2) {
    throw UserError(site.path + ".servers",
                    fmt::format("{} servers with {} links each have more links than can be "
                                "numbered; expected fewer servers",
                                site.servers, per_server()));
  }
  first_between_ = static_cast<int>(inside);
  for (AcceleratorIndex a{0}; a.value < accelerators(); a.value += server_size()) {
    CHECK(between_->scale_up_out(a).value < ports_ && between_->scale_up_in(a).value < ports_);
  }
  for (const ServerNetwork::Link& link : inside_.links()) {
    int& own = own_tier_[static_cast<std::size_t>(link.kind)];
    if (link.kind != ServerNetwork::Kind::kPort && own < 0) {
      own = own_tiers_++;
    }
  }
}

std::vector<std::string> ServersTopology::facts() const {
  std::vector<std::string> facts = between_->facts();
  for (std::string& fact : inside_.facts()) {
    facts.push_back(std::move(fact));
  }
  return facts;
}

std::vector<Tier> ServersTopology::tiers() const {
  std::vector<Tier> tiers(static_cast<std::size_t>(own_tiers_));
  for (std::size_t kind = 0; kind < own_tier_.size(); ++kind) {
    if (own_tier_[kind] >= 0) {
      tiers[static_cast<std::size_t>(own_tier_[kind])] = kInsideTiers[kind];
    }
  }
  for (Tier& tier : between_->tiers()) {
    tiers.push_back(std::move(tier));
  }
  return tiers;
}

TierIndex ServersTopology::tier(LinkIndex link) const {
  CHECK(link.value >= 0 && link.value < links());
  if (!is_inside(link)) {
    const TierIndex tier = between_->tier(Between(link));
    return tier.value < TierTable::kFirstOwn.value ? tier : TierIndex{tier.value + own_tiers_};
  }
  const ServerNetwork::Kind kind = InsideLink(link).kind;
  return kind == ServerNetwork::Kind::kPort
             ? TierTable::kScaleUp
             : TierIndex{TierTable::kFirstOwn.value + own_tier_[static_cast<std::size_t>(kind)]};
}

BytesPerSecond ServersTopology::capacity(LinkIndex link) const {
  return is_inside(link) ? InsideLink(link).capacity : between_->capacity(Between(link));
}

std::string ServersTopology::name(LinkIndex link) const {
  if (!is_inside(link)) {
    return between_->name(Between(link));
  }
  const ServerNetwork::Link& each = InsideLink(link);
  const int server = link.value / per_server();
  // The second tier of switches counts groups: more than one for each server.
  const int groups =
      site().server.network.group > 0 ? (server_size() - 1) / site().server.network.group + 1 : 0;
  const int first =
      server *
      (each.named_by == ServerNetwork::Machine::kSpine ? groups : inside_.nodes(each.named_by));
  return each.b < 0 ? fmt::format("{}[{}]", each.word, first + each.a)
                    : fmt::format("{}[{}->{}]", each.word, first + each.a, first + each.b);
}

bool ServersTopology::can_bind(LinkIndex link) const {
  if (!is_inside(link)) {
    return between_->can_bind(Between(link));
  }
  // Links to the second tier that carry all that a group can send.
  return InsideLink(link).kind != ServerNetwork::Kind::kSpine ||
         site().server.network.oversubscription > 1;
}

LinkIndex ServersTopology::scale_up_out(AcceleratorIndex a) const {
  CHECK(inside_.has_ports());
  return {server_of(a) * per_server() + inside_.port(local(a), /*out=*/true)};
}

LinkIndex ServersTopology::scale_up_in(AcceleratorIndex a) const {
  CHECK(inside_.has_ports());
  return {server_of(a) * per_server() + inside_.port(local(a), /*out=*/false)};
}

const ServerNetwork::Ring& ServersTopology::RingOf(
    std::span<const AcceleratorIndex> members) const {
  std::vector<int> locals;
  for (const AcceleratorIndex a : members) {
    locals.push_back(local(a));
  }
  return inside_.RingOf(locals);
}

std::int32_t ServersTopology::AppendRing(std::span<const AcceleratorIndex> members,
                                         std::vector<LinkLoad>& loads) const {
  if (members.size() < 2) {
    return 1;
  }
  const ServerNetwork::Ring& ring = RingOf(members);
  const int first = server_of(members.front()) * per_server();
  for (const auto& [link, weight] : ring.loads) {
    loads.push_back({{first + link}, weight});
  }
  return ring.parts;
}

Topology::DirectRing ServersTopology::AppendDirectRing(std::span<const AcceleratorIndex> members,
                                                       std::vector<LinkLoad>& /*loads*/) const {
  const bool inside = members.size() > 1 && same_domain(members.front(), members.back());
  return inside && site().server.network.is_torus() ? DirectRing{0, RingOf(members).steps}
                                                    : DirectRing{};
}

void ServersTopology::AppendInside(ServerIndex server, std::vector<LinkIndex>& route) const {
  for (const int link : scratch_) {
    route.push_back({server * per_server() + link});
  }
  scratch_.clear();
}

void ServersTopology::Renumber(std::size_t begin, std::vector<LinkIndex>& route) const {
  for (std::size_t i = begin; i < route.size(); ++i) {
    CHECK(route[i].value >= ports_);
    route[i].value += first_between_ - ports_;
  }
}

void ServersTopology::AppendRoute(AcceleratorIndex from, AcceleratorIndex to,
                                  std::uint64_t flow_hash, std::vector<LinkIndex>& route) const {
  CHECK(from != to);
  if (same_domain(from, to)) {
    inside_.AppendRoute(local(from), local(to), scratch_);
    return AppendInside(server_of(from), route);
  }
  std::vector<LinkIndex> between;
  between_->AppendRoute(from, to, flow_hash, between);
  AcceleratorIndex sender = from;
  std::erase_if(between, [&](LinkIndex link) {
    sender = link.value < ports_ ? SenderOf(sender, link) : sender;
    return link.value < ports_;
  });
  AppendToNicOf(from, sender, route);
  Renumber(0, between);
  route.insert(route.end(), between.begin(), between.end());
  inside_.AppendFromNic(local(to), scratch_);
  AppendInside(server_of(to), route);
}

AcceleratorIndex ServersTopology::SenderOf(AcceleratorIndex from, LinkIndex into) const {
  AcceleratorIndex sender = from;
  for (AcceleratorIndex a{from.value - local(from)}; server_of(a) == server_of(from); ++a.value) {
    sender = between_->scale_up_in(a) == into ? a : sender;
  }
  return sender;
}

void ServersTopology::AppendToNicOf(AcceleratorIndex from, AcceleratorIndex sender,
                                    std::vector<LinkIndex>& route) const {
  if (sender != from) {
    inside_.AppendRoute(local(from), local(sender), scratch_);
    AppendInside(server_of(from), route);
  }
  inside_.AppendToNic(local(sender), scratch_);
  AppendInside(server_of(from), route);
}

void ServersTopology::AppendShares(AcceleratorIndex from, AcceleratorIndex to,
                                   std::uint64_t flow_hash, std::span<const double> load,
                                   std::vector<LinkShare>& shares) const {
  if ((parts() == 1 && !adapts()) || same_domain(from, to)) {
    return Topology::AppendShares(from, to, flow_hash, load, shares);
  }
  // The load in the numbers of the topology between servers, which asks for none of its ports.
  std::vector<double> own;
  std::span<const double> between = load;
  if (!load.empty() && first_between_ >= ports_) {
    between = load.subspan(static_cast<std::size_t>(first_between_ - ports_));
  } else if (!load.empty()) {
    own.assign(static_cast<std::size_t>(between_->links()), 0.0);
    std::copy(load.begin() + first_between_, load.end(), own.begin() + ports_);
    between = own;
  }
  const std::size_t begin = shares.size();
  between_->AppendShares(from, to, flow_hash, between, shares);
  GoInside(from, to, begin, shares);
}

bool ServersTopology::AppendSharesAround(AcceleratorIndex from, AcceleratorIndex to,
                                         std::uint64_t flow_hash,
                                         const std::function<bool(LinkIndex)>& failed,
                                         std::vector<LinkShare>& shares) const {
  const std::size_t begin = shares.size();
  const auto failed_between = [&](LinkIndex link) {
    return link.value >= ports_ && failed({link.value + first_between_ - ports_});
  };
  if (!between_->AppendSharesAround(from, to, flow_hash, failed_between, shares)) {
    return false;
  }
  GoInside(from, to, begin, shares);
  const bool blocked = std::any_of(shares.begin() + static_cast<std::ptrdiff_t>(begin),
                                   shares.end(), [&](const LinkShare& share) {
                                     return failed(share.link);
                                   });
  if (blocked) {  // inside a server: all ways go there
    shares.resize(begin);
  }
  return !blocked;
}

void ServersTopology::GoInside(AcceleratorIndex from, AcceleratorIndex to, std::size_t begin,
                               std::vector<LinkShare>& shares) const {
  AcceleratorIndex sender = from;
  auto kept = shares.begin() + static_cast<std::ptrdiff_t>(begin);
  for (auto share = kept; share != shares.end(); ++share) {
    if (share->link.value < ports_) {
      sender = SenderOf(sender, share->link);
      continue;
    }
    *kept++ = {{share->link.value + first_between_ - ports_}, share->parts};
  }
  shares.erase(kept, shares.end());
  std::vector<LinkIndex> inside;
  AppendToNicOf(from, sender, inside);
  inside_.AppendFromNic(local(to), scratch_);
  AppendInside(server_of(to), inside);
  for (const LinkIndex link : inside) {
    shares.push_back({link, parts()});
  }
}

void ServersTopology::AppendExit(AcceleratorIndex from, std::uint64_t flow_hash,
                                 std::vector<LinkIndex>& route) const {
  inside_.AppendToNic(local(from), scratch_);
  AppendInside(server_of(from), route);
  const std::size_t begin = route.size();
  between_->AppendExit(from, flow_hash, route);
  Renumber(begin, route);
}

void ServersTopology::AppendEntry(AcceleratorIndex to, std::uint64_t flow_hash,
                                  std::vector<LinkIndex>& route) const {
  const std::size_t begin = route.size();
  between_->AppendEntry(to, flow_hash, route);
  Renumber(begin, route);
  inside_.AppendFromNic(local(to), scratch_);
  AppendInside(server_of(to), route);
}

namespace {

using Machine = ServerNetwork::Machine;

constexpr std::array<const char*, ServerNetwork::kMachines> kNodeNames = {
    "accelerator", "scale_up_spine", "pcie_switch", "socket", "nic", "chip"};

constexpr std::array<const char*, ServerNetwork::kKinds> kCableNames = {
    "scale-up links",   "scale-up spine links", "mesh links",    "PCIe links",
    "links of sockets", "host memory",          "links of cores"};

/// Machines of all servers among those of the site.
class Machines {
 public:
  explicit Machines(const ServersTopology& topology) : inside_(topology.inside()) {}

  std::array<int, ServerNetwork::kMachines>
      first{};       ///< of each kind, in the numbering of the site
  int switches = 0;  ///< first scale-up switch, one per server

  /// A machine of one server, numbered as in ServerNetwork; -1 stands for its scale-up switch.
  [[nodiscard]] int At(int server, int node) const {
    if (node < 0) {
      return switches + server;
    }
    int kind = 0;
    while (node >= inside_.nodes(static_cast<Machine>(kind))) {
      node -= inside_.nodes(static_cast<Machine>(kind));
      ++kind;
    }
    return first[static_cast<std::size_t>(kind)] +
           server * inside_.nodes(static_cast<Machine>(kind)) + node;
  }

 private:
  const ServerNetwork& inside_;
};

bool IsOwn(Machine kind) {
  return kind == Machine::kSpine || kind == Machine::kPcieSwitch || kind == Machine::kSocket ||
         kind == Machine::kChip;
}

}  // namespace

// The scale-up switches and the attachments of the topology between servers give way to what is
// really there. One cable stands for both directions of a link.
Wiring ServersTopology::wiring() const {
  const Wiring plain = between_->wiring();
  Wiring wiring;
  Machines machines(*this);
  std::vector<int> moved;  // vertex by old vertex; -1: gone
  int next = 0;
  for (const Wiring::NodeKind& kind : plain.node_kinds) {
    const bool goes = kind.name == RouteGraph::kScaleUpSwitch && !inside_.has_ports();
    if (kind.name == RouteGraph::kScaleUpSwitch) {
      machines.switches = next;
    }
    const auto* const own = std::find(kNodeNames.begin(), kNodeNames.end(), kind.name);
    if (own != kNodeNames.end()) {
      machines.first[static_cast<std::size_t>(own - kNodeNames.begin())] = next;
    }
    for (int i = 0; i < kind.count; ++i) {
      moved.push_back(goes ? -1 : next++);
    }
    wiring.node_kinds.push_back({kind.name, goes ? 0 : kind.count});
  }
  for (int kind = 0; kind < ServerNetwork::kMachines; ++kind) {
    if (IsOwn(static_cast<Machine>(kind)) && inside_.nodes(static_cast<Machine>(kind)) > 0) {
      machines.first[static_cast<std::size_t>(kind)] = next;
      const int count = servers() * inside_.nodes(static_cast<Machine>(kind));
      wiring.node_kinds.push_back({kNodeNames[static_cast<std::size_t>(kind)], count});
      next += count;
    }
  }
  wiring.cable_kinds = plain.cable_kinds;
  for (const Wiring::Cable& cable : plain.cables) {
    const bool attachment = plain.cable_kinds[cable.kind].inside;
    const bool port = plain.cable_kinds[cable.kind].name == kCableNames[0];
    if (!(attachment && inside_.has_pcie()) && !(port && !inside_.has_ports())) {
      Wiring::Cable kept = cable;
      kept.a = moved[cable.a];
      kept.b = moved[cable.b];
      wiring.cables.push_back(kept);
    }
  }
  for (std::size_t kind = 1; kind < kCableNames.size(); ++kind) {
    wiring.cable_kinds.push_back({kCableNames[kind]});
  }
  const auto own = static_cast<int>(plain.cable_kinds.size()) - 1;
  for (int server = 0; server < servers(); ++server) {
    for (const ServerNetwork::Link& link : inside_.links()) {
      const bool once = link.b < 0 ? !link.back : link.a < link.b;
      if (once && link.kind != ServerNetwork::Kind::kPort &&
          link.kind != ServerNetwork::Kind::kHostMemory) {
        wiring.cables.push_back({own + static_cast<int>(link.kind), machines.At(server, link.from),
                                 machines.At(server, link.to), link.parallel, link.capacity});
      }
    }
  }
  return wiring;
}

CutProblem ServersTopology::cut_problem() const {
  return between_->cut_problem();
}

LinkEnds ServersTopology::ends(LinkIndex link) const {
  if (!is_inside(link)) {
    return between_->ends(Between(link));
  }
  const ServerNetwork::Link& each = InsideLink(link);
  const int server = link.value / per_server();
  if (each.kind == ServerNetwork::Kind::kHostMemory) {
    return {name(link), name(link)};
  }
  const auto name_of = [&](int node) {
    if (node < 0) {
      return fmt::format("{}{}", RouteGraph::kScaleUpSwitch, server);
    }
    int kind = 0;
    while (node >= inside_.nodes(static_cast<Machine>(kind))) {
      node -= inside_.nodes(static_cast<Machine>(kind));
      ++kind;
    }
    return fmt::format("{}{}", kNodeNames[static_cast<std::size_t>(kind)],
                       server * inside_.nodes(static_cast<Machine>(kind)) + node);
  };
  return {name_of(each.from), name_of(each.to)};
}

RouteGraph ServersTopology::route_graph() const {
  const RouteGraph plain = between_->route_graph();
  RouteGraph graph;
  graph.hashed = plain.hashed;
  graph.sprayed = plain.sprayed;
  std::vector<int> moved;
  for (const RouteGraph::Node& node : plain.nodes) {
    const auto at = static_cast<int>(graph.nodes.size());
    const bool goes = node.kind == RouteGraph::kScaleUpSwitch && !inside_.has_ports();
    moved.push_back(goes ? -1 : at);
    if (!goes) {
      graph.nodes.push_back(node);
    }
  }
  for (int kind = 0; kind < ServerNetwork::kMachines; ++kind) {
    const char* const name = kNodeNames[static_cast<std::size_t>(kind)];
    if (IsOwn(static_cast<Machine>(kind))) {
      for (int i = 0; i < servers() * inside_.nodes(static_cast<Machine>(kind)); ++i) {
        graph.nodes.push_back({fmt::format("{}{}", name, i), name});
      }
    }
  }
  LinkEdges edges(*this, graph);
  for (LinkIndex link{0}; link.value < first_between_; ++link.value) {
    if (InsideLink(link).kind != ServerNetwork::Kind::kHostMemory) {
      edges.Add(link);
    }
  }
  for (const RouteGraph::Edge& edge : plain.edges) {
    const bool drawn = edge.tier == "scale_up" || (edge.attachment() && inside_.has_pcie());
    if (!drawn) {
      RouteGraph::Edge kept = edge;
      kept.from = moved[edge.from];
      kept.to = moved[edge.to];
      graph.edges.push_back(std::move(kept));
    }
  }
  return graph;
}

}  // namespace gridlock
