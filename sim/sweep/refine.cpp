#include "sim/sweep/refine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/schema/problems.h"
#include "sim/schema/rules.h"
#include "sim/sweep/journal.h"
#include "sim/sweep/lookup.h"
#include "sim/sweep/outputs.h"
#include "sim/sweep/point_record.h"

namespace gridlock {
namespace {

/// Share of the range of the output that a straight line may miss it by.
constexpr double kSmooth = 0.01;

/// Share of the output itself below which differences are rounding.
constexpr double kRounding = 1e-9;

std::size_t AxisToRefine(const Grid& grid, const std::string& wanted) {
  std::vector<std::string> names;
  for (const GridAxis& axis : grid.axes()) {
    if (axis.make && axis.coordinates.size() > 2) {
      names.push_back(axis.name);
    }
  }
  const std::string name = wanted.empty() && names.size() == 1 ? names[0] : wanted;
  for (std::size_t i = 0; i < grid.axes().size(); ++i) {
    if (grid.axes()[i].name == name && std::count(names.begin(), names.end(), name) > 0) {
      return i;
    }
  }
  throw UserError("", Refusal(fmt::format("--refine: {}",
                                          wanted.empty() ? "the axis to refine is not said"
                                                         : Quoted(wanted) + " cannot be refined"),
                              names.empty() ? "an axis with three or more numbers that are not "
                                              "zipped with lists"
                                            : "OUTPUT@AXIS with the axis " + OneOf(names)));
}

/// An output along an axis, as far as its points are done; the key tells the other coordinates.
using Curves = std::map<Cell, std::map<double, double>>;

double PlaceOn(const GridAxis& axis, double si) {
  const bool positive =
      std::all_of(axis.coordinates.begin(), axis.coordinates.end(), [](const Coordinate& each) {
        return each.si > 0;
      });
  return positive ? std::log(si) : si;
}

Curves CurvesOf(const Grid& grid, std::size_t axis, const std::string& output,
                const std::string& journal, std::int64_t points) {
  Curves curves;
  const CellLookup lookup(grid);
  ForEachLine(journal, [&](std::string_view line) {
    const PointRecord record = RecordOf(line);
    if (record.point >= points) {
      return;
    }
    Cell cell = lookup.CellOf(record);
    const double value = ValueIn(record, output);
    if (!std::isnan(value)) {
      const double at = PlaceOn(grid.axes()[axis], grid.axes()[axis].coordinates[cell[axis]].si);
      cell[axis] = 0;
      curves[cell][at] = value;
    }
  });
  return curves;
}

/// By how much a line between two neighbours may miss the curve between them: h^2/8 of its second
/// derivative, taken from the three points around (any text on interpolation).
std::map<std::pair<double, double>, double> Misses(const std::map<double, double>& curve) {
  std::vector<std::pair<double, double>> points(curve.begin(), curve.end());
  std::map<std::pair<double, double>, double> misses;
  for (std::size_t i = 1; i + 1 < points.size(); ++i) {
    const auto [x0, y0] = points[i - 1];
    const auto [x1, y1] = points[i];
    const auto [x2, y2] = points[i + 1];
    const double second = 2 * ((y2 - y1) / (x2 - x1) - (y1 - y0) / (x1 - x0)) / (x2 - x0);
    for (const auto& [from, to] : {std::pair(x0, x1), std::pair(x1, x2)}) {
      double& miss = misses[{from, to}];
      miss = std::max(miss, std::abs(second) * (to - from) * (to - from) / 8);
    }
  }
  return misses;
}

}  // namespace

void CheckRefine(const Grid& grid, const std::string& output, const std::string& axis) {
  try {
    CheckOutputName(output, /*number=*/true);
  } catch (const UserError& error) {
    throw UserError("", "--refine: " + error.problems().front().message);
  }
  (void)AxisToRefine(grid, axis);
}

std::optional<NewCoordinate> FindBend(const Grid& grid, const std::string& output,
                                      const std::string& wanted, const std::string& journal,
                                      std::int64_t points) {
  const std::size_t number = AxisToRefine(grid, wanted);
  const GridAxis& axis = grid.axes()[number];
  const Curves curves = CurvesOf(grid, number, output, journal, points);
  double least = std::numeric_limits<double>::infinity(), most = -least;
  std::map<std::pair<double, double>, double> misses;
  for (const auto& [others, curve] : curves) {
    for (const auto& [at, value] : curve) {
      least = std::min(least, value);
      most = std::max(most, value);
    }
    for (const auto& [interval, miss] : Misses(curve)) {
      misses[interval] = std::max(misses[interval], miss);
    }
  }
  const bool ratios = PlaceOn(axis, axis.coordinates[0].si) != axis.coordinates[0].si;
  std::vector<std::pair<double, std::pair<double, double>>> candidates;
  const double size = std::max(std::abs(least), std::abs(most));
  for (const auto& [interval, miss] : misses) {
    if (miss > std::max(kSmooth * (most - least), kRounding * size)) {
      candidates.emplace_back(miss, interval);
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return a.first > b.first;
  });
  for (const auto& [miss, interval] : candidates) {
    const double middle = (interval.first + interval.second) / 2;
    Coordinate coordinate = axis.make(ratios ? std::exp(middle) : middle);
    const bool is_new =
        std::none_of(axis.coordinates.begin(), axis.coordinates.end(), [&](const Coordinate& each) {
          return each.si == coordinate.si || each.label == coordinate.label;
        });
    if (is_new) {
      return NewCoordinate{number, std::move(coordinate)};
    }
  }
  return std::nullopt;
}

}  // namespace gridlock
