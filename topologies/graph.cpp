#include "topologies/graph.h"

#include <algorithm>
#include <ostream>
#include <utility>
#include <vector>

#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/connected_components.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/graph_bgl.h"

namespace gridlock {

namespace {

std::unique_ptr<GraphBgl> WriteOut(const Wiring& wiring) {
  auto bgl = std::make_unique<GraphBgl>();
  bgl->first.push_back(0);
  for (const Wiring::NodeKind& kind : wiring.node_kinds) {
    bgl->first.push_back(bgl->first.back() + kind.count);
  }
  bgl->graph = GraphBgl::Graph(static_cast<std::size_t>(bgl->first.back()));
  for (std::size_t kind = 0; kind < wiring.node_kinds.size(); ++kind) {
    for (int i = 0; i < wiring.node_kinds[kind].count; ++i) {
      bgl->graph[static_cast<std::size_t>(bgl->first[kind] + i)] = {static_cast<int>(kind), i};
    }
  }
  for (const Wiring::Cable& cable : wiring.cables) {
    boost::add_edge(static_cast<std::size_t>(cable.a), static_cast<std::size_t>(cable.b), cable,
                    bgl->graph);
  }
  return bgl;
}

}  // namespace

FabricGraph::FabricGraph(Wiring wiring) : wiring_(std::move(wiring)), bgl_(WriteOut(wiring_)) {}

FabricGraph::FabricGraph(FabricGraph&& other) noexcept = default;
FabricGraph& FabricGraph::operator=(FabricGraph&& other) noexcept = default;
FabricGraph::~FabricGraph() = default;

int FabricGraph::vertices() const {
  return bgl_->first.back();
}

int FabricGraph::edges() const {
  return static_cast<int>(boost::num_edges(bgl_->graph));
}

int FabricGraph::vertex(int kind, int index) const {
  CHECK(index >= 0 && index < nodes(kind));
  return bgl_->first[static_cast<std::size_t>(kind)] + index;
}

std::int64_t FabricGraph::cables(int kind) const {
  std::int64_t count = 0;
  for (const Wiring::Cable& cable : wiring_.cables) {
    count += cable.kind == kind ? cable.parallel : 0;
  }
  return count;
}

bool Connected(const FabricGraph& graph) {
  std::vector<int> component(static_cast<std::size_t>(graph.vertices()));
  return boost::connected_components(graph.bgl().graph, component.data()) == 1;
}

HopCount Diameter(const FabricGraph& graph, int sources_max) {
  CHECK(sources_max >= 1);
  const int accelerators = graph.nodes(0);
  const int sources = std::min(sources_max, accelerators);
  const auto& bgl = graph.bgl().graph;
  std::vector<int> distance(static_cast<std::size_t>(graph.vertices()));
  HopCount result{.hops = 0, .exact = sources == accelerators};
  for (int i = 0; i < sources; ++i) {
    // Spread from the first to the last: partly filled leaves and pods are at the end.
    const std::int64_t last = accelerators - 1;
    const int source = sources == 1 ? 0 : static_cast<int>(i * last / (sources - 1));
    std::fill(distance.begin(), distance.end(), 0);
    boost::breadth_first_search(bgl, boost::vertex(static_cast<std::size_t>(source), bgl),
                                boost::visitor(boost::make_bfs_visitor(boost::record_distances(
                                    distance.data(), boost::on_tree_edge()))));
    // Accelerators are the first vertices.
    result.hops =
        std::max(result.hops, *std::max_element(distance.begin(), distance.begin() + accelerators));
  }
  return result;
}

void WriteDot(const FabricGraph& graph, std::ostream& out) {
  const auto& bgl = graph.bgl().graph;
  const Wiring& wiring = graph.wiring();
  out << "graph fabric {\n  rankdir=BT;\n  node [shape=box];\n";
  for (const Wiring::NodeKind& kind : wiring.node_kinds) {
    if (kind.count == 0) {
      continue;
    }
    out << "  { rank=same;";
    for (int i = 0; i < kind.count; ++i) {
      out << ' ' << kind.name << i << ';';
    }
    out << " }\n";
  }
  for (const Wiring::Cable& cable : wiring.cables) {
    const Node& a = bgl[static_cast<std::size_t>(cable.a)];
    const Node& b = bgl[static_cast<std::size_t>(cable.b)];
    out << fmt::format("  {}{} -- {}{}", wiring.node_kinds[a.kind].name, a.index,
                       wiring.node_kinds[b.kind].name, b.index);
    if (wiring.cable_kinds[cable.kind].inside) {
      out << " [style=dotted];\n";  // inside the server: no cable, no bandwidth of its own
    } else {
      const std::string times =
          cable.parallel > 1 ? fmt::format("{} cables, ", cable.parallel) : "";
      out << fmt::format(" [label=\"{}{}\"];\n", times, FormatBandwidth(cable.capacity));
    }
  }
  out << "}\n";
}

}  // namespace gridlock
