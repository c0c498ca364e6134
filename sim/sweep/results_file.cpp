#include "sim/sweep/results_file.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/base/atomic_file.h"
#include "sim/base/check.h"
#include "sim/record/fingerprint.h"
#include "sim/record/hdf5_file.h"
#include "sim/record/trace_attributes.h"
#include "sim/sweep/journal.h"
#include "sim/sweep/lookup.h"
#include "sim/sweep/outputs.h"
#include "sim/sweep/point_record.h"

namespace gridlock {
namespace {

/// What the journal holds: found in a first pass.
struct Contents {
  std::vector<const OutputColumn*> columns;                ///< that some point has, in their order
  std::map<std::string, std::vector<std::string>> labels;  ///< by dimension, in order of appearance
  std::string fingerprint;
};

/// An output that is called as an axis is left out: the axis says it.
Contents ContentsOf(const Grid& grid, const std::string& journal) {
  Contents contents;
  std::map<std::string, std::map<std::string, bool>> known;
  std::map<std::string, bool> present;
  RunFingerprint fingerprint;
  ForEachLine(journal, [&](std::string_view line) {
    const PointRecord record = RecordOf(line);
    Fingerprint point;
    point.Add(std::string_view(NameOf(record.status)));
    point.Add(record.fingerprint);
    point.Add(record.set);
    fingerprint.Add(point.value());
    for (const OutputValue& value : record.outputs) {
      present[value.name] = true;
      const OutputColumn* const column = FindOutputColumn(value.name);
      if (column != nullptr && !column->dimension.empty() &&
          std::exchange(known[column->dimension][value.label], true) == false) {
        contents.labels[column->dimension].push_back(value.label);
      }
    }
  });
  for (const OutputColumn& column : OutputColumns()) {
    const bool is_axis =
        std::any_of(grid.axes().begin(), grid.axes().end(), [&](const GridAxis& axis) {
          return axis.name == column.name;
        });
    if (present.contains(column.name) && !is_axis) {
      contents.columns.push_back(&column);
    }
  }
  contents.fingerprint = FingerprintText(fingerprint.value());
  return contents;
}

/// Dimensions of results must not be called as an axis of the sweep is.
std::string DimensionName(const OutputColumn& column, const Grid& grid) {
  const bool taken = std::any_of(grid.axes().begin(), grid.axes().end(), [&](const auto& axis) {
    return axis.name == column.dimension;
  });
  return taken ? column.dimension + "_" : column.dimension;
}

class ResultsWriter {
 public:
  ResultsWriter(const Sweep& sweep, const TraceHeader& header, const Grid& grid,
                const Contents& contents, const std::string& path)
      : grid_(grid), contents_(contents), lookup_(grid), file_(path) {
    WriteHeaderAttributes(file_, header, "sweep");
    file_.SetAttribute("", "sweep", sweep.text);
    file_.SetAttribute("", "fidelity", FidelityName(sweep.fidelity));
    several_bases_ = sweep.bases.size() > 1;
    for (std::size_t i = 0; several_bases_ && i < sweep.bases.size(); ++i) {
      file_.SetAttribute("", fmt::format("scenario_{}", i), sweep.bases[i].base.TextAt({}));
      file_.SetAttribute("", fmt::format("scenario_{}_file", i), sweep.bases[i].name);
    }
    file_.SetAttribute("", "fingerprint", contents.fingerprint);
    for (const GridAxis& axis : grid.axes()) {
      dimensions_.push_back(axis.name);
      sizes_.push_back(axis.coordinates.size());
    }
    if (dimensions_.empty()) {  // one point
      dimensions_.emplace_back("point_number");
      sizes_.push_back(1);
    }
    inner_ = 1;
    for (std::size_t i = 1; i < sizes_.size(); ++i) {
      inner_ *= sizes_[i];
    }
    rows_ = std::clamp<std::size_t>(kSlab / inner_, 1, sizes_[0]);
    AddVariables();
  }

