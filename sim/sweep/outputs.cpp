#include "sim/sweep/outputs.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/record/columns.h"
#include "sim/record/life_fields.h"
#include "sim/record/step_fields.h"
#include "sim/schema/problems.h"

namespace gridlock {
namespace {

/// Lists over time of which a mean is an output.
template <typename Value>
inline constexpr bool kIsSeries = std::is_same_v<Value, std::vector<double>>;

template <typename T, typename Field>
constexpr bool IsOutput(const Field& field) {
  using Value = typename Field::Value;
  const FieldNote& note = field.note;
  const bool of_trace = note.in_trace && kTable<T>.in_trace;
  if constexpr (kIsSeries<Value>) {
    // A mean over time has a name of its own where the list says one.
    return of_trace && std::string_view(note.along[0]) == "time";
  } else {
    const bool is_value = std::is_arithmetic_v<Value> || std::is_enum_v<Value> ||
                          kIsQuantity<Value> || std::is_same_v<Value, std::string>;
    return is_value && of_trace && !note.label && !note.told_once && *note.number_along == '\0' &&
           *note.along[0] == '\0';
  }
}

template <typename Value>
constexpr bool IsText() {
  return std::is_enum_v<Value> || std::is_same_v<Value, std::string>;
}

/// What a row of a trace is called, and what it says differently, is the point itself.
bool IsOfThePoint(const std::string& name) {
  return name == "cap_as_typed" || name == "overrides" || name == "fingerprint" ||
         name == "fingerprint_text";
}

template <typename T>
void AddColumns(std::vector<OutputColumn>& columns) {
  const bool single = std::is_same_v<T, StepRecord> || *kTable<T>.axis == '\0';
  ForEachField<T>([&]<typename Field>(const Field& field) {
    if constexpr (!kIsTable<typename Field::Value>) {
      const TraceColumn column = ColumnOf<T>(field);
      const bool known =  // what steps and lives both have
          std::any_of(columns.begin(), columns.end(), [&](const OutputColumn& each) {
            return each.name == column.name;
          });
      if (IsOutput<T>(field) && !IsOfThePoint(column.name) && !known) {
        columns.push_back({column.name, column.units, column.long_name,
                           single ? "" : kTable<T>.axis, IsText<typename Field::Value>()});
      }
    }
  });
}

std::vector<OutputColumn> AllColumns() {
  std::vector<OutputColumn> columns;
  AddColumns<StepRecord>(columns);
  AddColumns<UtilisationSeries>(columns);
  AddColumns<Attribution>(columns);
  AddColumns<BreakdownPart>(columns);
  AddColumns<StageMemory>(columns);
  AddColumns<CollectiveResult>(columns);
  AddColumns<LifeRecord>(columns);
  AddColumns<LifeJob>(columns);
  AddColumns<LifeRequests>(columns);
  AddColumns<LifeSite>(columns);
  AddColumns<LifeSeries>(columns);
  return columns;
}

template <typename Value, typename Record>
void SetValue(const Value& value, const FieldNote& note, const Record& record, OutputValue& out) {
  if constexpr (std::is_same_v<Value, std::string>) {
    out.text = value;
  } else if constexpr (std::is_enum_v<Value>) {
    out.text = NameOf(value);
  } else if constexpr (kIsSeries<Value>) {
    if constexpr (std::is_same_v<Record, LifeRecord>) {
      out.number = MeanOf(record, value);
    }
  } else if constexpr (kIsQuantity<Value>) {
    out.number = ElementOf(value, note);
  } else if constexpr (std::is_arithmetic_v<Value>) {
    out.number = static_cast<double>(value);
  }
}

template <typename T, typename Record>
void AddValues(const T& item, const std::string& label, const Record& record,
               std::vector<OutputValue>& out) {
  ForEachField<T>([&]<typename Field>(const Field& field) {
    if constexpr (!kIsTable<typename Field::Value>) {
      const std::string name = ColumnOf<T>(field).name;
      if (IsOutput<T>(field) && !IsOfThePoint(name)) {
        OutputValue& value = out.emplace_back();
        value.name = name;
        value.label = label;
        SetValue(field.Of(item, record), field.note, record, value);
      }
    }
  });
}

/// A size that no other size is written like: in a unit where that says it wholly.
std::string SizeText(Bytes size) {
  const std::string text = FormatBytes(size);
  return ParseQuantity(text, Dimension::kData).si == size.si() ? text
                                                               : fmt::format("{:.0f} B", size.si());
}

std::vector<OutputValue> OutputsOfStep(const StepRecord& record) {
  std::vector<OutputValue> out;
  if (record.tested.empty()) {
    AddValues(record, "", record, out);
  }
  for (const UtilisationSeries& each : record.utilisation) {
    AddValues(each, each.resource, record, out);
  }
  for (const Attribution& each : Walls(record)) {
    AddValues(each, each.resource, record, out);
  }
  for (const BreakdownPart& each : record.breakdown) {
    AddValues(each, each.activity, record, out);
  }
  for (const StageMemory& each : record.memory) {
    AddValues(each, std::to_string(each.stage), record, out);
  }
  for (const CollectiveResult& each : record.tested) {
    AddValues(each, fmt::format("{} {} {}", each.collective, each.algorithm, SizeText(each.size)),
              record, out);
  }
  return out;
}

std::vector<OutputValue> OutputsOfLife(const LifeRecord& record) {
  std::vector<OutputValue> out;
  AddValues(record, "", record, out);
  for (const LifeJob& each : record.jobs) {
    if (each.campaign.empty()) {
      AddValues(each, each.name, record, out);
    }
  }
  for (const LifeRequests& each : record.requests) {
    AddValues(each, NameOfGroup(each), record, out);
  }
  for (const LifeSite& each : record.sites) {
    AddValues(each, each.name, record, out);
  }
  AddValues(record.series, "", record, out);
  return out;
}

}  // namespace

const std::vector<OutputColumn>& OutputColumns() {
  static const std::vector<OutputColumn> columns = AllColumns();
  return columns;
}

const OutputColumn* FindOutputColumn(const std::string& name) {
  const std::vector<OutputColumn>& columns = OutputColumns();
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const OutputColumn& column) {
    return column.name == name;
  });
  return found == columns.end() ? nullptr : &*found;
}

