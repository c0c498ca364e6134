#include "sim/record/trace.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>

#include "sim/base/check.h"
#include "sim/record/columns.h"
#include "sim/record/step_fields.h"
#include "sim/record/trace_attributes.h"

namespace gridlock {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Rows of one chunk of a variable with `width` elements per row: such chunks are rewritten row by
/// row, so they stay near one disk block (4 KiB is 512 doubles) and within what is planned.
std::size_t RowsPerChunk(std::size_t width, std::size_t points) {
  const std::size_t rows = std::clamp<std::size_t>(512 / std::max<std::size_t>(1, width), 1, 64);
  return points == 0 ? rows : std::min(rows, points);
}

std::size_t SamplesOf(const StepRecord& record) {
  std::size_t samples = 0;
  for (const UtilisationSeries& series : record.utilisation) {
    samples = std::max(samples, series.share.size());
  }
  return samples;
}

std::size_t StagesOf(const StepRecord& record) {
  int stages = 0;
  for (const StageMemory& memory : record.memory) {
    CHECK(memory.stage >= 0);
    stages = std::max(stages, memory.stage + 1);
  }
  return static_cast<std::size_t>(stages);
}

// Variables that stand for no field of the record: axes, and what the study says of the cap.

TraceColumn SampleColumn() {
  return {"sample", ElementType::kInt32, {"sample"}, "1", "number of the utilisation interval", {}};
}

TraceColumn RowColumn(const char* name, const char* along, const char* unit, const char* meaning) {
  return {name, ElementType::kFloat64, {"cap", along}, unit, meaning, {}};
}

TraceColumn TimeColumn() {
  return RowColumn("time", "sample", "s", "start of the interval since the step began");
}

TraceColumn StepFractionColumn() {
  return RowColumn("step_fraction", "sample", "1", "start of the interval over the step time");
}

TraceColumn PowerColumn() {
  return RowColumn(
      "power", "sample", "W",
      "power that the servers draw from the site, without PUE, mean over the interval");
}

TraceColumn CollectiveColumn() {
  return {"collective", ElementType::kText, {"collective"}, "1", "kind of collective", {}};
}

TraceColumn CollectiveTimeColumn() {
  return RowColumn("collective_time", "collective", "s",
                   "measured duration of the kind of collective");
}

TraceColumn SpanColumn() {
  return {"span", ElementType::kInt32, {"span"}, "1", "number of the span of a timeline", {}};
}

TraceColumn CapValueColumn(const std::string& units, const std::string& quantity) {
  return {"cap_value",
          ElementType::kFloat64,
          {"cap"},
          units,
          "value of the cap (" + quantity + "); 0 in the baseline",
          {}};
}

/// Calls `visit` with the column of every field of T that is in the trace, and the field.
template <HasFields T>
void ForEachColumn(auto&& visit) {
  ForEachField<T>([&]<typename Field>(const Field& field) {
    if constexpr (!kIsTable<typename Field::Value>) {
      if (field.note.in_trace) {
        visit(ColumnOf<T>(field), field);
      }
    }
  });
}

/// One number of an element of a table, or of one in a record.
template <typename Field, typename T>
double NumberOf(const Field& field, const T& item, const StepRecord& record) {
  if constexpr (std::is_same_v<typename Field::Value, std::string> ||
                std::is_same_v<typename Field::Value, std::vector<double>>) {
    return kNaN;
  } else {
    return static_cast<double>(ElementOf(field.Of(item, record), field.note));
  }
}

}  // namespace

std::size_t TraceWriter::NameAxis::IndexOf(const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  const auto index = static_cast<std::size_t>(found - names.begin());
  if (found == names.end()) {
    names.push_back(name);
  }
  return index;
}

