#pragma once

// One axis of a sweep file as coordinates.

#include <functional>
#include <string>

#include "sim/schema/problems.h"
#include "sim/schema/written.h"
#include "sim/sweep/grid.h"

namespace gridlock {

namespace proto {
class Axis;
}

/// Reads the axis that stands at `path`. Problems go to `problems`.
/// @param base the scenario that the sweep starts from; null when every choice names its own
/// @param base_of the number of the scenario file that a choice names
GridAxis ReadAxis(
    const proto::Axis& axis, const Written& written, const std::string& path,
    const ScenarioBase* base,
    const std::function<std::size_t(const std::string& file, const Position& where)>& base_of,
    ProblemList& problems);

}  // namespace gridlock
