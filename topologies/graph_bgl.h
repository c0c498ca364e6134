#pragma once

// The Boost.Graph behind FabricGraph. Slow to compile: include it where graph algorithms run.

#include <vector>

#include <boost/graph/adjacency_list.hpp>

#include "topologies/graph.h"

namespace gridlock {

struct GraphBgl {
  // Undirected: every cable carries the same bandwidth both ways.
  using Graph =
      boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, Node, Wiring::Cable>;

  Graph graph;
  std::vector<int> first;  ///< first vertex of each kind; the last is their number
};

}  // namespace gridlock