TraceWriter::TraceWriter(const std::string& path, const TraceHeader& header,
                         TraceVocabulary vocabulary, int points)
    : file_(path),
      cap_quantity_(header.cap_quantity.empty() ? "nothing capped" : header.cap_quantity),
      cap_units_(header.cap_units.empty() ? "1" : header.cap_units),
      points_(static_cast<std::size_t>(points)),
      resources_{"resource", std::move(vocabulary.resources)},
      attributions_{"attribution_resource", std::move(vocabulary.attributions)},
      activities_{"activity", std::move(vocabulary.activities)},
      collectives_{"collective", std::move(vocabulary.collectives)},
      links_{"link", {}},
      operations_{"operation", {}} {
  CHECK(points >= 0);
  WriteHeaderAttributes(file_, header, "step");
  file_.SetAttribute("", "cap_quantity", header.cap_quantity);
  file_.SetAttribute("", "points_planned", std::int32_t{points});
  file_.SetAttribute("", "fingerprint", FingerprintText(fingerprint()));
  file_.Publish();
}

void TraceWriter::CollectNames(const StepRecord& record) {
  for (const UtilisationSeries& series : record.utilisation) {
    resources_.IndexOf(series.resource);
  }
  for (const Attribution& part : record.attribution) {
    attributions_.IndexOf(part.resource);
  }
  for (const BreakdownPart& part : record.breakdown) {
    activities_.IndexOf(part.activity);
  }
  for (const auto& [name, seconds] : record.collective_seconds) {
    collectives_.IndexOf(name);
  }
  for (const LinkUse& link : LinksOf(record)) {
    links_.IndexOf(link.name);
  }
  for (const OperationCost& operation : record.operations) {
    operations_.IndexOf(operation.name);
  }
}

/// Of a trace with one row everything is known before it is written.
void TraceWriter::FixAxes(const StepRecord& record) {
  for (const NameAxis* axis :
       {&resources_, &attributions_, &activities_, &collectives_, &links_, &operations_}) {
    file_.Fix(axis->dimension, axis->names.size());
  }
  file_.Fix("sample", SamplesOf(record));
  file_.Fix("stage", StagesOf(record));
  file_.Fix("span", record.timeline.size());
  file_.Fix("cap", 1);
}

void TraceWriter::CreateVariables(const StepRecord& record) {
  CreateAxes(record);
  CreateRowVariables();
  const std::size_t samples = std::max<std::size_t>(1, SamplesOf(record));
  CreateSeriesVariables(samples);
  CreateBudgetVariables(std::max<std::size_t>(1, StagesOf(record)), samples);
  has_timeline_ = !record.timeline.empty();
  if (has_timeline_) {
    CreateTimelineVariables(record);
  }
}

void TraceWriter::AddColumn(const TraceColumn& column, const std::vector<std::size_t>& chunk,
                            Fill fill) {
  file_.AddVariable({.name = column.name,
                     .type = column.type,
                     .dimensions = column.dimensions,
                     .units = column.units,
                     .long_name = column.long_name,
                     .chunk = chunk,
                     .written_once = fill == Fill::kSeries,
                     .padded = fill != Fill::kZero});
  if (!column.flags.empty()) {
    std::vector<std::uint8_t> values;
    std::string meanings;
    for (const std::string& flag : column.flags) {
      meanings += (values.empty() ? "" : " ") + flag;
      values.push_back(static_cast<std::uint8_t>(values.size()));
    }
    file_.SetAttribute(column.name, "flag_values", values);
    file_.SetAttribute(column.name, "flag_meanings", meanings);
  }
}

void TraceWriter::CreateAxes(const StepRecord& record) {
  constexpr std::size_t kLabels = 16;
  const std::size_t samples = std::max<std::size_t>(1, SamplesOf(record));
  const std::size_t stages = std::max<std::size_t>(1, StagesOf(record));
  const auto add_labels = [this]<typename T>(const T& /*example*/, std::size_t chunk) {
    ForEachColumn<T>([&](const TraceColumn& column, const auto& field) {
      if (field.note.label) {
        AddColumn(column, {chunk}, Fill::kZero);
      }
    });
  };
  add_labels(record, RowsPerChunk(1, points_));
  add_labels(UtilisationSeries(), kLabels);
  add_labels(Attribution(), kLabels);
  add_labels(BreakdownPart(), kLabels);
  add_labels(LinkUse(), kLabels);
  AddColumn(CollectiveColumn(), {kLabels}, Fill::kZero);
  AddColumn(SampleColumn(), {samples}, Fill::kZero);
  add_labels(StageMemory(), stages);
}

