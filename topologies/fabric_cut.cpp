// GCC 12 takes Boost's optional edge iterator for uninitialised when it is inlined here.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/boykov_kolmogorov_max_flow.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/fabric_bgl.h"
#include "topologies/fabric_graph.h"

namespace gridlock {

namespace {

// Which accelerators stand on the first side, by NIC: accelerators that share a NIC stay together.
struct Halving {
  std::string name;
  std::vector<bool> first_side;  ///< by NIC
};

// Cuts the servers, taken in the order of `key`, into a first and a second half. An order rather
// than a rule, so that the halves are even whatever is partly filled.
template <typename Key>
Halving HalveServers(const Fabric& fabric, std::string name, Key key) {
  std::vector<int> order(static_cast<std::size_t>(fabric.servers()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return key(a) < key(b);
  });
  const int nics = fabric.layout().nics_per_server;
  Halving halving{std::move(name), std::vector<bool>(static_cast<std::size_t>(fabric.nics()))};
  for (std::size_t i = 0; i < order.size() / 2; ++i) {
    for (int nic = 0; nic < nics; ++nic) {
      halving.first_side[static_cast<std::size_t>(order[i] * nics + nic)] = true;
    }
  }
  return halving;
}

std::vector<Halving> NamedHalvings(const Fabric& fabric) {
  const int servers = fabric.servers();
  const int nics = fabric.layout().nics_per_server;
  std::vector<Halving> halvings;
  if (servers > 1) {
    const int per_leaf = fabric.site().clos.servers_per_leaf;
    const auto pod = [&](int server) {
      return fabric.pod_of_leaf(fabric.leaf_of_nic(server * nics));
    };
    halvings.push_back(
        HalveServers(fabric, "first half of the servers | second half", [](int server) {
          return server;
        }));
    halvings.push_back(
        HalveServers(fabric, "middle half of the servers | both ends", [&](int server) {
          return std::abs(2 * server - servers + 1);
        }));
    halvings.push_back(HalveServers(fabric, "even | odd servers", [](int server) {
      return server % 2;
    }));
    halvings.push_back(HalveServers(fabric, "even | odd leaves", [&](int server) {
      return server / per_leaf % 2;
    }));
    if (fabric.pods() > 1) {
      halvings.push_back(HalveServers(fabric, "even | odd pods", [&](int server) {
        return pod(server) % 2;
      }));
    }
  }
  if (nics % 2 == 0) {
    Halving rails{"first half of the rails | second half",
                  std::vector<bool>(static_cast<std::size_t>(fabric.nics()))};
    for (int nic = 0; nic < fabric.nics(); ++nic) {
      rails.first_side[static_cast<std::size_t>(nic)] = nic % nics < nics / 2;
    }
    halvings.push_back(std::move(rails));
  }
  return halvings;
}

// Max flow needs whole numbers to be exact: capacities in byte/s, or coarser when their sum would
// not fit 62 bits.
using FlowTraits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;

struct FlowVertex {
  FlowTraits::edge_descriptor predecessor;
  boost::default_color_type colour = boost::white_color;
  std::int64_t distance = 0;
};

struct FlowEdge {
  std::int64_t capacity = 0;
  std::int64_t residual = 0;
  FlowTraits::edge_descriptor reverse;
};

using FlowGraph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, FlowVertex, FlowEdge>;

class FlowNetwork {
 public:
  FlowNetwork(int vertices, double unit)
      : graph_(static_cast<std::size_t>(vertices)), unit_(unit) {}

  // A cable: the same capacity (byte/s) both ways. A one-way edge has nothing back.
  void Connect(int a, int b, double capacity, double back) {
    const auto forth = boost::add_edge(static_cast<std::size_t>(a), static_cast<std::size_t>(b),
                                       {InUnits(capacity), 0, {}}, graph_)
                           .first;
    const auto reverse = boost::add_edge(static_cast<std::size_t>(b), static_cast<std::size_t>(a),
                                         {InUnits(back), 0, {}}, graph_)
                             .first;
    graph_[forth].reverse = reverse;
    graph_[reverse].reverse = forth;
  }

  // Byte/s from source to sink.
  double MaxFlow(int source, int sink) {
    const std::int64_t flow = boost::boykov_kolmogorov_max_flow(
        graph_, boost::get(&FlowEdge::capacity, graph_), boost::get(&FlowEdge::residual, graph_),
        boost::get(&FlowEdge::reverse, graph_), boost::get(&FlowVertex::predecessor, graph_),
        boost::get(&FlowVertex::colour, graph_), boost::get(&FlowVertex::distance, graph_),
        boost::get(boost::vertex_index, graph_), static_cast<std::size_t>(source),
        static_cast<std::size_t>(sink));
    return static_cast<double>(flow) * unit_;
  }

 private:
  [[nodiscard]] std::int64_t InUnits(double capacity) const {
    return std::llround(capacity / unit_);
  }

