#pragma once

// A network as a graph of machines and directed links in which shortest paths are the routes, and
// GraphML as its text (U. Brandes et al., "GraphML progress report", Graph Drawing 2001).

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "sim/base/check.h"
#include "sim/base/index.h"
#include "sim/base/units.h"

namespace gridlock {

/// Every topology can be written as one (Topology::route_graph), and ListedTopology routes on one.
struct RouteGraph {
  static constexpr const char* kAccelerator = "accelerator";
  static constexpr const char* kScaleUpSwitch = "scale_up_switch";

  struct Node {
    std::string id;
    /// "accelerator"; "scale_up_switch", which only accelerators of one server hang on; or any
    /// name, e.g. "leaf".
    std::string kind;
    ServerIndex server = {};  ///< of an accelerator; -1: no accelerator
    Seconds latency{};        ///< paid by what arrives at the node
    bool border = false;      ///< wide-area links begin and end here
  };

  /// One direction. An edge without a tier is an attachment: inside a machine, no link.
  struct Edge {
    std::string id;
    std::int32_t from = 0, to = 0;  ///< nodes
    std::string tier;               ///< "scale_up", "nic", or any name, e.g. "leaf"
    BytesPerSecond capacity{};
    bool can_bind = true;
    /// When several edges lie on shortest paths, the one with the lowest preference is taken; of
    /// equal ones, the one that stands first.
    std::int32_t preference = 0;
    std::int32_t stream = 0;  ///< of hashes, when routing is hashed: equal edges have the same

    [[nodiscard]] bool attachment() const { return tier.empty(); }
  };

  std::vector<Node> nodes;  ///< accelerators server by server
  std::vector<Edge> edges;  ///< links in the order of their numbers
  /// True: a flow's hash picks one of the edges on shortest paths at each node (ECMP).
  bool hashed = false;
  /// True: a flow is spread evenly over its shortest ways.
  bool sprayed = false;
  /// True: links are chosen by the number of the destination, which the graph cannot say.
  bool by_destination = false;

  /// No server has a scale-up switch: accelerators are routers.
  [[nodiscard]] bool direct() const;
};

/// Writes GraphML. What it holds is read back to the last bit.
void WriteGraphMl(const RouteGraph& graph, std::ostream& out);

/// Reads GraphML. Undirected edges become two. Problems have a message that begins with
/// "FILE:LINE: "; their path is `path`. Throws UserError with all that were found.
RouteGraph ReadGraphMl(const std::string& text, const std::string& file, const std::string& path);

}  // namespace gridlock