void TraceWriter::CreateRowVariables() {
  const std::vector<std::size_t> chunk = {RowsPerChunk(1, points_)};
  AddColumn(CapValueColumn(cap_units_, cap_quantity_), chunk, Fill::kZero);
  ForEachColumn<StepRecord>([&](const TraceColumn& column, const auto& field) {
    if (!field.note.label) {
      AddColumn(column, chunk, Fill::kZero);
      file_.SetAttribute(column.name, "coordinates", "cap_value");
    }
  });
}

template <typename T>
void TraceWriter::CreateTable(std::size_t width, Fill fill) {
  ForEachColumn<T>([&](const TraceColumn& column, const auto& field) {
    if (!field.note.label && column.dimensions.size() == 2) {
      AddColumn(column, {RowsPerChunk(width, points_), width}, fill);
      file_.SetAttribute(column.name, "coordinates", "cap_value");
    }
  });
}

void TraceWriter::CreateSeriesVariables(std::size_t samples) {
  const std::size_t resources = std::max<std::size_t>(1, resources_.names.size());
  // The long series: one chunk per row, written once and compressed.
  AddColumn(TimeColumn(), {1, samples}, Fill::kSeries);
  AddColumn(StepFractionColumn(), {1, samples}, Fill::kSeries);
  AddColumn(PowerColumn(), {1, samples}, Fill::kSeries);
  ForEachColumn<UtilisationSeries>([&](const TraceColumn& column, const auto& /*field*/) {
    if (column.dimensions.size() == 3) {
      AddColumn(column, {1, resources, samples}, Fill::kSeries);
      file_.SetAttribute(column.name, "coordinates", "cap_value time step_fraction");
    }
  });
  CreateTable<UtilisationSeries>(resources, Fill::kMissing);
}

void TraceWriter::CreateBudgetVariables(std::size_t stages, std::size_t samples) {
  const auto width = [](const NameAxis& axis) {
    return std::max<std::size_t>(1, axis.names.size());
  };
  CreateTable<Attribution>(width(attributions_), Fill::kZero);
  CreateTable<BreakdownPart>(width(activities_), Fill::kZero);
  AddColumn(CollectiveTimeColumn(),
            {RowsPerChunk(width(collectives_), points_), width(collectives_)}, Fill::kZero);
  file_.SetAttribute(CollectiveTimeColumn().name, "coordinates", "cap_value");
  CreateTable<LinkUse>(width(links_), Fill::kMissing);
  ForEachColumn<LinkUse>([&](const TraceColumn& column, const auto& /*field*/) {
    if (column.dimensions.size() == 3) {
      AddColumn(column, {1, width(links_), samples}, Fill::kSeries);
      file_.SetAttribute(column.name, "coordinates", "cap_value time step_fraction");
    }
  });
  CreateTable<StageMemory>(stages, Fill::kMissing);
}

// A test of the writer, and a record of an older kind, have neither spans nor operations.
void TraceWriter::CreateTimelineVariables(const StepRecord& record) {
  AddColumn(SpanColumn(), {std::max<std::size_t>(1, record.timeline.size())}, Fill::kZero);
  ForEachColumn<TimelineSpan>([&](const TraceColumn& column, const auto& /*field*/) {
    AddColumn(column, {1, record.timeline.size()}, Fill::kSeries);
    file_.SetAttribute(column.name, "coordinates", "cap_value");
  });
  const std::size_t operations = std::max<std::size_t>(1, operations_.names.size());
  ForEachColumn<OperationCost>([&](const TraceColumn& column, const auto& field) {
    if (field.note.label) {
      AddColumn(column, {operations}, Fill::kZero);
    }
  });
  CreateTable<OperationCost>(operations, Fill::kMissing);
}

