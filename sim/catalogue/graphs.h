#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "sim/schema/problems.h"
#include "sim/schema/written.h"
#include "topologies/listed/route_graph.h"

namespace gridlock {

namespace proto {
class Scenario;
}  // namespace proto

/// A network read from a file.
struct ListedGraph {
  std::shared_ptr<const RouteGraph> graph;
  std::uint64_t hash = 0;  ///< of the file's contents
};

/// By the file's name as the scenario gives it.
using ListedGraphs = std::map<std::string, ListedGraph>;

/// Reads the graphs that sites of the scenario list, each once, from the folder of the scenario.
/// Adds a problem where the name stands for a file that cannot be read, and for each mistake in it.
ListedGraphs ReadGraphs(const proto::Scenario& scenario, const Written& written,
                        ProblemList& problems);

}  // namespace gridlock
