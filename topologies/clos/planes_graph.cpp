#include <utility>

#include <fmt/format.h>

#include "topologies/clos/graph.h"
#include "topologies/clos/planes.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/listed/link_edges.h"
#include "topologies/listed/route_graph.h"

namespace gridlock {

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
