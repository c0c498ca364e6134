#pragma once

// What a field becomes in a trace: the name, type, dimensions and unit of a variable. The writers
// of traces and the reference of outputs both ask here.

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "sim/base/fields.h"
#include "sim/base/index.h"
#include "sim/record/hdf5_file.h"

namespace gridlock {

/// The table that structs of one type make in a trace and in JSON.
struct TableNote {
  const char* axis = "";     ///< dimension of its elements; "": there is only one
  const char* prefix = "";   ///< of the names of variables that hold one value per element
  const char* json = "";     ///< where its members stand in summary.json: "jobs[]"
  const char* meaning = "";  ///< what one element is
  const char* outer = "";    ///< dimension of the structs that hold such tables; "": none
  bool in_trace = true;      ///< else the table is in summary.json alone
};

template <typename T>
inline constexpr TableNote kTable{};

/// One variable of a trace.
struct TraceColumn {
  std::string name;
  ElementType type = ElementType::kFloat64;
  std::vector<std::string> dimensions;
  std::string units, long_name;
  std::vector<std::string> flags;  ///< names of the values 0, 1, ...; empty when they are numbers
};

/// The key of a field in JSON: its name and its unit, "energy_j", unless the list says another.
inline std::string JsonKeyOf(const FieldNote& note) {
  static constexpr std::pair<std::string_view, const char*> kSuffixes[] = {
      {"s", "_s"},        {"J", "_j"},
      {"W", "_w"},        {"USD", "_usd"},
      {"byte", "_bytes"}, {"FLOP/s", "_flop_per_s"},
      {"kg", "_kg"},      {"byte/s", "_bytes_per_s"}};
  if (*note.key != '\0') {
    return note.key;
  }
  std::string key = note.name;
  for (const auto& [unit, suffix] : kSuffixes) {
    key += *note.part_of == '\0' && unit == note.unit ? suffix : "";
  }
  return key;
}

/// How values of a type stand in a trace.
template <typename T>
constexpr ElementType ElementTypeOf() {
  if constexpr (std::is_same_v<T, bool> || std::is_enum_v<T>) {
    return ElementType::kUint8;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return ElementType::kText;
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return ElementType::kInt64;
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    return ElementType::kUint64;
  } else if constexpr (kIsIndex<T>) {
    return ElementType::kInt32;
  } else if constexpr (std::is_integral_v<T>) {
    static_assert(sizeof(T) <= sizeof(std::int32_t));
    return ElementType::kInt32;
  } else {
    return ElementType::kFloat64;  // numbers, quantities, and lists of numbers
  }
}

template <typename T>
std::vector<std::string> FlagsOf() {
  if constexpr (std::is_same_v<T, bool>) {
    return {"no", "yes"};
  } else if constexpr (std::is_enum_v<T>) {
    return {kNames<T>.begin(), kNames<T>.end()};
  } else {
    return {};
  }
}

/// A value as it is written: enums and truth as bytes, indices as numbers, times that never came as
/// NaN.
template <typename T>
auto ElementOf(const T& value, const FieldNote& note) {
  if constexpr (std::is_same_v<T, bool> || std::is_enum_v<T>) {
    return static_cast<std::uint8_t>(value);
  } else if constexpr (kIsIndex<T>) {
    return value.value;
  } else if constexpr (kIsQuantity<T>) {
    return note.on_clock && value < T(0.0) ? std::numeric_limits<double>::quiet_NaN() : value.si();
  } else {
    return value;
  }
}

/// Whether a field holds structs, whose fields make a table of their own.
template <typename T>
inline constexpr bool kIsTable = HasFields<T>;

template <typename T>
inline constexpr bool kIsTable<std::vector<T>> = HasFields<T>;

/// The variable of a field of T. A list has the name of its field. A field with one value per
/// element has the prefix of the table before its name.
template <HasFields T, typename Field>
TraceColumn ColumnOf(const Field& field) {
  using Value = typename Field::Value;
  constexpr TableNote table = kTable<T>;
  const FieldNote& note = field.note;
  TraceColumn column;
  column.units = note.unit;
  column.long_name = note.meaning;
  column.flags = FlagsOf<Value>();
  column.type = note.told_once ? ElementType::kInt32 : ElementTypeOf<Value>();
  const bool is_list = *note.along[0] != '\0';
  if (note.label) {
    column.name = table.axis;
    column.dimensions = {table.axis};
    return column;
  }
  for (const char* const dimension : {table.outer, table.axis, note.along[0], note.along[1]}) {
    if (*dimension != '\0') {
      column.dimensions.emplace_back(dimension);
    }
  }
  column.name = *note.variable != '\0' ? note.variable
                : is_list              ? note.name
                                       : std::string(table.prefix) + note.name;
  if (*table.outer != '\0') {
    column.type = ElementType::kFloat64;  // what the outer element does not have is NaN
  }
  if (note.told_once) {
    column.long_name = "number along " + std::string(note.name) + ": " + note.meaning;
  }
  return column;
}

/// The texts that a field which is told once refers to.
inline TraceColumn TextColumnOf(const FieldNote& note) {
  const std::string axis = note.name;
  return {axis + "_text", ElementType::kText, {axis}, "1", note.meaning, {}};
}

/// What the reference of outputs says of one field.
struct Output {
  TraceColumn column;  ///< with an empty name when it is not in the trace
  std::string json;    ///< where it stands in summary.json: "jobs[].energy_j"; "" when it does not
};

/// Where a field of a table stands in summary.json; "" when it does not.
template <HasFields T>
std::string JsonPlaceOf(const FieldNote& note) {
  std::string place = note.in_json ? kTable<T>.json : "";
  if (note.in_json && !note.is_element) {
    const std::string whole = *note.part_of == '\0' ? "" : std::string(note.part_of) + ".";
    place += (place.empty() ? "" : ".") + whole + JsonKeyOf(note);
  }
  return place;
}

/// All outputs of a table, in the order of its list.
template <HasFields T>
std::vector<Output> OutputsOf() {
  std::vector<Output> outputs;
  ForEachField<T>([&]<typename Field>(const Field& field) {
    if constexpr (!kIsTable<typename Field::Value>) {
      const FieldNote& note = field.note;
      Output output{ColumnOf<T>(field), JsonPlaceOf<T>(note)};
      if (!note.in_trace || !kTable<T>.in_trace) {
        output.column.name.clear();
      }
      if (note.in_trace || note.in_json) {
        outputs.push_back(std::move(output));
      }
      if (note.told_once) {
        outputs.push_back({TextColumnOf(note), ""});
      }
    }
  });
  return outputs;
}

}  // namespace gridlock
