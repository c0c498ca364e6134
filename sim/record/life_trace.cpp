#include "sim/record/life_trace.h"

#include <algorithm>
#include <map>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "sim/base/check.h"
#include "sim/record/columns.h"
#include "sim/record/fingerprint.h"
#include "sim/record/hdf5_file.h"
#include "sim/record/life_fields.h"
#include "sim/record/trace_attributes.h"

namespace gridlock {
namespace {

// Variables that stand for no field of the record: axes and what is told of them.

TraceColumn IntervalStartColumn() {
  return {"time",
          ElementType::kFloat64,
          {"time"},
          "s",
          "start of the interval since the simulation began",
          {}};
}

TraceColumn IntervalColumn() {
  return {"interval", ElementType::kFloat64, {"time"}, "s", "width of the interval", {}};
}

TraceColumn JobKindColumn() {
  return {"job_kind", ElementType::kText, {"job_kind"}, "1", "kind of job", {}};
}

/// The coordinate of an axis whose elements have a number and no name.
TraceColumn NumberColumn(const std::string& axis, const std::string& what) {
  return {axis, ElementType::kInt32, {axis}, "1", "number of the " + what, {}};
}

/// Numbers of texts in the order of their first mention.
class Numbering {
 public:
  int NumberOf(const std::string& text) {
    const auto [entry, added] = numbers_.try_emplace(text, static_cast<int>(texts_.size()));
    if (added) {
      texts_.push_back(text);
    }
    return entry->second;
  }

  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::map<std::string, int> numbers_;
  std::vector<std::string> texts_;
};

std::vector<std::int32_t> NumbersBelow(std::size_t count) {
  std::vector<std::int32_t> numbers;
  for (std::size_t i = 0; i < count; ++i) {
    numbers.push_back(static_cast<std::int32_t>(i));
  }
  return numbers;
}

/// Appends the numbers of a field that is a list, or a list of lists.
void AppendSeries(std::vector<double>& numbers, const std::vector<double>& series,
                  std::size_t intervals) {
  CHECK(series.size() == intervals);
  numbers.insert(numbers.end(), series.begin(), series.end());
}

void AppendSeries(std::vector<double>& numbers, const auto& list_of_series, std::size_t intervals) {
  for (const std::vector<double>& series : list_of_series) {
    AppendSeries(numbers, series, intervals);
  }
}

class LifeTraceWriter {
 public:
  LifeTraceWriter(const std::string& path, const LifeRecord& record)
      : file_(path), record_(record) {}

  void Write(const TraceHeader& header);

 private:
  /// Adds a dimension with its coordinate.
  template <typename T>
  void AddAxis(const TraceColumn& column, const std::vector<T>& values) {
    file_.Fix(column.name, values.size());
    file_.AddVariable(Spec(column, {values.size()}));
    file_.Extend(column.name, values.size());
    file_.Write(column.name, {0}, {values.size()}, std::span<const T>(values));
  }

  /// Adds a variable along dimensions that are there.
  template <typename T>
  void Add(const TraceColumn& column, const std::vector<T>& values) {
    Hdf5File::Position extent;
    for (const std::string& dimension : column.dimensions) {
      extent.push_back(file_.size(dimension));
    }
    file_.AddVariable(Spec(column, extent));
    file_.Write(column.name, Hdf5File::Position(extent.size(), 0), extent,
                std::span<const T>(values));
    if (!column.flags.empty()) {
      AddFlags(column);
    }
  }

  /// Adds a variable for every field of the elements of a table.
  template <typename T>
  void AddTable(std::span<const T> items);

  /// Adds the variable of one field.
  template <typename T, typename Field>
  void AddField(const Field& field, std::span<const T> items);

  static VariableSpec Spec(const TraceColumn& column, const Hdf5File::Position& extent);

  void AddFlags(const TraceColumn& column);
  void AddTexts(const FieldNote& note, const std::vector<std::string>& texts);
  void AddAttributes();
  void AddTime();
  void AddJobKinds();
  void CheckNumber(const FieldNote& note, std::int32_t number) const;