void CheckOutputName(const std::string& name, bool number) {
  const std::size_t dot = name.find('.');
  const std::string column_name = name.substr(0, dot);
  const OutputColumn* const column = FindOutputColumn(column_name);
  if (column == nullptr || (number && column->is_text)) {
    std::vector<std::string> names;
    for (const OutputColumn& each : OutputColumns()) {
      if (!number || !each.is_text) {
        names.push_back(each.name);
      }
    }
    throw UserError(
        "", Refusal(Quoted(column_name) +
                        (column == nullptr ? " is not an output" : " is a text and no number"),
                    "a variable of trace.h5 (gridlock schema --outputs)",
                    NearestName(column_name, names)));
  }
  if (column->dimension.empty() != (dot == std::string::npos)) {
    throw UserError(
        "",
        column->dimension.empty()
            ? Refusal(Quoted(column_name) + " is a single value", Quoted(column_name))
            : Refusal(Quoted(column_name) + " is a list, one value for each " + column->dimension,
                      "one of them, " + Quoted(column_name + "." + "NAME")));
  }
}

std::vector<OutputValue> OutputsOf(const RunRecord& record) {
  if (const auto* const step = std::get_if<StepRecord>(&record)) {
    return OutputsOfStep(*step);
  }
  return OutputsOfLife(std::get<LifeRecord>(record));
}

std::uint64_t FingerprintOf(const RunRecord& record) {
  return std::visit(
      [](const auto& each) {
        return each.fingerprint;
      },
      record);
}

}  // namespace gridlock
