#pragma once

// Grids, records and journals made by hand.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/sweep/grid.h"
#include "sim/sweep/point_record.h"
#include "sim/sweep/sweep.h"
#include "tests/source_dir.h"

namespace gridlock {

/// An empty folder of its own for each test.
class Folder {
 public:
  Folder() {
    std::string name = ::testing::TempDir() + "gridlock_sweep_XXXXXX";
    path_ = ::mkdtemp(name.data());
  }

  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// An axis of numbers: nothing is set by it.
inline GridAxis NumberAxis(const std::string& name, const std::vector<double>& values,
                           const std::string& units = "1") {
  GridAxis axis;
  axis.name = name;
  axis.units = units;
  axis.long_name = "the " + name;
  axis.make = [](double si) {
    return Coordinate{fmt::format("{}", si), si, {}};
  };
  for (const double value : values) {
    axis.coordinates.push_back(axis.make(value));
  }
  return axis;
}

/// An axis of choices.
inline GridAxis ChoiceAxis(const std::string& name, const std::vector<std::string>& labels) {
  GridAxis axis;
  axis.name = name;
  axis.units = "1";
  axis.long_name = "choice of " + name;
  axis.is_choice = true;
  for (const std::string& label : labels) {
    axis.coordinates.push_back({label, static_cast<double>(axis.coordinates.size()), {}});
  }
  return axis;
}

/// A finished point at a cell.
inline PointRecord RecordAt(const Grid& grid, const Cell& cell, std::int64_t point,
                            std::vector<OutputValue> outputs) {
  PointRecord record;
  record.point = point;
  record.outputs = std::move(outputs);
  record.fingerprint = fmt::format("{:016x}", point + 1);
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const GridAxis& axis = grid.axes()[i];
    record.at.emplace_back(axis.name, axis.coordinates[cell[i]].label);
  }
  return record;
}

inline PointRecord RefusedAt(const Grid& grid, const Cell& cell, std::int64_t point,
                             const std::string& message) {
  PointRecord record = RecordAt(grid, cell, point, {});
  record.status = PointStatus::kRefused;
  record.fingerprint = "";
  record.message = message;
  return record;
}

inline OutputValue StepTime(double seconds) {
  return {"step_time", "", seconds, ""};
}

/// Writes the lines of a journal.
inline void WriteLines(const std::string& file, const std::vector<PointRecord>& records) {
  std::ofstream out(file, std::ios::binary);
  for (const PointRecord& record : records) {
    out << LineOf(record) << "\n";
  }
}

inline const std::string kSweepFixtures = GRIDLOCK_SOURCE_DIR "/tests/fixtures";

/// Reads a sweep that starts from tests/fixtures/right/small.textproto: two servers of eight
/// accelerators, a catalogue of round numbers. `text` is all of it but the first lines.
inline Sweep SweepOf(const std::string& text, const std::vector<std::string>& overrides = {}) {
  setenv("GRIDLOCK_CATALOG", (kSweepFixtures + "/catalog").c_str(), 1);
  return ReadSweepText(
      kSweepFixtures + "/right/sweep.textproto",
      "schema_version: 1 name: \"s\" scenario: \"small.textproto\" fidelity: \"analytic\"\n" + text,
      overrides);
}

/// The labels of an axis.
inline std::vector<std::string> LabelsOf(const GridAxis& axis) {
  std::vector<std::string> labels;
  for (const Coordinate& each : axis.coordinates) {
    labels.push_back(each.label);
  }
  return labels;
}

/// The values of an axis.
inline std::vector<double> ValuesOf(const GridAxis& axis) {
  std::vector<double> values;
  for (const Coordinate& each : axis.coordinates) {
    values.push_back(each.si);
  }
  return values;
}

}  // namespace gridlock