  Hdf5File file_;
  const LifeRecord& record_;
};

VariableSpec LifeTraceWriter::Spec(const TraceColumn& column, const Hdf5File::Position& extent) {
  // One chunk per row of the last dimension, of at most half a megabyte.
  constexpr std::size_t kLongest = 65536;
  std::vector<std::size_t> chunk(extent.size(), 1);
  chunk.back() = std::clamp<std::size_t>(extent.back(), 1, kLongest);
  return {
      .name = column.name,
      .type = column.type,
      .dimensions = column.dimensions,
      .units = column.units,
      .long_name = column.long_name,
      .chunk = chunk,
      .written_once = column.type != ElementType::kText,  // texts lie outside their chunks
      .padded = column.type == ElementType::kFloat64 && column.dimensions.front() != column.name};
}

void LifeTraceWriter::AddFlags(const TraceColumn& column) {
  CHECK(column.flags.size() <= 256);
  std::vector<std::uint8_t> flags;
  std::string text;
  for (const std::string& meaning : column.flags) {
    CHECK(!meaning.empty() && meaning.find(' ') == std::string::npos);  // blanks separate them
    text += (flags.empty() ? "" : " ") + meaning;
    flags.push_back(static_cast<std::uint8_t>(flags.size()));
  }
  file_.SetAttribute(column.name, "flag_values", flags);
  file_.SetAttribute(column.name, "flag_meanings", text);
}

void LifeTraceWriter::AddTexts(const FieldNote& note, const std::vector<std::string>& texts) {
  AddAxis(NumberColumn(note.name, "text"), NumbersBelow(texts.size()));
  Add(TextColumnOf(note), texts);
}

void LifeTraceWriter::CheckNumber(const FieldNote& note, std::int32_t number) const {
  const std::size_t count = file_.size(note.number_along);
  CHECK(number >= -1 && number < static_cast<std::int64_t>(count));
}

template <typename T, typename Field>
void LifeTraceWriter::AddField(const Field& field, std::span<const T> items) {
  using Value = typename Field::Value;
  const TraceColumn column = ColumnOf<T>(field);
  if constexpr (ElementTypeOf<Value>() == ElementType::kFloat64 &&
                !std::is_convertible_v<Value, double> && !kIsQuantity<Value>) {
    std::vector<double> numbers;
    for (const T& item : items) {
      AppendSeries(numbers, field.Of(item), file_.size("time"));
    }
    Add(column, numbers);
  } else {
    std::vector<decltype(ElementOf(field.Of(items[0], record_), field.note))> values;
    for (const T& item : items) {
      values.push_back(ElementOf(field.Of(item, record_), field.note));
      if constexpr (std::is_same_v<Value, std::int32_t> || kIsIndex<Value>) {
        if (*field.note.number_along != '\0') {
          CheckNumber(field.note, values.back());
        }
      }
    }
    if constexpr (std::is_same_v<Value, std::string>) {
      if (field.note.told_once) {
        Numbering texts;
        std::vector<std::int32_t> numbers;
        for (const std::string& text : values) {
          numbers.push_back(texts.NumberOf(text));
        }
        Add(column, numbers);
        AddTexts(field.note, texts.texts());
        return;
      }
    }
    if (field.note.label) {
      AddAxis(column, values);
    } else {
      Add(column, values);
    }
  }
}

template <typename T>
void LifeTraceWriter::AddTable(std::span<const T> items) {
  ForEachField<T>([&](const auto& field) {
    if (field.note.in_trace) {
      AddField(field, items);
    }
  });
}

/// What the record is as a whole stands in attributes of the file.
void LifeTraceWriter::AddAttributes() {
  ForEachField<LifeRecord>([&]<typename Field>(const Field& field) {
    if constexpr (!kIsTable<typename Field::Value>) {
      if (!field.note.in_trace) {
        return;
      }
      const std::string name = ColumnOf<LifeRecord>(field).name;
      const auto value = ElementOf(field.Of(record_), field.note);
      if constexpr (std::is_same_v<decltype(value), const std::uint8_t>) {
        file_.SetAttribute("", name, std::int32_t{value});
      } else {
        file_.SetAttribute("", name, value);
      }
    }
  });
}

void LifeTraceWriter::AddTime() {
  const std::size_t intervals = record_.series.queue_jobs.size();
  std::vector<double> start, width;
  for (std::size_t i = 0; i < intervals; ++i) {
    const double at = static_cast<double>(i) * record_.interval.si();
    start.push_back(at);
    width.push_back(std::min(record_.interval.si(), record_.horizon.si() - at));
    CHECK(width.back() > 0.0);
  }
  AddAxis(IntervalStartColumn(), start);
  Add(IntervalColumn(), width);
}

void LifeTraceWriter::AddJobKinds() {
  AddAxis(JobKindColumn(),
          std::vector<std::string>(kNames<JobKind>.begin(), kNames<JobKind>.end()));
}

void LifeTraceWriter::Write(const TraceHeader& header) {
  WriteHeaderAttributes(file_, header, "life");
  AddAttributes();
  AddTime();
  AddJobKinds();
  AddTable(std::span(&record_.series, 1));
  AddTable(std::span(record_.sites));
  AddTable(std::span(record_.jobs));
  AddTable(std::span(record_.requests));
  AddTable(std::span(record_.failures));
  AddAxis(NumberColumn("event", "event"), NumbersBelow(record_.events.size()));
  AddTable(std::span(record_.events));
  file_.Commit();
}

}  // namespace

std::vector<Output> LifeOutputs() {
  std::vector<Output> outputs;
  for (const TraceColumn& column :
       {IntervalStartColumn(), IntervalColumn(), JobKindColumn(), NumberColumn("event", "event"),
        NumberColumn("detail", "text")}) {
    outputs.push_back({column, ""});
  }
  for (const std::vector<Output>& table :
       {OutputsOf<LifeRecord>(), OutputsOf<LifeSeries>(), OutputsOf<LifeSite>(),
        OutputsOf<LifeJob>(), OutputsOf<LifeRequests>(), OutputsOf<LifeFailure>(),
        OutputsOf<LifeEvent>()}) {
    outputs.insert(outputs.end(), table.begin(), table.end());
  }
  return outputs;
}

void WriteLifeTrace(const std::string& path, const TraceHeader& header, const LifeRecord& record) {
  LifeTraceWriter(path, record).Write(header);
}

}  // namespace gridlock
