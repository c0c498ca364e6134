#include "sim/sweep/grid.h"

#include <algorithm>
#include <utility>

namespace gridlock {

std::uint64_t Grid::cells() const {
  std::uint64_t cells = 1;
  for (const GridAxis& axis : axes_) {
    cells *= axis.coordinates.size();
  }
  return cells;
}

Cell Grid::At(std::uint64_t number) const {
  Cell cell(axes_.size());
  for (std::size_t i = axes_.size(); i-- > 0;) {
    const std::size_t size = axes_[i].coordinates.size();
    cell[i] = number % size;
    number /= size;
  }
  return cell;
}

std::uint64_t Grid::NumberOf(const Cell& cell) const {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    number = number * axes_[i].coordinates.size() + cell[i];
  }
  return number;
}

Point Grid::PointAt(const Cell& cell) const {
  Point point;
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    const Point& own = axes_[i].coordinates[cell[i]].point;
    point.assignments.insert(point.assignments.end(), own.assignments.begin(),
                             own.assignments.end());
  }
  return point;
}

std::size_t Grid::BaseAt(const Cell& cell) const {
  std::size_t base = 0;
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    const Coordinate& coordinate = axes_[i].coordinates[cell[i]];
    base = coordinate.has_base ? coordinate.base : base;
  }
  return base;
}

std::vector<double> Grid::ValuesAt(const Cell& cell) const {
  std::vector<double> values(axes_.size());
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    values[i] = axes_[i].coordinates[cell[i]].si;
  }
  return values;
}

void Grid::Append(std::size_t axis, Coordinate coordinate) {
  axes_[axis].coordinates.push_back(std::move(coordinate));
}

Grid Sorted(Grid grid) {
  std::vector<GridAxis> axes = grid.axes();
  for (GridAxis& axis : axes) {
    std::vector<Coordinate>& on = axis.coordinates;
    if (axis.is_choice || on.size() < 2) {
      continue;
    }
    const bool falls = on.front().si > on.back().si;
    std::stable_sort(on.begin(), on.end(), [&](const Coordinate& a, const Coordinate& b) {
      return falls ? a.si > b.si : a.si < b.si;
    });
  }
  return Grid(std::move(axes));
}

}  // namespace gridlock
