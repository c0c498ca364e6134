#pragma once

#include <vector>

#include "topologies/scale_up/spec.h"

namespace gridlock {

/// The links of a DGX-1 with V100: a hybrid cube mesh of eight accelerators with six links each.
inline std::vector<MeshPair> HybridCubeMesh() {
  return {{0, 1, 1}, {0, 2, 1}, {0, 3, 2}, {0, 4, 2}, {1, 2, 2}, {1, 3, 1}, {1, 5, 2}, {2, 3, 2},
          {2, 6, 1}, {3, 7, 1}, {4, 5, 1}, {4, 6, 1}, {4, 7, 2}, {5, 6, 2}, {5, 7, 1}, {6, 7, 2}};
}

}  // namespace gridlock
