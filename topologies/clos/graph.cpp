#include "topologies/clos/graph.h"

#include <array>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/clos/topology.h"
#include "topologies/cut.h"
#include "topologies/graph.h"
#include "topologies/listed/link_edges.h"
#include "topologies/listed/route_graph.h"

namespace gridlock {

namespace {

// Adds the cables of a Clos tier by tier, in a fixed order.
class Wirer {
 public:
  Wirer(const ClosTopology& clos, Wiring& wiring)
      : clos_(clos), layout_(clos.layout()), wiring_(wiring) {
    wiring_.node_kinds = {{"accelerator", clos.accelerators()},
                          {"scale_up_switch", clos.servers()},
                          {"nic", clos.nics()},
                          {"leaf", clos.leaves()},
                          {"spine", clos.spines()},
                          {"core", clos.cores()}};
    wiring_.cable_kinds = {{"", /*inside=*/true},
                           {"scale-up links"},
                           {"NIC - leaf"},
                           {"leaf - spine"},
                           {"spine - core"}};
    for (int kind = 0, next = 0; kind < ClosNodes::kKinds; ++kind) {
      first_[kind] = next;
      next += wiring_.node_kinds[kind].count;
    }
  }

  void WireServers();
  void WireLeaves();
  void WireSpines();

 private:
  void Connect(int kind, int a, int b, int parallel, BytesPerSecond capacity) {
    wiring_.cables.push_back({kind, a, b, parallel, capacity});
  }

  [[nodiscard]] int Vertex(int kind, int index) const { return first_[kind] + index; }

