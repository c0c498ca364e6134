#include "topologies/fabric_graph.h"

#include <algorithm>
#include <array>
#include <ostream>
#include <vector>

#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/connected_components.hpp>
#include <fmt/format.h>

#include "sim/base/check.h"
#include "topologies/fabric_bgl.h"

namespace gridlock {

namespace {

using Graph = FabricBgl::Graph;

// Adds the edges of a fabric tier by tier, in a fixed order.
class Wiring {
 public:
  Wiring(const Fabric& fabric, FabricBgl& bgl)
      : fabric_(fabric), layout_(fabric.layout()), bgl_(bgl) {}

  void WireServers();
  void WireLeaves();
  void WireSpines();

 private:
  void Connect(NodeKind a, int a_index, NodeKind b, int b_index, Link link) {
    boost::add_edge(Vertex(a, a_index), Vertex(b, b_index), link, bgl_.graph);
  }

  [[nodiscard]] std::size_t Vertex(NodeKind kind, int index) const {
    return static_cast<std::size_t>(bgl_.first[static_cast<std::size_t>(kind)] + index);
  }

  const Fabric& fabric_;
  const ClosLayout& layout_;
  FabricBgl& bgl_;
};

void Wiring::WireServers() {
  const BytesPerSecond scale_up = fabric_.site().server.accelerator.scale_up_bandwidth;
  for (AcceleratorIndex a{0}; a.value < fabric_.accelerators(); ++a.value) {
    Connect(NodeKind::kAccelerator, a.value, NodeKind::kScaleUpSwitch, fabric_.server_of(a),
            {CableKind::kScaleUp, 1, scale_up});
    Connect(NodeKind::kAccelerator, a.value, NodeKind::kNic, fabric_.nic_of(a),
            {CableKind::kAttachment, 1, layout_.nic_bandwidth});
  }
  for (int nic = 0; nic < fabric_.nics(); ++nic) {
    Connect(NodeKind::kNic, nic, NodeKind::kLeaf, fabric_.leaf_of_nic(nic),
            {CableKind::kNic, layout_.ports_per_nic, layout_.nic_bandwidth});
  }
}

void Wiring::WireLeaves() {
  const int parallel = layout_.links_per_spine;
  for (int leaf = 0; leaf < fabric_.leaves(); ++leaf) {
    const int first_spine = fabric_.pod_of_leaf(leaf) * layout_.spines_per_pod;
    for (int s = 0; s < layout_.spines_per_pod; ++s) {
      Connect(NodeKind::kLeaf, leaf, NodeKind::kSpine, first_spine + s,
              {CableKind::kLeaf, parallel, layout_.leaf_uplink * parallel});
    }
  }
}

void Wiring::WireSpines() {
  const int parallel = layout_.links_per_core;
  for (int spine = 0; spine < fabric_.spines(); ++spine) {
    const int plane = spine % layout_.spines_per_pod;
    for (int k = 0; k < layout_.cores_per_plane; ++k) {
      Connect(NodeKind::kSpine, spine, NodeKind::kCore, plane * layout_.cores_per_plane + k,
              {CableKind::kSpine, parallel, layout_.spine_uplink * parallel});
    }
  }
}

std::unique_ptr<FabricBgl> WriteOut(const Fabric& fabric) {
  auto bgl = std::make_unique<FabricBgl>();
  const std::array<int, kNodeKinds> counts = {fabric.accelerators(), fabric.servers(),
                                              fabric.nics(),         fabric.leaves(),
                                              fabric.spines(),       fabric.cores()};
  for (std::size_t kind = 0; kind < counts.size(); ++kind) {
    bgl->first[kind + 1] = bgl->first[kind] + counts[kind];
  }
  bgl->graph = Graph(static_cast<std::size_t>(bgl->first.back()));
  for (std::size_t kind = 0; kind < counts.size(); ++kind) {
    for (int i = 0; i < counts[kind]; ++i) {
      bgl->graph[static_cast<std::size_t>(bgl->first[kind] + i)] = {static_cast<NodeKind>(kind), i};
    }
  }
  Wiring wiring(fabric, *bgl);
  wiring.WireServers();
  wiring.WireLeaves();
  wiring.WireSpines();
  return bgl;
}

}  // namespace

const char* NodeKindName(NodeKind kind) {
  static constexpr std::array<const char*, kNodeKinds> kNames = {
      "accelerator", "scale_up_switch", "nic", "leaf", "spine", "core"};
  return kNames.at(static_cast<std::size_t>(kind));
}

FabricGraph::FabricGraph(const Fabric& fabric) : fabric_(fabric), bgl_(WriteOut(fabric)) {}

FabricGraph::FabricGraph(FabricGraph&& other) noexcept = default;
FabricGraph& FabricGraph::operator=(FabricGraph&& other) noexcept = default;
FabricGraph::~FabricGraph() = default;

int FabricGraph::vertices() const {
  return bgl_->first.back();
}

int FabricGraph::edges() const {
  return static_cast<int>(boost::num_edges(bgl_->graph));
}

int FabricGraph::vertex(NodeKind kind, int index) const {
  CHECK(index >= 0 && index < nodes(kind));
  return bgl_->first[static_cast<std::size_t>(kind)] + index;
}

int FabricGraph::nodes(NodeKind kind) const {
  const auto k = static_cast<std::size_t>(kind);
  return bgl_->first[k + 1] - bgl_->first[k];
}

std::int64_t FabricGraph::cables(CableKind kind) const {
  std::int64_t count = 0;
  for (const auto& edge : boost::make_iterator_range(boost::edges(bgl_->graph))) {
    const Link& link = bgl_->graph[edge];
    count += link.kind == kind ? link.parallel : 0;
  }
  return count;
}

FabricGraph MakeGraph(const Fabric& fabric) {
  return FabricGraph(fabric);
}

bool Connected(const FabricGraph& graph) {
  std::vector<int> component(static_cast<std::size_t>(graph.vertices()));
  return boost::connected_components(graph.bgl().graph, component.data()) == 1;
}

HopCount Diameter(const FabricGraph& graph, int sources_max) {
  CHECK(sources_max >= 1);
  const int accelerators = graph.nodes(NodeKind::kAccelerator);
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
  out << "graph fabric {\n  rankdir=BT;\n  node [shape=box];\n";
  for (int k = 0; k < kNodeKinds; ++k) {
    const auto kind = static_cast<NodeKind>(k);
    if (graph.nodes(kind) == 0) {
      continue;
    }
    out << "  { rank=same;";
    for (int i = 0; i < graph.nodes(kind); ++i) {
      out << ' ' << NodeKindName(kind) << i << ';';
    }
    out << " }\n";
  }
  for (const auto& edge : boost::make_iterator_range(boost::edges(bgl))) {
    const Node& a = bgl[boost::source(edge, bgl)];
    const Node& b = bgl[boost::target(edge, bgl)];
    const Link& link = bgl[edge];
    out << fmt::format("  {}{} -- {}{}", NodeKindName(a.kind), a.index, NodeKindName(b.kind),
                       b.index);
    if (link.kind == CableKind::kAttachment) {
      out << " [style=dotted];\n";  // inside the server: no cable, no bandwidth of its own
    } else {
      const std::string times = link.parallel > 1 ? fmt::format("{} cables, ", link.parallel) : "";
      out << fmt::format(" [label=\"{}{}\"];\n", times, FormatBandwidth(link.capacity));
    }
  }
  out << "}\n";
}

}  // namespace gridlock