void TraceWriter::GrowAxes(const StepRecord& record) {
  CollectNames(record);
  std::vector<NameAxis*> axes = {&resources_, &attributions_, &activities_, &collectives_, &links_};
  if (has_timeline_) {
    axes.push_back(&operations_);
  }
  for (NameAxis* axis : axes) {
    const std::size_t added = axis->names.size() - axis->written;
    file_.Extend(axis->dimension, axis->names.size());
    const std::span<const std::string> names(axis->names);
    file_.Write(axis->dimension, {axis->written}, {added}, names.subspan(axis->written));
    axis->written = axis->names.size();
  }
  const auto grow_numbers = [this](const char* dimension, std::size_t size) {
    std::vector<std::int32_t> numbers;
    const std::size_t old_size = file_.size(dimension);
    for (std::size_t i = old_size; i < size; ++i) {
      numbers.push_back(static_cast<std::int32_t>(i));
    }
    file_.Extend(dimension, std::max(size, old_size));
    file_.Write(dimension, {old_size}, {numbers.size()}, numbers);
  };
  grow_numbers("sample", SamplesOf(record));
  grow_numbers("stage", StagesOf(record));
  if (has_timeline_) {
    grow_numbers("span", record.timeline.size());
  }
  file_.Extend("cap", rows_ + 1);
}

void TraceWriter::WriteRow(const StepRecord& record) {
  const auto write = [this](const std::string& name, const auto& value) {
    file_.Write(name, {rows_}, {1}, std::span(&value, 1));
  };
  write("cap_value", record.cap_si);
  ForEachColumn<StepRecord>([&]<typename Field>(const TraceColumn& column, const Field& field) {
    if constexpr (ElementTypeOf<typename Field::Value>() != ElementType::kFloat64 ||
                  kIsQuantity<typename Field::Value> ||
                  std::is_floating_point_v<typename Field::Value>) {
      write(column.name, ElementOf(field.Of(record), field.note));
    }
  });
}

template <typename T>
void TraceWriter::WriteTable(const StepRecord& record, const std::vector<T>& items,
                             const std::vector<std::size_t>& places, Fill fill) {
  ForEachColumn<T>([&](const TraceColumn& column, const auto& field) {
    if (field.note.label || column.dimensions.size() != 2) {
      return;
    }
    std::vector<double> values(file_.size(column.dimensions[1]),
                               fill == Fill::kMissing ? kNaN : 0.0);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const double value = NumberOf(field, items[i], record);
      // Parts of the same name add up: an evaluator may report one activity in several pieces.
      values[places[i]] = fill == Fill::kMissing ? value : values[places[i]] + value;
    }
    file_.Write(column.name, {rows_, 0}, {1, values.size()}, values);
  });
}

/// Where each of the named items lies on the axis.
template <typename T>
std::vector<std::size_t> TraceWriter::PlacesOf(NameAxis& axis, const std::vector<T>& items,
                                               std::string T::*name) {
  std::vector<std::size_t> places;
  for (const T& item : items) {
    places.push_back(axis.IndexOf(item.*name));
  }
  return places;
}

void TraceWriter::WriteSeries(const StepRecord& record) {
  const std::size_t samples = file_.size("sample");
  const std::size_t resources = resources_.names.size();
  std::vector<double> time(samples, kNaN);
  std::vector<double> fraction(samples, kNaN);
  for (std::size_t i = 0; i < SamplesOf(record); ++i) {
    time[i] = static_cast<double>(i) * record.interval.si();
    fraction[i] = time[i] / record.step_time.si();
  }
  const std::vector<std::size_t> places =
      PlacesOf(resources_, record.utilisation, &UtilisationSeries::resource);
  std::vector<double> share(resources * samples, kNaN);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::vector<double>& series = record.utilisation[i].share;
    std::copy(series.begin(), series.end(),
              share.begin() + static_cast<std::ptrdiff_t>(places[i] * samples));
  }
  file_.Write("time", {rows_, 0}, {1, samples}, time);
  file_.Write("step_fraction", {rows_, 0}, {1, samples}, fraction);
  std::vector<double> power = record.power;
  power.resize(samples, kNaN);
  file_.Write("power", {rows_, 0}, {1, samples}, power);
  file_.Write("utilisation", {rows_, 0, 0}, {1, resources, samples}, share);
  WriteTable(record, record.utilisation, places, Fill::kMissing);
}