  void Write(const std::string& journal) {
    // A slab holds `rows_` numbers of the first axis. Points come in the order of the grid, but for
    // those that refinement added: then, slab by slab, the journal is read again.
    for (first_ = 0; first_ < sizes_[0]; first_ += rows_) {
      Clear();
      ForEachLine(journal, [&](std::string_view line) {
        Take(RecordOf(line));
      });
      WriteSlab();
    }
    file_.Commit();
  }

 private:
  static constexpr std::size_t kSlab = 200'000;  ///< cells

  /// A variable and its part that lies in the slab.
  struct Slab {
    const OutputColumn* column = nullptr;
    std::size_t elements = 1;
    std::vector<double> numbers;
    std::vector<std::string> texts;
  };

  VariableSpec SpecOf(const std::string& name, ElementType type, const std::string& units,
                      const std::string& long_name) const {
    VariableSpec spec;
    spec.name = name;
    spec.type = type;
    spec.dimensions = dimensions_;
    spec.units = units;
    spec.long_name = long_name;
    constexpr std::size_t kChunk = 4096;  // elements, or the next whole dimension
    spec.chunk.assign(sizes_.size(), 1);
    std::size_t elements = 1;
    for (std::size_t i = sizes_.size(); i-- > 0 && elements < kChunk;) {
      spec.chunk[i] = std::min(sizes_[i], std::max<std::size_t>(1, kChunk / elements));
      elements *= spec.chunk[i];
    }
    spec.padded = type == ElementType::kFloat64;
    return spec;
  }

  void AddAxis(const GridAxis& axis) {
    VariableSpec spec;
    spec.name = axis.name;
    spec.type = axis.is_choice ? ElementType::kText : ElementType::kFloat64;
    spec.dimensions = {axis.name};
    spec.units = axis.units;
    spec.long_name = axis.long_name;
    spec.chunk = {axis.coordinates.size()};
    file_.Fix(axis.name, axis.coordinates.size());
    file_.AddVariable(spec);
    file_.Extend(axis.name, axis.coordinates.size());
    std::vector<double> values;
    std::vector<std::string> labels;
    for (const Coordinate& each : axis.coordinates) {
      values.push_back(each.si);
      labels.push_back(each.label);
    }
    if (axis.is_choice) {
      file_.Write(axis.name, {0}, {labels.size()}, std::span<const std::string>(labels));
      return;
    }
    file_.Write(axis.name, {0}, {values.size()}, std::span<const double>(values));
    spec.name = axis.name + "_label";
    spec.type = ElementType::kText;
    spec.units = "1";
    spec.long_name = "value as it was written";
    file_.AddVariable(spec);
    file_.Write(spec.name, {0}, {labels.size()}, std::span<const std::string>(labels));
  }

  void AddVariables() {
    for (const GridAxis& axis : grid_.axes()) {
      AddAxis(axis);
    }
    if (grid_.axes().empty()) {
      VariableSpec spec = SpecOf(dimensions_[0], ElementType::kInt32, "1", "number of the point");
      file_.Fix(dimensions_[0], 1);
      file_.AddVariable(spec);
      file_.Extend(dimensions_[0], 1);
    }
    for (const auto& [dimension, labels] : contents_.labels) {
      AddLabels(dimension, labels);
    }
    file_.AddVariable(
        SpecOf("point", ElementType::kInt64, "1", "number in the journal; -1: left out"));
    file_.AddVariable(SpecOf("status", ElementType::kUint8, "1", "how the point ended"));
    const std::uint8_t flags[] = {0, 1, 2, 3, 4};
    file_.SetAttribute("status", "flag_values", flags);
    file_.SetAttribute("status", "flag_meanings",
                       std::string(fmt::format("{}", fmt::join(kNames<PointStatus>, " "))));
    file_.AddVariable(SpecOf("message", ElementType::kText, "1", "why the point is not done"));
    file_.AddVariable(SpecOf("overrides", ElementType::kText, "1",
                             "what the point says differently from its scenario, one path=value a "
                             "line, as gridlock run --set takes it"));
    if (several_bases_) {
      file_.AddVariable(
          SpecOf("scenario_file", ElementType::kText, "1",
                 "scenario that the point starts from: its text is attribute scenario_N with this "
                 "scenario_N_file"));
    }
    file_.AddVariable(
        SpecOf("point_fingerprint", ElementType::kText, "1", "fingerprint of the run"));
    for (const OutputColumn* const column : contents_.columns) {
      AddOutput(*column);
    }
  }

