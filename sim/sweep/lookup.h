#pragma once

// From the lines of a journal back to cells and numbers.

#include <map>
#include <string>
#include <vector>

#include "sim/sweep/grid.h"
#include "sim/sweep/point_record.h"

namespace gridlock {

/// Finds the cell of a record by the labels of its coordinates.
class CellLookup {
 public:
  explicit CellLookup(const Grid& grid);

  /// CHECKs that the grid has the record's coordinates.
  [[nodiscard]] Cell CellOf(const PointRecord& record) const;

 private:
  std::vector<std::map<std::string, std::size_t>> places_;  ///< by axis: of each label
};

/// The number of an output, "step_time" or "breakdown.data_comm", in a record; NaN when it has
/// none.
double ValueIn(const PointRecord& record, const std::string& output);

/// The same of the output and its element.
double ValueIn(const PointRecord& record, const std::string& output, const std::string& element);

}  // namespace gridlock
