#include "topologies/paths.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "sim/base/check.h"

namespace gridlock {

namespace {

constexpr std::array<std::string_view, 8> kInServers = {
    "accelerator", "scale_up_switch", "scale_up_spine", "pcie_switch", "socket",
    "nic",         "nic_out",         "nic_in"};

// The kind of node of each vertex.
std::vector<int> KindsOf(const Wiring& wiring) {
  std::vector<int> kinds;
  for (std::size_t kind = 0; kind < wiring.node_kinds.size(); ++kind) {
    kinds.insert(kinds.end(), static_cast<std::size_t>(wiring.node_kinds[kind].count),
                 static_cast<int>(kind));
  }
  return kinds;
}

std::vector<bool> InServers(const Wiring& wiring) {
  std::vector<bool> in_server;
  for (const Wiring::NodeKind& kind : wiring.node_kinds) {
    in_server.insert(in_server.end(), static_cast<std::size_t>(kind.count),
                     StandsInServer(kind.name));
  }
  return in_server;
}

int RootOf(std::vector<int>& parent, int at) {
  while (parent[at] != at) {
    parent[at] = parent[parent[at]];
    at = parent[at];
  }
  return at;
}

// The graph of servers and switches, or of the accelerators of a direct network: each server is one
// node.
class Contracted {
 public:
  Contracted(const Topology& topology, const FabricGraph& graph)
      : direct_(topology.site().server.direct) {
    const Wiring& wiring = graph.wiring();
    std::vector<int> node(static_cast<std::size_t>(graph.vertices()));
    std::iota(node.begin(), node.end(), 0);
    const std::vector<bool> in_server = InServers(wiring);
    const auto chip = [&graph](int vertex) {
      return vertex < graph.nodes(0);
    };
    // The NICs of a direct network are ways to other sites alone.
    const auto inside = [&](const Wiring::Cable& cable) {
      return direct_
                 ? (in_server[cable.a] && !chip(cable.a)) || (in_server[cable.b] && !chip(cable.b))
                 : in_server[cable.a] && in_server[cable.b];
    };
    for (const Wiring::Cable& cable : wiring.cables) {
      if (!direct_ && inside(cable)) {
        node[RootOf(node, cable.a)] = RootOf(node, cable.b);
      }
    }
    for (int& each : node) {
      each = RootOf(node, each);
    }
    is_end_.resize(node.size());
    for (int a = 0; a < graph.nodes(0); ++a) {
      if (!is_end_[node[a]]) {
        is_end_[node[a]] = true;
        ends_.push_back(node[a]);
      }
    }
    Connect(wiring, node, inside);
  }

  struct Edge {
    int to = 0;
    double parallel = 1;
  };

  // Adds what the search from one end sees.
  void Search(int from, PathLengths& sums) {
    distance_.assign(first_.size() - 1, -1);
    ways_.assign(first_.size() - 1, 0);
    queue_.assign(1, from);
    distance_[from] = 0;
    ways_[from] = 1;
    for (std::size_t head = 0; head < queue_.size(); ++head) {
      const int at = queue_[head];
      if (is_end_[at] && at != from && !direct_) {
        continue;
      }
      for (int e = first_[at]; e < first_[at + 1]; ++e) {
        const Edge& edge = edges_[e];
        if (distance_[edge.to] < 0) {
          distance_[edge.to] = distance_[at] + 1;
          queue_.push_back(edge.to);
        }
        if (distance_[edge.to] == distance_[at] + 1) {
          ways_[edge.to] += ways_[at] * edge.parallel;
        }
      }
    }
    for (const int end : ends_) {
      if (end == from) {
        continue;
      }
      if (distance_[end] < 0) {
        ++sums.apart;
        continue;
      }
      sums.diameter = std::max(sums.diameter, distance_[end]);
      sums.mean += distance_[end];
      sums.ways_mean += ways_[end];
      sums.ways_least = sums.ways_least == 0 ? ways_[end] : std::min(sums.ways_least, ways_[end]);
    }
  }

  [[nodiscard]] const std::vector<int>& ends() const { return ends_; }

  [[nodiscard]] std::int64_t edges() const { return static_cast<std::int64_t>(edges_.size()); }

