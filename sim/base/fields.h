#pragma once

// One list of fields per struct, and what follows from it.
//
// A struct that is stored, sent, hashed or shown has one list, beside its definition:
//
//   template <>
//   inline constexpr auto kFields<LifeJob> = FieldList(
//       Field("submit", &LifeJob::submit, "time of submission").OnClock(),
//       Field("tokens", &LifeJob::tokens, "token", "tokens trained, or decoded by a fleet"),
//       Derived("ettr", &Ettr, "1", "time in steps that count over the wall time"));
//
// From this list are made: the bytes that cross a pipe and the key of a cache (sim/base/archive.h),
// the fingerprint (sim/record/fingerprint.h), the variables of trace.h5, the members of
// summary.json, and the reference of outputs. ForEachField refuses to compile while a member of the
// struct is missing in its list or stands in it twice.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

/// The unit of a quantity as udunits writes it where it can.
template <typename Quantity>
inline constexpr const char* kUnitOf = nullptr;

template <>
inline constexpr const char* kUnitOf<Bytes> = "byte";
template <>
inline constexpr const char* kUnitOf<Seconds> = "s";
template <>
inline constexpr const char* kUnitOf<Flop> = "FLOP";
template <>
inline constexpr const char* kUnitOf<Joules> = "J";
template <>
inline constexpr const char* kUnitOf<BytesPerSecond> = "byte/s";
template <>
inline constexpr const char* kUnitOf<FlopPerSecond> = "FLOP/s";
template <>
inline constexpr const char* kUnitOf<Watts> = "W";

template <typename T>
inline constexpr bool kIsQuantity = false;

template <int D, int T, int W, int E>
inline constexpr bool kIsQuantity<Quantity<D, T, W, E>> = true;

namespace fields_internal {

template <typename Access>
struct ValueOf;

template <typename Owner, typename Member>
struct ValueOf<Member Owner::*> {
  using Type = Member;
};

template <typename Value, typename... Arguments>
struct ValueOf<Value (*)(Arguments...)> {
  using Type = Value;
};

}  // namespace fields_internal

/// What a reader is told about a field. Texts live as long as the program.
struct FieldNote {
  const char* name = "";
  const char* unit = "1";
  const char* meaning = "";
  const char* variable = "";      ///< its name in a trace, where that is not PREFIX_name
  const char* key = "";           ///< its key in JSON, where that is not the name and the unit
  const char* part_of = "";       ///< fields with the same text here are the parts of one whole
  const char* number_along = "";  ///< the value is a number along this axis, from 0; -1: none
  /// Axes of a field that is a list, outermost first.
  std::array<const char*, 2> along = {"", ""};
  bool bears = true;       ///< a simulated step, or the fingerprint, depends on it
  bool label = false;      ///< the coordinate of its struct's axis: the name of an element
  bool told_once = false;  ///< texts that repeat: a trace keeps each text once, on its own axis
  bool on_clock = false;   ///< a time on the clock; negative: it never came
  bool in_trace = true;
  bool in_json = true;
  bool is_element = false;  ///< in JSON this value alone stands for the whole element
};

/// A field of `Owner`. `Access` is a pointer to a member for a field that is stored. For a field
/// that follows from others it is a function of the Owner, or of the Owner and the record that
/// holds it.
template <typename Owner, typename Access>
struct FieldOf {
  using Value = typename fields_internal::ValueOf<Access>::Type;

  static constexpr bool kStored = std::is_member_object_pointer_v<Access>;

  Access access;
  FieldNote note;

  /// The value in `owner`, which stands in `context`.
  template <typename... Context>
  [[nodiscard]] constexpr decltype(auto) Of(const Owner& owner, const Context&... context) const {
    if constexpr (kStored) {
      return (owner.*access);
    } else if constexpr (std::is_invocable_v<Access, const Owner&>) {
      return access(owner);
    } else {
      return access(owner, context...);
    }
  }

  // Each returns the field with something more said about it.
  constexpr FieldOf Aside() const { return With(&FieldNote::bears, false); }

  constexpr FieldOf Label() const { return With(&FieldNote::label, true); }

  constexpr FieldOf ToldOnce() const { return With(&FieldNote::told_once, true); }

  constexpr FieldOf OnClock() const { return With(&FieldNote::on_clock, true); }

  constexpr FieldOf NotInTrace() const { return With(&FieldNote::in_trace, false); }

