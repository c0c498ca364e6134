#pragma once

// The Boost.Graph behind FabricGraph. Slow to compile: include it where graph algorithms run.

#include <array>

#include <boost/graph/adjacency_list.hpp>

#include "topologies/fabric_graph.h"

namespace gridlock {

struct FabricBgl {
  // Undirected: every cable carries the same bandwidth both ways.
  using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, Node, Link>;

  Graph graph;
  std::array<int, kNodeKinds + 1> first{};  ///< first vertex of each kind; the last is their number
};

}  // namespace gridlock
