#pragma once

// Where a curve of a sweep bends: the place for one more point.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "sim/sweep/grid.h"

namespace gridlock {

struct NewCoordinate {
  std::size_t axis = 0;
  Coordinate coordinate;
};

/// The middle of the interval in which a straight line between its ends misses `output` most, as
/// the second difference of the neighbouring points tells. Distances on an axis of positive values
/// are ratios. Nothing when no line misses by a hundredth of the range of the output.
/// @param axis name of the axis; "": the only one that can be refined
/// @param points lines of the journal that count: those of the cells of `grid`
/// Throws UserError when the axis cannot be refined.
std::optional<NewCoordinate> FindBend(const Grid& grid, const std::string& output,
                                      const std::string& axis, const std::string& journal,
                                      std::int64_t points);

/// Throws UserError when FindBend would, or when there is no such output.
void CheckRefine(const Grid& grid, const std::string& output, const std::string& axis);

}  // namespace gridlock
