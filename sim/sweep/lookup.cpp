#include "sim/sweep/lookup.h"

#include <limits>

#include "sim/base/check.h"

namespace gridlock {

CellLookup::CellLookup(const Grid& grid) {
  for (const GridAxis& axis : grid.axes()) {
    std::map<std::string, std::size_t>& places = places_.emplace_back();
    for (std::size_t i = 0; i < axis.coordinates.size(); ++i) {
      places.emplace(axis.coordinates[i].label, i);
    }
  }
}

Cell CellLookup::CellOf(const PointRecord& record) const {
  CHECK(record.at.size() == places_.size());
  Cell cell;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const auto found = places_[i].find(record.at[i].second);
    CHECK(found != places_[i].end());
    cell.push_back(found->second);
  }
  return cell;
}

double ValueIn(const PointRecord& record, const std::string& output) {
  const std::size_t dot = output.find('.');
  return ValueIn(record, output.substr(0, dot),
                 dot == std::string::npos ? "" : output.substr(dot + 1));
}

double ValueIn(const PointRecord& record, const std::string& output, const std::string& element) {
  for (const OutputValue& value : record.outputs) {
    if (value.name == output && value.label == element) {
      return value.number;
    }
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace gridlock