  constexpr FieldOf NotInJson() const { return With(&FieldNote::in_json, false); }

  constexpr FieldOf IsElement() const { return With(&FieldNote::is_element, true); }

  constexpr FieldOf Variable(const char* name) const { return With(&FieldNote::variable, name); }

  constexpr FieldOf Key(const char* key) const { return With(&FieldNote::key, key); }

  constexpr FieldOf PartOf(const char* whole) const { return With(&FieldNote::part_of, whole); }

  constexpr FieldOf NumberAlong(const char* axis) const {
    return With(&FieldNote::number_along, axis);
  }

  constexpr FieldOf Along(const char* outer, const char* inner = "") const {
    return With(&FieldNote::along, std::array<const char*, 2>{outer, inner});
  }

 private:
  template <typename T>
  constexpr FieldOf With(T FieldNote::*what, T value) const {
    FieldOf changed = *this;
    changed.note.*what = value;
    return changed;
  }
};

/// A field that is stored, whose unit follows from its type: a quantity, a text, a count, a flag.
template <typename Owner, typename Member>
constexpr auto Field(const char* name, Member Owner::*member, const char* meaning) {
  static_assert(!std::is_floating_point_v<Member>, "a plain number names its unit");
  FieldOf<Owner, Member Owner::*> field{member, {}};
  field.note.name = name;
  field.note.meaning = meaning;
  if constexpr (kIsQuantity<Member>) {
    static_assert(kUnitOf<Member> != nullptr, "this quantity has no unit in kUnitOf yet");
    field.note.unit = kUnitOf<Member>;
  }
  return field;
}

/// A field that is stored, with its unit as udunits writes it: "token", "1".
template <typename Owner, typename Member>
constexpr auto Field(const char* name, Member Owner::*member, const char* unit,
                     const char* meaning) {
  static_assert(!kIsQuantity<Member>, "the type says the unit");
  FieldOf<Owner, Member Owner::*> field{member, {}};
  field.note.name = name;
  field.note.unit = unit;
  field.note.meaning = meaning;
  return field;
}

/// A field that follows from others: `function` of an Owner, or of an Owner and its record. It is
/// neither sent nor hashed.
template <typename Value, typename Owner, typename... Context>
constexpr auto Derived(const char* name, Value (*function)(const Owner&, const Context&...),
                       const char* unit, const char* meaning) {
  static_assert(!kIsQuantity<Value>, "the type says the unit");
  FieldOf<Owner, Value (*)(const Owner&, const Context&...)> field{function, {}};
  field.note.name = name;
  field.note.unit = unit;
  field.note.meaning = meaning;
  return field;
}

/// The same, of a function whose type says the unit.
template <typename Value, typename Owner, typename... Context>
constexpr auto Derived(const char* name, Value (*function)(const Owner&, const Context&...),
                       const char* meaning) {
  static_assert(!std::is_floating_point_v<Value>, "a plain number names its unit");
  FieldOf<Owner, Value (*)(const Owner&, const Context&...)> field{function, {}};
  field.note.name = name;
  field.note.meaning = meaning;
  if constexpr (kIsQuantity<Value>) {
    field.note.unit = kUnitOf<Value>;
  }
  return field;
}

/// A stored field of a struct that is only sent and compared: nobody reads its name.
template <typename Owner, typename Member>
constexpr auto Field(Member Owner::*member) {
  return FieldOf<Owner, Member Owner::*>{member, {}};
}

namespace fields_internal {

/// What the member is called: the compiler writes "... member = &Owner::name ..." into the name of
/// this function.
template <auto member>
constexpr std::string_view NameOfMember() {
  const std::string_view function = __PRETTY_FUNCTION__;
  const std::size_t begin = function.find("member = &");
  const std::string_view text = function.substr(0, function.find_first_of(";]", begin));
  return text.substr(text.rfind(':') + 1);
}

template <auto member>
inline constexpr auto kNameOfMember = [] {
  constexpr std::string_view kName = NameOfMember<member>();
  std::array<char, kName.size() + 1> name{};  // with a zero behind it
  std::copy(kName.begin(), kName.end(), name.begin());
  return name;
}();

}  // namespace fields_internal

