#include "topologies/graph.h"

#include <utility>

#include <fmt/format.h>

#include "topologies/cut.h"
#include "topologies/hyperx/ports.h"
#include "topologies/hyperx/topology.h"
#include "topologies/listed/route_graph.h"

namespace gridlock {

Wiring HyperXTopology::wiring() const {
  Wiring wiring;
  wiring.node_kinds = {{"accelerator", accelerators()},
                       {"scale_up_switch", servers()},
                       {"nic", nics_},
                       {"router", routers_}};
  wiring.cable_kinds = {{"", /*inside=*/true}, {"scale-up links"}, {"NIC - router"}};
  for (int d = 0; d < dimensions(); ++d) {
    wiring.cable_kinds.push_back({fmt::format("links along {}", "xyz"[d])});
  }
  const int domain = accelerators();
  const int nic = domain + servers();
  const int router = nic + nics_;
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    wiring.cables.push_back({kScaleUpCable, a.value, domain + server_of(a), 1,
                             site().server.accelerator.scale_up_bandwidth});
    wiring.cables.push_back({kAttachment, a.value, nic + nic_of(a), 1, nic_bandwidth()});
  }
  const auto ports = static_cast<int>(PortsOf(site()).nic);
  for (int n = 0; n < nics_; ++n) {
    const int at = n / nics_per_server_ / hyperx().servers_per_router;
    wiring.cables.push_back({kNicCable, nic + n, router + at, ports, nic_bandwidth()});
  }
  for (LinkIndex link{first_mesh_[0]}; link.value < links(); ++link.value) {
    const Hop hop = HopOf(link);
    if (hop.from < hop.to) {
      wiring.cables.push_back({kMesh + hop.dimension, router + hop.from, router + hop.to,
                               hyperx().links_between, link_bandwidth()});
    }
  }
  return wiring;
}

CutProblem HyperXTopology::cut_problem() const {
  CutProblem problem;
  problem.vertices = routers_;
  for (LinkIndex link{first_mesh_[0]}; link.value < links(); ++link.value) {
    const Hop hop = HopOf(link);
    if (hop.from < hop.to) {
      problem.edges.push_back({hop.from, hop.to, link_bandwidth().si()});
    }
  }
  const int per_router = hyperx().servers_per_router;
  for (int n = 0; n < nics_; ++n) {
    problem.terminals.push_back({n / nics_per_server_ / per_router, nic_bandwidth().si()});
  }
  problem.port = site().server.accelerator.scale_up_bandwidth.si();
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    if (a.value % server_size() == 0) {
      problem.domains.emplace_back();
    }
    problem.domains.back().push_back(nic_of(a));
  }
  for (int d = 0; d < dimensions() && servers() > 1; ++d) {
    problem.halvings.push_back(
        HalveServers(fmt::format("first half along {} | second half", "xyz"[d]), servers(),
                     nics_per_server_, [&](ServerIndex server) {
                       return CoordinatesOf(server / per_router)[d];
                     }));
  }
  return problem;
}

// Shortest paths along the dimensions in their order: an edge's preference is its dimension.
RouteGraph HyperXTopology::route_graph() const {
  RouteGraph graph;
  const auto add_nodes = [&](const char* kind, int count, Seconds latency, bool border) {
    const auto first = static_cast<std::int32_t>(graph.nodes.size());
    for (int i = 0; i < count; ++i) {
      graph.nodes.push_back({fmt::format("{}{}", kind, i), kind, -1, latency, border});
    }
    return first;
  };
  add_nodes(RouteGraph::kAccelerator, accelerators(), Seconds(0), false);
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    graph.nodes[a.value].server = server_of(a);
  }
  const int domain = add_nodes(RouteGraph::kScaleUpSwitch, servers(), Seconds(0), false);
  const int nic = add_nodes("nic", nics_, Seconds(0), false);
  const int router = add_nodes("router", routers_, hyperx().router.latency, /*border=*/true);
  const TierTable table(tiers());
  const auto add = [&](LinkIndex link, int from, int to, int preference = 0) {
    RouteGraph::Edge edge{name(link), from, to, table[tier(link)].name, capacity(link)};
    edge.preference = preference;
    graph.edges.push_back(std::move(edge));
  };
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    add(scale_up_out(a), a.value, domain + server_of(a));
  }
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    add(scale_up_in(a), domain + server_of(a), a.value);
  }
  for (const bool up : {true, false}) {
    for (int n = 0; n < nics_; ++n) {
      const int at = router + n / nics_per_server_ / hyperx().servers_per_router;
      add({first_nic() + (up ? 0 : nics_) + n}, up ? nic + n : at, up ? at : nic + n);
    }
  }
  for (LinkIndex link{first_mesh_[0]}; link.value < links(); ++link.value) {
    const Hop hop = HopOf(link);
    add(link, router + hop.from, router + hop.to, hop.dimension);
  }
  for (AcceleratorIndex a{0}; a.value < accelerators(); ++a.value) {
    graph.edges.push_back({fmt::format("out[{}]", a.value), a.value, nic + nic_of(a), ""});
    graph.edges.push_back({fmt::format("in[{}]", a.value), nic + nic_of(a), a.value, ""});
  }
  return graph;
}

}  // namespace gridlock