  FlowGraph graph_;
  double unit_;  ///< byte/s
};

// Flow that crosses inside the scale-up domains: each is a star, so the narrower side decides.
double ScaleUpCut(const Fabric& fabric, const Halving& halving) {
  const double port = fabric.site().server.accelerator.scale_up_bandwidth.si();
  double total = 0.0;
  for (int server = 0; server < fabric.servers(); ++server) {
    int first_side = 0;
    for (int i = 0; i < fabric.domain_size(); ++i) {
      const int nic = fabric.nic_of({server * fabric.domain_size() + i});
      first_side += halving.first_side[static_cast<std::size_t>(nic)] ? 1 : 0;
    }
    total += port * std::min(first_side, fabric.domain_size() - first_side);
  }
  return total;
}

// What every halving shares: the trunk of switches, and the NICs under each leaf.
struct Trunk {
  struct Edge {
    int a, b;         ///< vertices: leaves, then spines, then one for the cores of each plane
    double capacity;  ///< byte/s each way
  };

  struct Nic {
    int nic, leaf;
    double capacity;  ///< byte/s each way
  };

  int vertices = 0;
  int leaves = 0;
  std::vector<Edge> edges;
  std::vector<Nic> nics;
};

// The cores of a plane have the same neighbours over the same bandwidths, so a flow may as well be
// spread over them evenly: one vertex stands for all of them, and no max flow changes.
Trunk TrunkOf(const FabricGraph& graph) {
  const auto& bgl = graph.bgl().graph;
  const int spines = graph.nodes(NodeKind::kSpine);
  const int planes = graph.fabric().spines_per_pod();
  Trunk trunk;
  trunk.leaves = graph.nodes(NodeKind::kLeaf);
  trunk.vertices = trunk.leaves + spines + planes;
  std::vector<double> to_cores(static_cast<std::size_t>(spines));
  for (const auto& edge : boost::make_iterator_range(boost::edges(bgl))) {
    const Node& lower = bgl[boost::source(edge, bgl)];
    const Node& upper = bgl[boost::target(edge, bgl)];
    const Link& link = bgl[edge];
    if (link.kind == CableKind::kNic) {
      trunk.nics.push_back({lower.index, upper.index, link.capacity.si()});
    } else if (link.kind == CableKind::kLeaf) {
      trunk.edges.push_back({lower.index, trunk.leaves + upper.index, link.capacity.si()});
    } else if (link.kind == CableKind::kSpine) {
      to_cores[static_cast<std::size_t>(lower.index)] += link.capacity.si();
    }
  }
  if (graph.nodes(NodeKind::kCore) > 0) {
    for (int spine = 0; spine < spines; ++spine) {
      trunk.edges.push_back({trunk.leaves + spine, trunk.leaves + spines + spine % planes,
                             to_cores[static_cast<std::size_t>(spine)]});
    }
  }
  return trunk;
}

// Source -> switches -> sink. A NIC hangs on one leaf only, so those of one side under a leaf add
// up to one edge.
double SwitchedCut(const Trunk& trunk, const Halving& halving, double unit) {
  const int source = trunk.vertices;
  const int sink = trunk.vertices + 1;
  std::vector<std::array<double, 2>> below(static_cast<std::size_t>(trunk.leaves));
  for (const Trunk::Nic& nic : trunk.nics) {
    const std::size_t side = halving.first_side[static_cast<std::size_t>(nic.nic)] ? 0 : 1;
    below[static_cast<std::size_t>(nic.leaf)][side] += nic.capacity;
  }
  FlowNetwork network(trunk.vertices + 2, unit);
  for (const Trunk::Edge& edge : trunk.edges) {
    network.Connect(edge.a, edge.b, edge.capacity, edge.capacity);
  }
  double local = 0.0;
  double supply = 0.0;
  double demand = 0.0;
  for (int leaf = 0; leaf < trunk.leaves; ++leaf) {
    // What turns round in the leaf itself always may: it takes no link that others want.
    const auto& [first, second] = below[static_cast<std::size_t>(leaf)];
    const double turned = std::min(first, second);
    local += turned;
    supply += first - turned;
    demand += second - turned;
    network.Connect(source, leaf, first - turned, 0.0);
    network.Connect(leaf, sink, second - turned, 0.0);
  }
  return supply > 0.0 && demand > 0.0 ? local + network.MaxFlow(source, sink) : local;
}

// Byte/s per whole number, so that the flow out of the source fits 62 bits.
double FlowUnit(const Fabric& fabric) {
  const double total = fabric.nics() * fabric.layout().nic_bandwidth.si();
  constexpr double kMost = 4e18;
  return std::max(1.0, total / kMost);
}

}  // namespace

CutBound BestKnownCut(const FabricGraph& graph) {
  const Fabric& fabric = graph.fabric();
  const Trunk trunk = TrunkOf(graph);
  CutBound bound;
  for (const Halving& halving : NamedHalvings(fabric)) {
    const double bandwidth =
        ScaleUpCut(fabric, halving) + SwitchedCut(trunk, halving, FlowUnit(fabric));
    bound.tried.push_back({halving.name, BytesPerSecond(bandwidth)});
  }
  if (!bound.tried.empty()) {
    bound.best =
        *std::min_element(bound.tried.begin(), bound.tried.end(), [](const Cut& a, const Cut& b) {
          return a.bandwidth < b.bandwidth;
        });
  }
  return bound;
}

std::string DescribeCut(const CutBound& cut) {
  if (cut.tried.empty()) {
    return "no cut: there are no two halves that do not share a NIC";
  }
  return fmt::format(
      "best known cut {} per direction ({}): an upper bound of the bisection bandwidth, the least "
      "of {} halvings tried",
      FormatBandwidth(cut.best.bandwidth), cut.best.halving, cut.tried.size());
}

}  // namespace gridlock
