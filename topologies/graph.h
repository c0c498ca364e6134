#pragma once

// A topology written out as machines and cables, for checks and drawings. The simulation itself
// routes by arithmetic (topology.h) and never needs this. Boost stays in graph_bgl.h, because it is
// slow to compile.

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

struct GraphBgl;

/// Every machine and cable of a site. Vertices are numbered kind by kind, in the order of
/// `node_kinds`; the first kind are the accelerators.
struct Wiring {
  struct NodeKind {
    std::string name;  ///< "leaf"
    int count = 0;
  };

  struct CableKind {
    std::string name;     ///< "leaf - spine"
    bool inside = false;  ///< within a server: no cable, and no limit of its own
  };

  /// All parallel cables between two machines, both directions.
  struct Cable {
    int kind = 0;      ///< in cable_kinds
    int a = 0, b = 0;  ///< vertices
    int parallel = 1;
    BytesPerSecond capacity;  ///< per direction, of all of them together
  };

  std::vector<NodeKind> node_kinds;
  std::vector<CableKind> cable_kinds;
  std::vector<Cable> cables;
};

/// What stands at a vertex.
struct Node {
  int kind = 0;   ///< in Wiring::node_kinds
  int index = 0;  ///< among its kind
};

/// The graph of a site. Immutable; may be moved, not copied.
class FabricGraph {
 public:
  explicit FabricGraph(Wiring wiring);
  FabricGraph(FabricGraph&& other) noexcept;
  FabricGraph& operator=(FabricGraph&& other) noexcept;
  ~FabricGraph();

  [[nodiscard]] const Wiring& wiring() const { return wiring_; }

  /// The Boost.Graph itself; include topologies/graph_bgl.h to look inside.
  [[nodiscard]] const GraphBgl& bgl() const { return *bgl_; }

  [[nodiscard]] int vertices() const;

  [[nodiscard]] int edges() const;

  /// Vertex of the node with this index among its kind.
  [[nodiscard]] int vertex(int kind, int index) const;

  /// Nodes of a kind.
  [[nodiscard]] int nodes(int kind) const { return wiring_.node_kinds[kind].count; }

  /// Cables of a kind; parallel ones count one by one.
  [[nodiscard]] std::int64_t cables(int kind) const;

 private:
  Wiring wiring_;
  std::unique_ptr<GraphBgl> bgl_;
};

/// True when every node reaches every other one.
bool Connected(const FabricGraph& graph);

/// A longest shortest path.
struct HopCount {
  int hops = 0;        ///< edges, attachments included
  bool exact = false;  ///< true: every accelerator was a source; false: a lower bound from a sample
};

/// Longest shortest path between two accelerators. Looks from at most `sources_max` (>= 1)
/// accelerators, spread evenly, the first and the last included. The result is exact when these are
/// all accelerators.
HopCount Diameter(const FabricGraph& graph, int sources_max = 64);

/// The graph in the DOT language of Graphviz: machines of a kind on one line, edges labelled with
/// cables and bandwidth. Meant for small sites: one line per node and edge.
void WriteDot(const FabricGraph& graph, std::ostream& out);

}  // namespace gridlock
