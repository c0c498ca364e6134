#include "topologies/graph.h"

#include <utility>

#include <fmt/format.h>

#include "topologies/cut.h"
#include "topologies/listed/link_edges.h"
#include "topologies/listed/route_graph.h"
#include "topologies/routers/topology.h"

namespace gridlock {

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
