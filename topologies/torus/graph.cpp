#include "topologies/graph.h"

#include <utility>

#include <fmt/format.h>

#include "topologies/cut.h"
#include "topologies/listed/link_edges.h"
#include "topologies/listed/route_graph.h"
#include "topologies/torus/topology.h"

namespace gridlock {

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
