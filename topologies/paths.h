#pragma once

// How far the servers of a site are apart, and by how many equal ways: breadth-first searches on
// the written-out graph. The simulation routes by arithmetic and never needs this.

#include <cstdint>
#include <map>
#include <vector>

#include "topologies/graph.h"
#include "topologies/topology.h"

namespace gridlock {

/// Shortest ways over the network between servers; on a direct network between accelerators, which
/// pass traffic on. No server passes on what is not its own.
struct PathLengths {
  std::int64_t ends = 0;  ///< servers, or accelerators of a direct network
  int diameter = 0;       ///< links on the longest shortest way; machines between are one less
  double mean = 0;        ///< links, mean over all pairs of two ends
  /// Equal shortest ways between two ends, the fewest and the mean over all pairs. Parallel cables
  /// between switches count one by one. The NICs of a server do not, unless they lead to different
  /// switches.
  double ways_least = 0, ways_mean = 0;
  std::int64_t apart = 0;  ///< pairs that no way joins, e.g. of two slices of a torus
  bool exact = false;      ///< false: from a sample of the ends
};

/// Looks from all ends where that takes `work_most` steps along edges, else from as many, spread
/// evenly. Two ends or more.
PathLengths PathsBetweenServers(const Topology& topology, const FabricGraph& graph,
                                std::int64_t work_most = 200'000'000);

/// Ports that the busiest switch of each kind of node has in use; 0 for what stands inside servers.
std::vector<int> PortsInUse(const FabricGraph& graph);

/// True for the names of what stands inside a server: accelerators, NICs, PCIe switches.
bool StandsInServer(const std::string& node_kind);

/// Whether both ends of a cable lie in one server, so that it needs no optics.
bool IsWithinServer(const Topology& topology, const FabricGraph& graph, const Wiring::Cable& cable);

/// How many cables leave servers, by the bandwidth of one in bytes per second and direction.
std::map<double, std::int64_t> CablesOutOfServers(const Topology& topology,
                                                  const FabricGraph& graph);

}  // namespace gridlock