/// A stored field that is called as its member is. For structs whose members are named like the
/// fields of a message: see sim/schema/read_fields.h.
template <auto member>
constexpr auto FieldNamedAsItIs() {
  auto field = Field(member);
  field.note.name = fields_internal::kNameOfMember<member>.data();
  return field;
}

template <typename... Fields>
constexpr auto FieldList(Fields... fields) {
  return std::tuple<Fields...>{fields...};
}

/// Stored fields on which a simulated step depends.
template <typename Owner, typename... Members>
constexpr auto Bearing(Members Owner::*... members) {
  return std::tuple{Field(members)...};
}

/// Stored fields on which no simulated step depends: names, prices.
template <typename Owner, typename... Members>
constexpr auto Aside(Members Owner::*... members) {
  return std::tuple{Field(members).Aside()...};
}

// The same, of fields that know their names: `Bearing<&Stack::overlap>()`.
template <auto... members>
constexpr auto Bearing() {
  return std::tuple{FieldNamedAsItIs<members>()...};
}

template <auto... members>
constexpr auto Aside() {
  return std::tuple{FieldNamedAsItIs<members>().Aside()...};
}

/// The list of a struct's fields; empty for a struct that has none.
template <typename T>
inline constexpr std::tuple<> kFields{};

template <typename T>
concept HasFields = std::tuple_size_v<std::remove_const_t<decltype(kFields<T>)>> >
0;

/// What the numbers of an enum are called, in their order.
template <typename Enum>
inline constexpr std::array<const char*, 0> kNames{};

template <typename T>
concept Named = std::is_enum_v<T> && !kNames<T>.empty();

/// The name of a value. `kNames` must name all of the enum's values, which count up from 0.
template <Named Enum>
constexpr const char* NameOf(Enum value) {
  return kNames<Enum>.at(static_cast<std::size_t>(value));
}

namespace fields_internal {

/// Stands for a value of any type, to count the members of an aggregate. Never evaluated.
struct Anything {
  template <typename T>
  operator T() const;  // NOLINT: implicit on purpose
};

template <typename T, std::size_t... I>
constexpr bool Takes(std::index_sequence<I...> /*count*/) {
  return requires {
    T{(static_cast<void>(I), Anything())...};
  };
}

/// Counts the members of an aggregate: the most values that can initialise it. Members are not C
/// arrays, which would count once per element: use std::array.
template <typename T, std::size_t N = 0>
constexpr std::size_t MemberCount() {
  if constexpr (Takes<T>(std::make_index_sequence<N + 1>())) {
    return MemberCount<T, N + 1>();
  } else {
    return N;
  }
}

template <typename A, typename B>
constexpr bool IsSameMember(const A& a, const B& b) {
  if constexpr (std::is_same_v<A, B> && A::kStored) {
    return a.access == b.access;
  } else {
    return false;
  }
}

template <typename T>
constexpr std::size_t DistinctMembers() {
  return std::apply(
      [](const auto&... fields) {
        // A member counts in its first place in the list.
        std::size_t distinct = 0, place = 0;
        const auto count = [&](const auto& field) {
          std::size_t at = 0;
          bool before = false;
          ((before = before || (at < place && IsSameMember(field, fields)), ++at), ...);
          distinct += std::remove_cvref_t<decltype(field)>::kStored && !before ? 1 : 0;
          ++place;
        };
        (count(fields), ...);
        return distinct;
      },
      kFields<T>);
}

template <typename T>
constexpr std::size_t StoredFields() {
  return std::apply(
      [](const auto&... fields) {
        return (std::size_t{std::remove_cvref_t<decltype(fields)>::kStored} + ...);
      },
      kFields<T>);
}

}  // namespace fields_internal

/// True when every member of T stands in its list of fields, once.
template <HasFields T>
constexpr bool ListsEveryMember() {
  const std::size_t members = fields_internal::MemberCount<T>();
  return fields_internal::StoredFields<T>() == members &&
         fields_internal::DistinctMembers<T>() == members;
}

/// Calls `visit` with every field of T, in the order of the list.
template <HasFields T>
constexpr void ForEachField(auto&& visit) {
  static_assert(ListsEveryMember<T>(),
                "a member of this struct is missing in its kFields, or stands there twice");
  [&]<std::size_t... I>(std::index_sequence<I...> /*places*/) {
    (visit(std::get<I>(kFields<T>)), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<std::remove_const_t<decltype(kFields<T>)>>>());
}

}  // namespace gridlock