 private:
  template <typename Inside>
  void Connect(const Wiring& wiring, const std::vector<int>& node, const Inside& inside) {
    struct Both {
      int from = 0;
      Edge edge;
    };

    std::vector<Both> all;
    for (const Wiring::Cable& cable : wiring.cables) {
      const int a = node[cable.a];
      const int b = node[cable.b];
      if (!inside(cable) && a != b) {
        // NICs of one server that lead to one switch are one way.
        const bool of_server = !direct_ && (is_end_[a] || is_end_[b]);
        const double parallel = of_server ? 1 : cable.parallel;
        all.push_back({a, {b, parallel}});
        all.push_back({b, {a, parallel}});
      }
    }
    std::sort(all.begin(), all.end(), [](const Both& x, const Both& y) {
      return x.from != y.from ? x.from < y.from : x.edge.to < y.edge.to;
    });
    first_.assign(node.size() + 1, 0);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool again =
          i > 0 && all[i].from == all[i - 1].from && all[i].edge.to == all[i - 1].edge.to;
      const bool of_server = !direct_ && (is_end_[all[i].from] || is_end_[all[i].edge.to]);
      if (again) {
        edges_.back().parallel += of_server ? 0 : all[i].edge.parallel;
      } else {
        edges_.push_back(all[i].edge);
        ++first_[all[i].from + 1];
      }
    }
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
  }

  bool direct_;
  std::vector<bool> is_end_;
  std::vector<int> ends_;
  std::vector<int> first_;  ///< by node, in edges_; one more at the end
  std::vector<Edge> edges_;
  std::vector<int> distance_, queue_;
  std::vector<double> ways_;
};

}  // namespace

bool StandsInServer(const std::string& node_kind) {
  return std::find(kInServers.begin(), kInServers.end(), node_kind) != kInServers.end();
}

PathLengths PathsBetweenServers(const Topology& topology, const FabricGraph& graph,
                                std::int64_t work_most) {
  Contracted contracted(topology, graph);
  const auto ends = static_cast<std::int64_t>(contracted.ends().size());
  PathLengths paths;
  paths.ends = ends;
  if (ends < 2) {
    paths.exact = true;
    return paths;
  }
  const std::int64_t most = std::max<std::int64_t>(2, work_most / (contracted.edges() + 1));
  const std::int64_t sources = std::min(ends, most);
  paths.exact = sources == ends;
  for (std::int64_t i = 0; i < sources; ++i) {
    const std::int64_t source = i * (ends - 1) / (sources - 1);
    contracted.Search(contracted.ends()[static_cast<std::size_t>(source)], paths);
  }
  const double pairs = static_cast<double>(sources * (ends - 1) - paths.apart);
  paths.mean = pairs > 0 ? paths.mean / pairs : 0;
  paths.ways_mean = pairs > 0 ? paths.ways_mean / pairs : 0;
  return paths;
}

std::vector<int> PortsInUse(const FabricGraph& graph) {
  const Wiring& wiring = graph.wiring();
  const std::vector<int> kinds = KindsOf(wiring);
  std::vector<int> ports(kinds.size(), 0);
  for (const Wiring::Cable& cable : wiring.cables) {
    ports[cable.a] += cable.parallel;
    ports[cable.b] += cable.parallel;
  }
  std::vector<int> most(wiring.node_kinds.size(), 0);
  for (std::size_t v = 0; v < ports.size(); ++v) {
    if (!StandsInServer(wiring.node_kinds[kinds[v]].name)) {
      most[kinds[v]] = std::max(most[kinds[v]], ports[v]);
    }
  }
  return most;
}

bool IsWithinServer(const Topology& topology, const FabricGraph& graph,
                    const Wiring::Cable& cable) {
  const auto in_server = [&graph](int vertex) {
    int kind = 0;
    for (int left = vertex; left >= graph.nodes(kind); ++kind) {
      left -= graph.nodes(kind);
    }
    return StandsInServer(graph.wiring().node_kinds[kind].name);
  };
  if (!topology.site().server.direct) {
    return in_server(cable.a) && in_server(cable.b);
  }
  const bool chips = cable.a < topology.accelerators() && cable.b < topology.accelerators();
  return chips ? topology.server_of({cable.a}) == topology.server_of({cable.b})
               : in_server(cable.a) && in_server(cable.b);
}

std::map<double, std::int64_t> CablesOutOfServers(const Topology& topology,
                                                  const FabricGraph& graph) {
  std::map<double, std::int64_t> cables;
  for (const Wiring::Cable& cable : graph.wiring().cables) {
    if (!IsWithinServer(topology, graph, cable)) {
      cables[(cable.capacity / cable.parallel).si()] += cable.parallel;
    }
  }
  return cables;
}

}  // namespace gridlock
