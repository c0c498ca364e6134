// A topology written out, with the machines and links inside its servers in place of ideal ports.

#include "topologies/graph.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "topologies/cut.h"
#include "topologies/listed/link_edges.h"
#include "topologies/listed/route_graph.h"
#include "topologies/scale_up/topology.h"

namespace gridlock {

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