  const ClosTopology& clos_;
  const ClosLayout& layout_;
  Wiring& wiring_;
  std::array<int, ClosNodes::kKinds> first_{};
};

void Wirer::WireServers() {
  const BytesPerSecond scale_up = clos_.site().server.accelerator.scale_up_bandwidth;
  for (AcceleratorIndex a{0}; a.value < clos_.accelerators(); ++a.value) {
    const int accelerator = Vertex(ClosNodes::kAccelerator, a.value);
    Connect(ClosCables::kScaleUp, accelerator,
            Vertex(ClosNodes::kScaleUpSwitch, clos_.server_of(a)), 1, scale_up);
    Connect(ClosCables::kAttachment, accelerator, Vertex(ClosNodes::kNic, clos_.nic_of(a)), 1,
            layout_.nic_bandwidth);
  }
  for (int nic = 0; nic < clos_.nics(); ++nic) {
    Connect(ClosCables::kNic, Vertex(ClosNodes::kNic, nic),
            Vertex(ClosNodes::kLeaf, clos_.leaf_of_nic(nic)), layout_.ports_per_nic,
            layout_.nic_bandwidth);
  }
}

void Wirer::WireLeaves() {
  const int parallel = layout_.links_per_spine;
  for (int leaf = 0; leaf < clos_.leaves(); ++leaf) {
    const int first_spine = clos_.pod_of_leaf(leaf) * layout_.spines_per_pod;
    for (int s = 0; s < layout_.spines_per_pod; ++s) {
      Connect(ClosCables::kLeaf, Vertex(ClosNodes::kLeaf, leaf),
              Vertex(ClosNodes::kSpine, first_spine + s), parallel, layout_.leaf_uplink * parallel);
    }
  }
}

void Wirer::WireSpines() {
  const int parallel = layout_.links_per_core;
  for (int spine = 0; spine < clos_.spines(); ++spine) {
    const int plane = spine % layout_.spines_per_pod;
    for (int k = 0; k < layout_.cores_per_plane; ++k) {
      Connect(ClosCables::kSpine, Vertex(ClosNodes::kSpine, spine),
              Vertex(ClosNodes::kCore, plane * layout_.cores_per_plane + k), parallel,
              layout_.spine_uplink * parallel);
    }
  }
}

std::vector<CutProblem::Halving> NamedHalvings(const ClosTopology& clos) {
  const int servers = clos.servers();
  const int nics = clos.layout().nics_per_server;
  std::vector<CutProblem::Halving> halvings;
  const auto halve = [&](const char* name, const std::function<int(ServerIndex)>& key) {
    halvings.push_back(HalveServers(name, servers, nics, key));
  };
  if (servers > 1) {
    const int per_leaf = clos.clos().servers_per_leaf;
    halve("first half of the servers | second half", [](ServerIndex server) {
      return server;
    });
    halve("middle half of the servers | both ends", [servers](ServerIndex server) {
      return std::abs(2 * server - servers + 1);
    });
    halve("even | odd servers", [](ServerIndex server) {
      return server % 2;
    });
    halve("even | odd leaves", [per_leaf](ServerIndex server) {
      return server / per_leaf % 2;
    });
    if (clos.pods() > 1) {
      halve("even | odd pods", [&](ServerIndex server) {
        return clos.pod_of_leaf(clos.leaf_of_nic(server * nics)) % 2;
      });
    }
  }
  if (nics % 2 == 0) {
    CutProblem::Halving rails{"first half of the rails | second half",
                              std::vector<bool>(static_cast<std::size_t>(clos.nics()))};
    for (int nic = 0; nic < clos.nics(); ++nic) {
      rails.first_side[static_cast<std::size_t>(nic)] = nic % nics < nics / 2;
    }
    halvings.push_back(std::move(rails));
  }
  return halvings;
}

}  // namespace

namespace {

// Adds nodes of one kind; returns the first.
std::int32_t AddNodes(RouteGraph& graph, const std::string& kind, int count, Seconds latency,
                      bool border = false) {
  const auto first = static_cast<std::int32_t>(graph.nodes.size());
  for (int i = 0; i < count; ++i) {
    graph.nodes.push_back({fmt::format("{}{}", kind, i), kind, -1, latency, border});
  }
  return first;
}

// With spraying the spines of a pod are one machine, and so are all cores.
const char* SpineKind(bool sprayed) {
  return sprayed ? "pod_spines" : "spine";
}

const char* CoreKind(bool sprayed) {
  return sprayed ? "cores" : "core";
}

}  // namespace

LinkEnds EndsInClos(const ClosTopology& clos, LinkIndex link) {
  const ClosLinks& links = clos.numbering();
  const ClosLinks::Family way = links.family(link);
  const int i = links.position(link);
  const bool sprayed = clos.clos().routing == Routing::kSpray;
  LinkEnds ends;
  const auto join = [&ends](const char* lower, const char* upper, std::pair<int, int> numbers) {
    ends = {fmt::format("{}{}", lower, numbers.first), fmt::format("{}{}", upper, numbers.second)};
  };
  switch (way) {
    case ClosLinks::kScaleUpOut:
    case ClosLinks::kScaleUpIn:
      join(RouteGraph::kAccelerator, RouteGraph::kScaleUpSwitch, {i, clos.server_of({i})});
      break;
    case ClosLinks::kNicUp:
    case ClosLinks::kNicDown:
      join("nic", "leaf", {i, clos.leaf_of_nic(i)});
      break;
    case ClosLinks::kLeafUp:
    case ClosLinks::kLeafDown:
      join("leaf", SpineKind(sprayed), links.LeafAndSpine(i));
      break;
    case ClosLinks::kSpineUp:
    case ClosLinks::kSpineDown:
      join(SpineKind(sprayed), CoreKind(sprayed), links.SpineAndCore(i));
      break;
    case ClosLinks::kFamilies:
      CHECK(false);
  }
  if (way % 2 == 1) {
    std::swap(ends.from, ends.to);
  }
  return ends;
}

RouteGraph RouteGraphOfClos(const ClosTopology& clos) {
  RouteGraph graph;
  const ClosSpec& spec = clos.clos();
  const bool spray = spec.routing == Routing::kSpray;
  const bool three = spec.tiers == 3;
  graph.hashed = !spray;
  graph.by_destination = spec.routing == Routing::kDestination;
  AddNodes(graph, RouteGraph::kAccelerator, clos.accelerators(), Seconds(0));
  for (int a = 0; a < clos.accelerators(); ++a) {
    graph.nodes[a].server = clos.server_of({a});
  }
  AddNodes(graph, RouteGraph::kScaleUpSwitch, clos.servers(), Seconds(0));
  const std::int32_t first_nic = AddNodes(graph, "nic", clos.nics(), Seconds(0));
  AddNodes(graph, "leaf", clos.leaves(), spec.leaf.latency, spec.tiers == 1);
  AddNodes(graph, SpineKind(spray), spray ? (spec.tiers >= 2 ? clos.pods() : 0) : clos.spines(),
           spec.spine.latency, !three);
  AddNodes(graph, CoreKind(spray), spray ? (three ? 1 : 0) : clos.cores(), spec.core.latency,
           three);
  LinkEdges edges(clos, graph);
  for (LinkIndex link{0}; link < clos.links(); ++link) {
    edges.Add(link).stream =
        static_cast<std::int32_t>(ClosLinks::StreamOf(clos.numbering().family(link)));
  }
  const auto attach = [&graph](int from, int to) {
    graph.edges.push_back({fmt::format("attachment[{}]", graph.edges.size()), from, to, ""});
  };
  for (AcceleratorIndex a{0}; a.value < clos.accelerators(); ++a.value) {
    attach(a.value, first_nic + clos.nic_of(a));
    attach(first_nic + clos.nic_of(a), a.value);
  }
  return graph;
}

Wiring WiringOfClos(const ClosTopology& clos) {
  Wiring wiring;
  Wirer wirer(clos, wiring);
  wirer.WireServers();
  wirer.WireLeaves();
  wirer.WireSpines();
  return wiring;
}

// The trunk: leaves, then spines, then one vertex for the cores of each plane. The cores of a plane
// have the same neighbours over the same bandwidths, so a flow may as well be spread over them
// evenly, and no max flow changes.
CutProblem CutOfClos(const ClosTopology& clos) {
  CutProblem problem;
  problem.vertices = clos.leaves() + clos.spines() + clos.spines_per_pod();
  for (int leaf = 0; leaf < clos.leaves(); ++leaf) {
    const int first_spine = clos.leaves() + clos.pod_of_leaf(leaf) * clos.spines_per_pod();
    for (int s = 0; s < clos.spines_per_pod(); ++s) {
      problem.edges.push_back({leaf, first_spine + s,
                               (clos.layout().leaf_uplink * clos.layout().links_per_spine).si()});
    }
  }
  for (int spine = 0; clos.cores() > 0 && spine < clos.spines(); ++spine) {
    problem.edges.push_back({clos.leaves() + spine,
                             clos.leaves() + clos.spines() + spine % clos.spines_per_pod(),
                             (clos.layout().spine_uplink * clos.layout().uplinks_per_spine).si()});
  }
  for (int nic = 0; nic < clos.nics(); ++nic) {
    problem.terminals.push_back({clos.leaf_of_nic(nic), clos.layout().nic_bandwidth.si()});
  }
  problem.port = clos.site().server.accelerator.scale_up_bandwidth.si();
  for (AcceleratorIndex a{0}; a.value < clos.accelerators(); ++a.value) {
    if (a.value % clos.server_size() == 0) {
      problem.domains.emplace_back();
    }
    problem.domains.back().push_back(clos.nic_of(a));
  }
  problem.halvings = NamedHalvings(clos);
  return problem;
}

}  // namespace gridlock
