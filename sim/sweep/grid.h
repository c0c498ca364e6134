#pragma once

// The points of a sweep: axes, their coordinates, and the grid that they span.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "sim/scenario/point.h"

namespace gridlock {

/// One position on an axis.
struct Coordinate {
  std::string label;      ///< for people: "400 Gbps", "torus"
  double si = 0;          ///< its value in SI units; of a choice its number, from 0
  Point point;            ///< what it sets
  std::size_t base = 0;   ///< of Grid::bases: the scenario that it starts from
  bool has_base = false;  ///< a choice that names its own scenario
};

/// One axis.
struct GridAxis {
  std::string name;   ///< a name of formulas and of netCDF: "nic"
  std::string units;  ///< SI; "1" for counts and choices
  std::string long_name;
  bool is_choice = false;  ///< its coordinates are texts
  std::vector<Coordinate> coordinates;
  /// Makes a coordinate of a value in SI units; empty when values cannot be chosen freely.
  std::function<Coordinate(double si)> make;
};

/// A cell of the grid, by the number of its coordinate on each axis.
using Cell = std::vector<std::size_t>;

/// The axes, the first varying slowest.
class Grid {
 public:
  Grid(std::vector<GridAxis> axes) : axes_(std::move(axes)) {}  // NOLINT: a grid is its axes

  [[nodiscard]] const std::vector<GridAxis>& axes() const { return axes_; }

  /// All cells; 1 without axes.
  [[nodiscard]] std::uint64_t cells() const;

  /// The cell with this number, row by row.
  [[nodiscard]] Cell At(std::uint64_t number) const;

  [[nodiscard]] std::uint64_t NumberOf(const Cell& cell) const;

  /// What all coordinates of a cell set, in the order of the axes.
  [[nodiscard]] Point PointAt(const Cell& cell) const;

  /// The scenario that a cell starts from.
  [[nodiscard]] std::size_t BaseAt(const Cell& cell) const;

  /// The values of the coordinates, for formulas.
  [[nodiscard]] std::vector<double> ValuesAt(const Cell& cell) const;

  /// Puts one more coordinate at the end of an axis. Numbers of cells change; cells do not.
  void Append(std::size_t axis, Coordinate coordinate);

 private:
  std::vector<GridAxis> axes_;
};

/// The grid with the coordinates of every axis of numbers in the order of their values, rising or
/// falling as its first and its last.
Grid Sorted(Grid grid);

}  // namespace gridlock