void TraceWriter::WriteBudgets(const StepRecord& record) {
  WriteTable(record, record.attribution,
             PlacesOf(attributions_, record.attribution, &Attribution::resource), Fill::kZero);
  WriteTable(record, record.breakdown,
             PlacesOf(activities_, record.breakdown, &BreakdownPart::activity), Fill::kZero);
  std::vector<double> collective(collectives_.names.size(), 0.0);
  for (const auto& [name, seconds] : record.collective_seconds) {
    collective[collectives_.IndexOf(name)] += seconds;
  }
  file_.Write("collective_time", {rows_, 0}, {1, collective.size()}, collective);
  WriteLinks(record);
}

void TraceWriter::WriteLinks(const StepRecord& record) {
  const std::vector<LinkUse> links = LinksOf(record);
  const std::vector<std::size_t> places = PlacesOf(links_, links, &LinkUse::name);
  WriteTable(record, links, places, Fill::kMissing);
  const std::size_t samples = file_.size("sample");
  std::vector<double> share(links_.names.size() * samples, kNaN);
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::copy(links[i].share.begin(), links[i].share.end(),
              share.begin() + static_cast<std::ptrdiff_t>(places[i] * samples));
  }
  file_.Write("link_share", {rows_, 0, 0}, {1, links_.names.size(), samples}, share);
}

void TraceWriter::WriteMemory(const StepRecord& record) {
  std::vector<std::size_t> places;
  for (const StageMemory& memory : record.memory) {
    places.push_back(static_cast<std::size_t>(memory.stage));
  }
  WriteTable(record, record.memory, places, Fill::kMissing);
}

void TraceWriter::WriteTimeline(const StepRecord& record) {
  if (!has_timeline_) {
    return;
  }
  std::vector<std::size_t> places(record.timeline.size());
  std::iota(places.begin(), places.end(), 0);
  WriteTable(record, record.timeline, places, Fill::kMissing);
  WriteTable(record, record.operations,
             PlacesOf(operations_, record.operations, &OperationCost::name), Fill::kMissing);
}

void TraceWriter::Append(const StepRecord& record) {
  CHECK(record.step_time.si() > 0.0);
  CHECK(points_ == 0 || rows_ < points_);
  if (rows_ == 0) {
    CollectNames(record);
    if (points_ == 1) {
      FixAxes(record);
    }
    CreateVariables(record);
  }
  GrowAxes(record);
  WriteRow(record);
  WriteSeries(record);
  WriteBudgets(record);
  WriteMemory(record);
  WriteTimeline(record);
  fingerprint_.Add(record.fingerprint);
  file_.SetAttribute("", "fingerprint", FingerprintText(fingerprint()));
  ++rows_;
  file_.Publish();
  file_.Keep();
}

void TraceWriter::Finish() {
  CHECK(rows_ > 0);
  file_.Commit();
}

std::vector<Output> StepOutputs() {
  std::vector<Output> outputs;
  for (const TraceColumn& column :
       {CapValueColumn("unit of the cap", "what is capped"), SampleColumn(), TimeColumn(),
        StepFractionColumn(), PowerColumn(), CollectiveColumn(), CollectiveTimeColumn(),
        SpanColumn()}) {
    outputs.push_back({column, ""});
  }
  for (const std::vector<Output>& table :
       {OutputsOf<StepRecord>(), OutputsOf<UtilisationSeries>(), OutputsOf<Attribution>(),
        OutputsOf<BreakdownPart>(), OutputsOf<LinkUse>(), OutputsOf<StageMemory>(),
        OutputsOf<TimelineSpan>(), OutputsOf<OperationCost>()}) {
    outputs.insert(outputs.end(), table.begin(), table.end());
  }
  return outputs;
}

}  // namespace gridlock
