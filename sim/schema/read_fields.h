#pragma once

// A message -> a struct whose members are called as the fields of the message are.
//
// A struct with a list of such members (`Bearing<&Spec::member>()`, sim/base/fields.h) needs no
// conversion of its own. A text with a unit becomes a quantity of the same dimension; texts,
// numbers and flags stay what they are.

#include <string>

#include "sim/base/fields.h"
#include "sim/base/units.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace gridlock {

/// What a text must measure to become this quantity. The others are read from no text.
template <typename Quantity>
constexpr Dimension DimensionOf() = delete;

template <>
constexpr Dimension DimensionOf<Bytes>() {
  return Dimension::kData;
}

template <>
constexpr Dimension DimensionOf<Seconds>() {
  return Dimension::kTime;
}

template <>
constexpr Dimension DimensionOf<BytesPerSecond>() {
  return Dimension::kBandwidth;
}

template <>
constexpr Dimension DimensionOf<FlopPerSecond>() {
  return Dimension::kCompute;
}

template <>
constexpr Dimension DimensionOf<Flop>() {
  return Dimension::kWork;
}

template <>
constexpr Dimension DimensionOf<Watts>() {
  return Dimension::kPower;
}

template <>
constexpr Dimension DimensionOf<JoulesPerFlop>() {
  return Dimension::kEnergyPerFlop;
}

template <>
constexpr Dimension DimensionOf<JoulesPerByte>() {
  return Dimension::kEnergyPerByte;
}

template <>
constexpr Dimension DimensionOf<WattsPerSecond>() {
  return Dimension::kPowerRamp;
}

// Each reads the field `name` of a message that has passed CheckRules. It is a bug when there is no
// such field, or one of another type.
void ReadField(const google::protobuf::Message& message, const char* name, std::string& member);
void ReadField(const google::protobuf::Message& message, const char* name, bool& member);
void ReadField(const google::protobuf::Message& message, const char* name, int& member);
void ReadField(const google::protobuf::Message& message, const char* name, double& member);

/// The SI value of a text, `otherwise` when it was left out.
double ReadQuantity(const google::protobuf::Message& message, const char* name, Dimension dimension,
                    double otherwise);

template <int D, int T, int W, int E>
void ReadField(const google::protobuf::Message& message, const char* name,
               Quantity<D, T, W, E>& member) {
  using Member = Quantity<D, T, W, E>;
  member = Member(ReadQuantity(message, name, DimensionOf<Member>(), member.si()));
}

/// The struct that the message says. A number that was left out is what the struct says where the
/// rule of the field refuses zero, else zero.
template <HasFields T>
T ReadFields(const google::protobuf::Message& message) {
  T spec;
  ForEachField<T>([&](const auto& field) {
    ReadField(message, field.note.name, spec.*field.access);
  });
  return spec;
}

}  // namespace gridlock
