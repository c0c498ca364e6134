#pragma once

// The fabric written out as a graph of machines and cables, for checks, cuts and drawings. The
// simulation itself routes by arithmetic (fabric.h) and never needs it. Boost stays in
// fabric_bgl.h, because it is slow to compile.

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/units.h"
#include "topologies/fabric.h"

namespace gridlock {

struct FabricBgl;

/// What stands at a vertex.
enum class NodeKind : std::uint8_t {
  kAccelerator,
  kScaleUpSwitch,  ///< one per scale-up domain: the ports of its accelerators meet here
  kNic,
  kLeaf,
  kSpine,
  kCore,
};

inline constexpr int kNodeKinds = 6;

/// "accelerator", "scale_up_switch", "nic", "leaf", "spine", "core".
const char* NodeKindName(NodeKind kind);

/// Data of a vertex: the index counts nodes of its kind (spine s of pod p is p x spines_per_pod +
/// s).
struct Node {
  NodeKind kind = NodeKind::kAccelerator;
  int index = 0;
};

/// What an edge is.
enum class CableKind : std::uint8_t {
  kAttachment,  ///< accelerator to its NIC, inside the server; the NIC is its only limit
  kScaleUp,     ///< accelerator to its scale-up switch
  kNic,         ///< NIC to leaf
  kLeaf,        ///< leaf to spine
  kSpine,       ///< spine to core
};

inline constexpr int kCableKinds = 5;

/// Data of an edge: both directions of all parallel links between two nodes.
struct Link {
  CableKind kind = CableKind::kAttachment;
  int parallel = 1;         ///< cables side by side
  BytesPerSecond capacity;  ///< per direction, of all of them together
};

/// The graph of a fabric. Immutable; may be moved, not copied.
class FabricGraph {
 public:
  explicit FabricGraph(const Fabric& fabric);
  FabricGraph(FabricGraph&& other) noexcept;
  FabricGraph& operator=(FabricGraph&& other) noexcept;
  ~FabricGraph();

  /// The fabric that it was made of.
  [[nodiscard]] const Fabric& fabric() const { return fabric_; }

  /// The Boost.Graph itself; include topologies/fabric_bgl.h to look inside.
  [[nodiscard]] const FabricBgl& bgl() const { return *bgl_; }

  [[nodiscard]] int vertices() const;

  [[nodiscard]] int edges() const;

  /// Vertex of the node with this index among its kind.
  [[nodiscard]] int vertex(NodeKind kind, int index) const;

  /// Nodes of a kind.
  [[nodiscard]] int nodes(NodeKind kind) const;

  /// Cables of a kind; parallel ones count one by one.
  [[nodiscard]] std::int64_t cables(CableKind kind) const;

 private:
  Fabric fabric_;
  std::unique_ptr<FabricBgl> bgl_;
};

/// Writes the fabric out: about 0.2 s for 131,072 accelerators.
FabricGraph MakeGraph(const Fabric& fabric);

/// True when every node reaches every other one.
bool Connected(const FabricGraph& graph);

/// A longest shortest path.
struct HopCount {
  int hops = 0;        ///< edges, attachments included
  bool exact = false;  ///< true: every accelerator was a source; false: a lower bound from a sample
};

/// Longest shortest path between two accelerators. Looks from at most `sources_max` (>= 1)
/// accelerators, spread evenly with the first and the last among them; exact when that is all.
HopCount Diameter(const FabricGraph& graph, int sources_max = 64);

/// Bandwidth between two halves of a site.
struct Cut {
  std::string halving;       ///< which accelerators stand on which side
  BytesPerSecond bandwidth;  ///< max flow from one side to the other, one direction
};

/// The narrowest of the halvings that were tried.
struct CutBound {
  Cut best;                ///< no halving and zero bandwidth when there is nothing to halve
  std::vector<Cut> tried;  ///< all of them, in a fixed order
};

/// An UPPER BOUND of the bisection bandwidth. The bisection bandwidth is the least max flow over
/// all ways to halve the accelerators, and such halvings are NP-hard to find (M. Garey, D. Johnson,
/// L. Stockmeyer, "Some simplified NP-complete graph problems", 1976); here a handful of named
/// halvings are tried, each by Boykov-Kolmogorov max flow (Boost.Graph), and the least is kept.
/// With an odd number of servers the halves differ by one server. The NICs of each half under one
/// leaf, and the cores of a plane, act as one, which changes no max flow.
CutBound BestKnownCut(const FabricGraph& graph);

/// One sentence for people; says that the value is an upper bound and of which halving.
std::string DescribeCut(const CutBound& cut);

/// The graph in the DOT language of Graphviz: switches of a tier on one line, edges labelled with
/// cables and bandwidth. Meant for small sites: one line per node and edge.
void WriteDot(const FabricGraph& graph, std::ostream& out);

}  // namespace gridlock