  void AddLabels(const std::string& dimension, const std::vector<std::string>& labels) {
    VariableSpec spec;
    OutputColumn column;
    column.dimension = dimension;
    spec.name = DimensionName(column, grid_);
    spec.type = ElementType::kText;
    spec.dimensions = {spec.name};
    spec.units = "1";
    spec.long_name = dimension;
    spec.chunk = {labels.size()};
    file_.Fix(spec.name, labels.size());
    file_.AddVariable(spec);
    file_.Extend(spec.name, labels.size());
    file_.Write(spec.name, {0}, {labels.size()}, std::span<const std::string>(labels));
  }

  void AddOutput(const OutputColumn& column) {
    const ElementType type = column.is_text ? ElementType::kText : ElementType::kFloat64;
    VariableSpec spec = SpecOf(column.name, type, column.units, column.long_name);
    Slab slab;
    slab.column = &column;
    if (!column.dimension.empty()) {
      slab.elements = contents_.labels.at(column.dimension).size();
      spec.dimensions.push_back(DimensionName(column, grid_));
      spec.chunk.push_back(slab.elements);
    }
    file_.AddVariable(spec);
    slabs_.push_back(std::move(slab));
  }

  void Clear() {
    const std::size_t cells = rows_ * inner_;
    for (Slab& slab : slabs_) {
      if (slab.column->is_text) {
        slab.texts.assign(cells * slab.elements, "");
      } else {
        slab.numbers.assign(cells * slab.elements, std::numeric_limits<double>::quiet_NaN());
      }
    }
    points_.assign(cells, -1);
    status_.assign(cells, static_cast<std::uint8_t>(PointStatus::kLeftOut));
    messages_.assign(cells, "");
    sets_.assign(cells, "");
    scenarios_.assign(cells, "");
    fingerprints_.assign(cells, "");
  }

  void Take(const PointRecord& record) {
    const std::uint64_t number = grid_.NumberOf(lookup_.CellOf(record));
    const std::uint64_t begin = first_ * inner_;
    if (number < begin || number >= begin + rows_ * inner_) {
      return;
    }
    const auto at = static_cast<std::size_t>(number - begin);
    points_[at] = record.point;
    status_[at] = static_cast<std::uint8_t>(record.status);
    messages_[at] = record.message;
    sets_[at] = record.set;
    scenarios_[at] = record.scenario;
    fingerprints_[at] = record.fingerprint;
    for (const OutputValue& value : record.outputs) {
      const auto slab = std::find_if(slabs_.begin(), slabs_.end(), [&](const Slab& each) {
        return each.column->name == value.name;
      });
      if (slab == slabs_.end()) {
        continue;
      }
      std::size_t element = 0;
      if (!slab->column->dimension.empty()) {
        const std::vector<std::string>& labels = contents_.labels.at(slab->column->dimension);
        element = static_cast<std::size_t>(std::find(labels.begin(), labels.end(), value.label) -
                                           labels.begin());
      }
      if (slab->column->is_text) {
        slab->texts[at * slab->elements + element] = value.text;
      } else {
        slab->numbers[at * slab->elements + element] = value.number;
      }
    }
  }

  template <typename T>
  void WriteBlock(const std::string& name, const std::vector<T>& values, std::size_t elements) {
    const std::size_t rows = std::min(rows_, sizes_[0] - first_);
    Hdf5File::Position start(sizes_.size(), 0), count = sizes_;
    start[0] = first_;
    count[0] = rows;
    if (elements > 0) {
      start.push_back(0);
      count.push_back(elements);
    }
    const std::size_t size = rows * inner_ * std::max<std::size_t>(1, elements);
    file_.Write(name, start, count, std::span<const T>(values).first(size));
  }

