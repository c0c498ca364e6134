#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "topologies/listed/route_graph.h"

namespace gridlock {

/// A network that a file lists machine by machine and link by link.
struct ListedSpec {
  std::string path;
  std::string file;  ///< as the scenario names it
  std::shared_ptr<const RouteGraph> graph;
  std::uint64_t hash = 0;  ///< of the file's contents

  [[nodiscard]] bool direct() const { return graph->direct(); }
};

/// "graph of 4,096 machines and 24,576 links from net.graphml".
std::string TitleOf(const ListedSpec& listed);

}  // namespace gridlock
