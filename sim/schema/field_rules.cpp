// The rule of a field: what its type says, what its kind says, and what it says itself in its
// option `holds` (proto/rules.proto).

#include <cstdint>
#include <limits>

#include <google/protobuf/descriptor.h>

#include "proto/rules.pb.h"
#include "sim/base/check.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

using google::protobuf::FieldDescriptor;
using proto::Holds;

// Shares below a thousandth are slips (percent, units), and would make times explode.
constexpr double kShareMin = 1e-3;

constexpr double kInt32Max = std::numeric_limits<std::int32_t>::max();

constexpr Rule Of(Dimension dimension, double min, double max) {
  return {.kind = RuleKind::kQuantity, .dimension = dimension, .min = min, .max = max};
}

/// The rule of a field that says no kind, by its type. A number has no range by itself: nothing but
/// zero fits until it says one.
Rule RuleOfType(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return {.kind = RuleKind::kBlock};
    case FieldDescriptor::CPPTYPE_BOOL:
      return {.kind = RuleKind::kFlag};
    case FieldDescriptor::CPPTYPE_ENUM:
      return {.kind = RuleKind::kChoice};
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return {.kind = RuleKind::kNumber};
    case FieldDescriptor::CPPTYPE_STRING:
      CHECK(!"a text says its kind");
      return {};
    default:
      return {.kind = RuleKind::kCount};
  }
}

/// The ranges of quantities are wide enough for any machine that could be built, and narrow enough
/// that a slip in the unit or in the power of ten is seen.
Rule RuleOfKind(const FieldDescriptor& field, Holds::Kind kind) {
  switch (kind) {
    case Holds::NOT_SIMULATED:
      return {.kind = RuleKind::kNotSimulated};
    case Holds::TEXT:
      return {.kind = RuleKind::kText};
    case Holds::FILE_NAME:
      return {.kind = RuleKind::kFileName};
    case Holds::DATA:
      return Of(Dimension::kData, 1.0, 1e15);
    case Holds::TIME:
      return Of(Dimension::kTime, 0.0, kSecondsPerDay);
    case Holds::SPAN:
      return Of(Dimension::kTime, 1e-6, 10 * kYear.si());
    case Holds::BANDWIDTH:
      return Of(Dimension::kBandwidth, 1e3, 1e15);
    case Holds::COMPUTE:
      return Of(Dimension::kCompute, 1e6, 1e21);
    case Holds::WORK:
      return Of(Dimension::kWork, 1.0, 1e24);
    case Holds::POWER:
      return Of(Dimension::kPower, 0.0, 1e6);
    case Holds::ENERGY_PER_FLOP:
      return Of(Dimension::kEnergyPerFlop, 0.0, 1e-6);
    case Holds::ENERGY_PER_BYTE:
      return Of(Dimension::kEnergyPerByte, 0.0, 1e-6);
    case Holds::LENGTH:
      return Of(Dimension::kLength, 1e-3, 1e8);
    case Holds::AREA:
      // From a hundredth of a square millimetre to a table full of wafers.
      return Of(Dimension::kArea, 1e-8, 1.0);
    case Holds::ENERGY:
      return Of(Dimension::kEnergy, 0.0, 1e15);
    case Holds::POWER_RAMP:
      return Of(Dimension::kPowerRamp, 1e-3, 1e9);
    case Holds::SHARE:
      return {.kind = RuleKind::kNumber, .min = kShareMin, .max = 1.0};
    case Holds::COUNT:
      return {.kind = RuleKind::kCount, .min = 1.0, .max = kInt32Max};
    case Holds::ACCELERATORS:
      return {.kind = RuleKind::kCount, .min = 1.0, .max = kAcceleratorsMax};
    default:
      return RuleOfType(field);
  }
}

}  // namespace

Rule RuleOf(const FieldDescriptor& field) {
  const Holds& holds = field.options().GetExtension(proto::holds);
  Rule rule = RuleOfKind(field, holds.kind());
  rule.needed = holds.needed();
  rule.min = holds.has_min() ? holds.min() : rule.min;
  rule.max = holds.has_max() ? holds.max() : rule.max;
  return rule;
}

}  // namespace gridlock
