#pragma once

#include <cstddef>
#include <numeric>
#include <vector>

#include "topologies/scale_up/spec.h"

namespace gridlock {

/// The links between n accelerators: n x n counts, the same in both directions.
struct LinkCounts {
  int n = 0;
  std::vector<int> links;

  [[nodiscard]] int At(int a, int b) const { return links[a * n + b]; }

  /// All links of an accelerator.
  [[nodiscard]] int Of(int a) const {
    const auto first = links.begin() + std::ptrdiff_t{a} * n;
    return std::accumulate(first, first + n, 0);
  }
};

/// Those of a mesh of n accelerators that is no torus, before ScaleUpSpec::pairs. The links of two
/// groups join, one after another, the accelerators of both that have fewest links to other groups,
/// the lowest of these. So with 8 groups of 8 and 4 links of every two each accelerator has 3 or 4.
LinkCounts CountsWithoutPairs(const ScaleUpSpec& spec, int n);

}  // namespace gridlock
