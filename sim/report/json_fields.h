#pragma once

// JSON of a struct by its list of fields (sim/base/fields.h).

#include <array>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "sim/base/check.h"
#include "sim/base/index.h"
#include "sim/record/columns.h"
#include "sim/record/life_measures.h"
#include "sim/report/json.h"

namespace gridlock {

namespace json_fields_internal {

template <typename Value, typename Record>
void AddValue(JsonWriter& json, const Value& value, const FieldNote& note, const Record& record) {
  if constexpr (std::is_enum_v<Value>) {
    json.Value(NameOf(value));
  } else if constexpr (kIsIndex<Value>) {
    AddValue(json, value.value, note, record);
  } else if constexpr (std::is_same_v<Record, LifeRecord> && std::is_same_v<Value, std::int32_t>) {
    if (*note.number_along == '\0') {
      json.Value(value);
    } else {
      json.Value(NameAlong(record, note.number_along, value));
    }
  } else if constexpr (std::is_same_v<Record, LifeRecord> &&
                       std::is_same_v<Value, std::vector<double>>) {
    json.Value(MeanOf(record, value));
  } else if constexpr (std::is_same_v<Value, decltype(LifeSite::busy)>) {
    json.BeginObject();
    for (std::size_t kind = 0; kind < value.size(); ++kind) {
      json.Member(NameOf(static_cast<JobKind>(kind)), MeanOf(record, value[kind]));
    }
    json.EndObject();
  } else if constexpr (std::is_same_v<Value, std::array<std::int64_t, kOutcomes>>) {
    json.BeginObject();
    for (std::size_t outcome = 0; outcome < value.size(); ++outcome) {
      json.Member(NameOf(static_cast<Outcome>(outcome)), value[outcome]);
    }
    json.EndObject();
  } else if constexpr (kIsQuantity<Value>) {
    json.Value(ElementOf(value, note));
  } else if constexpr (requires { json.Value(value); }) {
    json.Value(value);
  } else {
    CHECK(!note.in_json);  // lists of other kinds have writers of their own
  }
}

}  // namespace json_fields_internal

/// Adds a member for every field of `item`, which stands in `record`: numbers along an axis as the
/// names of what stands there, series as their means, the parts of one whole as an object.
template <HasFields T, typename Record>
void AddFieldMembers(JsonWriter& json, const T& item, const Record& record) {
  std::string open;  // the whole whose parts are being added
  const auto close = [&] {
    if (!open.empty()) {
      json.EndObject();
    }
    open.clear();
  };
  ForEachField<T>([&]<typename Field>(const Field& field) {
    if constexpr (!kIsTable<typename Field::Value>) {
      const FieldNote& note = field.note;
      if (!note.in_json) {
        return;
      }
      if (open != note.part_of) {
        close();
        open = note.part_of;
        if (!open.empty()) {
          json.Key(open);
          json.BeginObject();
        }
      }
      json.Key(JsonKeyOf(note));
      json_fields_internal::AddValue(json, field.Of(item, record), note, record);
    }
  });
  close();
}

}  // namespace gridlock
