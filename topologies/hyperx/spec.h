#pragma once

#include <string>
#include <vector>

#include "topologies/routers/spec.h"
#include "topologies/switch.h"

namespace gridlock {

/// A HyperX of one to three dimensions (J. H. Ahn, N. Binkert, A. Davis, M. McLaren, R. Schreiber,
/// "HyperX: topology, routing, and packaging of efficient large-scale networks", SC 2009): routers
/// on a grid, each joined to every other one that differs from it in one coordinate. With one
/// dimension it is a full mesh of routers.
struct HyperXSpec {
  std::string path;
  std::vector<int> size;       ///< routers along each dimension, e.g. 4, 4
  int servers_per_router = 0;  ///< all NICs of a server at one router
  int links_between = 1;       ///< parallel links of two routers, over which packets are sprayed
  SwitchSpec router;
  RouterRouting routing{Paths::kDimensionOrder, Routing::kSpray};

  [[nodiscard]] bool direct() const { return false; }
};

/// "HyperX of 4 x 4 routers".
std::string TitleOf(const HyperXSpec& hyperx);

}  // namespace gridlock
