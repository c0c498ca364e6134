#pragma once

// Sizes of a torus, and what does not fit.

#include <cstdint>
#include <string>
#include <vector>

#include "topologies/machine.h"

namespace gridlock {

/// Products of sizes, at most a little more than can be numbered.
std::int64_t Product(const std::vector<int>& sizes);

/// "16 x 16 x 16".
std::string Times(const std::vector<int>& sizes);

/// The slice, or the whole torus where there are no slices.
const std::vector<int>& SliceOf(const TorusSpec& torus);

/// Throws UserError with what does not fit together.
const SiteSpec& CheckedTorus(const SiteSpec& site);

}  // namespace gridlock