  void WriteSlab() {
    WriteBlock("point", points_, 0);
    WriteBlock("status", status_, 0);
    WriteBlock("message", messages_, 0);
    WriteBlock("overrides", sets_, 0);
    if (several_bases_) {
      WriteBlock("scenario_file", scenarios_, 0);
    }
    WriteBlock("point_fingerprint", fingerprints_, 0);
    for (const Slab& slab : slabs_) {
      const std::size_t elements = slab.column->dimension.empty() ? 0 : slab.elements;
      if (slab.column->is_text) {
        WriteBlock(slab.column->name, slab.texts, elements);
      } else {
        WriteBlock(slab.column->name, slab.numbers, elements);
      }
    }
  }

  const Grid& grid_;
  const Contents& contents_;
  CellLookup lookup_;
  Hdf5File file_;
  std::vector<std::string> dimensions_;
  std::vector<std::size_t> sizes_;
  std::size_t inner_ = 1;  ///< cells of one number of the first axis
  std::size_t rows_ = 1;   ///< numbers of the first axis in a slab
  std::size_t first_ = 0;  ///< of them
  std::vector<Slab> slabs_;
  std::vector<std::int64_t> points_;
  std::vector<std::uint8_t> status_;
  std::vector<std::string> messages_, sets_, scenarios_, fingerprints_;
  bool several_bases_ = false;
};

/// A field of a CSV (RFC 4180).
std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  }
  return quoted + "\"";
}

/// The columns of outputs, "breakdown.data_comm".
std::vector<std::pair<const OutputColumn*, std::string>> CsvColumns(const Contents& contents) {
  std::vector<std::pair<const OutputColumn*, std::string>> columns;
  for (const OutputColumn* const column : contents.columns) {
    if (column->dimension.empty()) {
      columns.emplace_back(column, "");
      continue;
    }
    for (const std::string& label : contents.labels.at(column->dimension)) {
      columns.emplace_back(column, label);
    }
  }
  return columns;
}

std::string CsvHead(const Grid& grid,
                    const std::vector<std::pair<const OutputColumn*, std::string>>& columns) {
  std::string head = "point,status";
  for (const GridAxis& axis : grid.axes()) {
    head += "," + axis.name + (axis.is_choice || axis.units == "1" ? "" : " (" + axis.units + ")");
  }
  for (const auto& [column, label] : columns) {
    const std::string units = column->units == "1" ? "" : " (" + column->units + ")";
    head += "," + CsvField(column->name + (label.empty() ? "" : "." + label) + units);
  }
  return head + ",fingerprint,message\n";
}

void WriteCsv(const Grid& grid, const Contents& contents, const std::string& journal,
              const std::string& path) {
  const auto columns = CsvColumns(contents);
  const CellLookup lookup(grid);
  AtomicFile file(path);
  file.Write(CsvHead(grid, columns));
  ForEachLine(journal, [&](std::string_view line) {
    const PointRecord record = RecordOf(line);
    const Cell cell = lookup.CellOf(record);
    std::string text = fmt::format("{},{}", record.point, NameOf(record.status));
    for (std::size_t i = 0; i < cell.size(); ++i) {
      const GridAxis& axis = grid.axes()[i];
      const Coordinate& at = axis.coordinates[cell[i]];
      text += "," + (axis.is_choice ? CsvField(at.label) : fmt::format("{}", at.si));
    }
    std::map<std::pair<std::string, std::string>, const OutputValue*> values;
    for (const OutputValue& value : record.outputs) {
      values[{value.name, value.label}] = &value;
    }
    for (const auto& [column, label] : columns) {
      const auto found = values.find({column->name, label});
      text += ",";
      if (found != values.end()) {
        const OutputValue& value = *found->second;
        text += column->is_text            ? CsvField(value.text)
                : std::isnan(value.number) ? ""
                                           : fmt::format("{}", value.number);
      }
    }
    file.Write(text + "," + record.fingerprint + "," + CsvField(record.message) + "\n");
  });
  file.Commit();
}

}  // namespace

std::string WriteResults(const Sweep& sweep, const TraceHeader& header, const Grid& grid,
                         const std::string& journal, const std::string& path) {
  const Contents contents = ContentsOf(grid, journal);
  ResultsWriter(sweep, header, grid, contents, path + ".h5").Write(journal);
  WriteCsv(grid, contents, journal, path + ".csv");
  return contents.fingerprint;
}

}  // namespace gridlock
