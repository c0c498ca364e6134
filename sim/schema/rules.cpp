#include "sim/schema/rules.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "sim/base/check.h"
#include "sim/schema/message_checks.h"

namespace gridlock {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// Whole numbers without a point, others as short as they can be.
std::string NumberText(double value) {
  constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();
  if (value == static_cast<double>(kLargest)) {
    return std::to_string(kLargest);  // the double is one more
  }
  std::array<char, 64> buffer{};
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  const auto result = whole ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                            std::chars_format::fixed)
                            : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string QuantityText(Dimension dimension, double si) {
  constexpr double kLongLife = 1e9;  // some thirty years; longer times in days without an exponent
  switch (dimension) {
    case Dimension::kData:
      return FormatBytes(Bytes(si));
    case Dimension::kTime:
      return si < kLongLife ? FormatSeconds(Seconds(si))
                            : NumberText(std::round(si / kSecondsPerDay)) + " days";
    case Dimension::kBandwidth:
      return FormatBandwidth(BytesPerSecond(si));
    case Dimension::kCompute:
      return FormatFlopRate(FlopPerSecond(si));
    case Dimension::kPower:
      return FormatWatts(Watts(si));
    case Dimension::kWork:
      return NumberText(si) + " FLOP";
    case Dimension::kEnergyPerFlop:
      return NumberText(si) + " J/FLOP";
    case Dimension::kEnergyPerByte:
      return NumberText(si) + " J/B";
    case Dimension::kLength:
      return NumberText(si) + " m";
    case Dimension::kArea:
      return NumberText(si * 1e6) + " mm2";
    case Dimension::kEnergy:
      return FormatJoules(Joules(si));
    case Dimension::kPowerRamp:
      return FormatWatts(Watts(si)) + "/s";
  }
  CHECK(!"all dimensions are listed");
  return "";
}

/// "a whole number from 1 to 8", "1": the range of a count or a number.
std::string RangeText(const Rule& rule) {
  if (rule.min == rule.max) {
    return NumberText(rule.min);
  }
  return std::string(rule.kind == RuleKind::kCount ? "a whole number" : "a number") + " from " +
         NumberText(rule.min) + " to " + NumberText(rule.max);
}

/// "a bandwidth from 1 kB/s to 1 PB/s".
std::string QuantityRangeText(const Rule& rule) {
  const std::string described = Describe(rule.dimension);
  return described.substr(0, described.find(" such as")) + " from " +
         QuantityText(rule.dimension, rule.min) + " to " + QuantityText(rule.dimension, rule.max);
}

std::string TooSmallOrLarge(double value, double min) {
  if (value < 0.0) {
    return " is negative";
  }
  if (value == 0.0) {
    return " is zero";
  }
  return value < min ? " is too small" : " is too large";
}

std::string CheckQuantity(const Rule& rule, const std::string& text) {
  const ParsedQuantity parsed = ParseQuantity(text, rule.dimension);
  if (!parsed.si.has_value()) {
    return parsed.problem;
  }
  if (*parsed.si >= rule.min && *parsed.si <= rule.max) {
    return "";
  }
  return Refusal(Quoted(text) + TooSmallOrLarge(*parsed.si, rule.min), QuantityRangeText(rule));
}

std::string CheckRange(const Rule& rule, const std::string& name, double value) {
  if (value >= rule.min && value <= rule.max) {
    return "";
  }
  return Refusal(Quoted(name) + " is " + NumberText(value), RangeText(rule));
}

std::string CheckTextRule(const Rule& rule, const std::string& name, const std::string& text) {
  constexpr std::size_t kLongestName = 100;
  if (text.empty()) {
    return rule.needed ? Refusal(Quoted(name) + " is empty", "text in quotes") : "";
  }
  if (rule.kind == RuleKind::kFileName &&
      (text.find('/') != std::string::npos || text.front() == '.' || text.size() > kLongestName)) {
    return Refusal(Quoted(text) + " cannot name output files",
                   "at most 100 characters, no \"/\" and no \".\" at the start");
  }
  return "";
}

/// A number field as double; counts are exact up to 2^53, far above every limit.
double NumberOf(const Message& message, const FieldDescriptor& field, int index) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return field.is_repeated() ? reflection.GetRepeatedInt32(message, &field, index)
                                 : reflection.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<double>(reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return static_cast<double>(reflection.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return field.is_repeated() ? reflection.GetRepeatedDouble(message, &field, index)
                                 : reflection.GetDouble(message, &field);
    default:
      break;
  }
  CHECK(!"counts and numbers are of these types");
  return 0.0;
}

std::string TextOf(const Message& message, const FieldDescriptor& field, int index) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  return field.is_repeated() ? reflection.GetRepeatedString(message, &field, index)
                             : reflection.GetString(message, &field);
}

/// What to write instead of a field that is not simulated yet.
std::string Alternative(const FieldDescriptor& field) {
  const google::protobuf::OneofDescriptor* const choice = field.real_containing_oneof();
  for (int i = 0; choice != nullptr && i < choice->field_count(); ++i) {
    if (RuleOf(*choice->field(i)).kind != RuleKind::kNotSimulated) {
      return ExpectedValue(*choice->field(i));
    }
  }
  return "a scenario without it";
}

std::string CheckValue(const Message& message, const FieldDescriptor& field, int index) {
  const Rule rule = RuleOf(field);
  switch (rule.kind) {
    case RuleKind::kQuantity:
      return CheckQuantity(rule, TextOf(message, field, index));
    case RuleKind::kText:
    case RuleKind::kFileName:
      return CheckTextRule(rule, field.name(), TextOf(message, field, index));
    case RuleKind::kCount:
    case RuleKind::kNumber:
      return CheckRange(rule, field.name(), NumberOf(message, field, index));
    case RuleKind::kNotSimulated:
      return Refusal(Quoted(field.name()) + " is not simulated yet", Alternative(field));
    case RuleKind::kBlock:
    case RuleKind::kFlag:
    case RuleKind::kChoice:
      break;
  }
  return "";
}

const Message& ElementOf(const Message& message, const FieldDescriptor& field, int index) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  return field.is_repeated() ? reflection.GetRepeatedMessage(message, &field, index)
                             : reflection.GetMessage(message, &field);
}

void CheckField(const Message& message, const FieldDescriptor& field,
                const std::vector<Written>& written, const std::string& path,
                ProblemList& problems) {
  const Rule rule = RuleOf(field);
  for (int i = 0; i < static_cast<int>(written.size()); ++i) {
    const Written& each = written[static_cast<std::size_t>(i)];
    const std::string element =
        field.is_repeated() ? ElementPath(path, static_cast<std::size_t>(i)) : path;
    const std::string problem = CheckValue(message, field, i);
    if (!problem.empty()) {
      const bool field_is_wrong = rule.kind == RuleKind::kNotSimulated;
      problems.Add(field_is_wrong ? each.name : each.value, element, problem);
    } else if (rule.kind == RuleKind::kBlock) {
      CheckRules(ElementOf(message, field, i), each, element, problems);
    }
  }
}

}  // namespace

std::string ExpectedValue(const FieldDescriptor& field) {
  const Rule rule = RuleOf(field);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return field.name() + " { ... }";
  }
  switch (rule.kind) {
    case RuleKind::kQuantity:
      return Describe(rule.dimension);
    case RuleKind::kCount:
    case RuleKind::kNumber:
      return RangeText(rule);
    case RuleKind::kFlag:
      return "true or false";
    case RuleKind::kChoice:
      return OneOf(ChoiceNames(*field.enum_type()));
    case RuleKind::kText:
    case RuleKind::kFileName:
      return "text in quotes";
    case RuleKind::kNotSimulated:
    case RuleKind::kBlock:
      break;
  }
  return "a scenario without it, because it is not simulated yet";
}

std::vector<std::string> ChoiceNames(const google::protobuf::EnumDescriptor& choice) {
  std::vector<std::string> names;
  for (int i = 0; i < choice.value_count(); ++i) {
    if (choice.value(i)->number() != 0) {
      names.push_back(choice.value(i)->name());
    }
  }
  return names;
}

std::vector<std::string> FieldNames(const google::protobuf::Descriptor& message) {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(message.field_count()));
  for (int i = 0; i < message.field_count(); ++i) {
    names.push_back(message.field(i)->name());
  }
  return names;
}

std::string OneOf(const std::vector<std::string>& names) {
  constexpr std::size_t kListed = 20;
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i == kListed) {
      return text + ", ...";
    }
    if (i > 0) {
      text += i + 1 == names.size() ? " or " : ", ";
    }
    text += names[i];
  }
  return text;
}

namespace {

/// "accelerator" for a path into an entry of the user's, catalog.accelerator[0].rate[1]; ""
/// elsewhere.
std::string KindOfOwnEntry(const std::string& path) {
  constexpr std::string_view kCatalog = "catalog.";
  return path.starts_with(kCatalog)
             ? path.substr(kCatalog.size(),
                           path.find_first_of("[.", kCatalog.size()) - kCatalog.size())
             : "";
}

/// Whether the entry of the catalogue that a field lies in may say what it is `like`.
bool MayStartFromAnother(const std::string& path, const FieldDescriptor& field) {
  const auto* const catalog = field.file()->pool()->FindMessageTypeByName("gridlock.proto.Catalog");
  const FieldDescriptor* const kind =
      catalog == nullptr ? nullptr : catalog->FindFieldByName(KindOfOwnEntry(path));
  return kind != nullptr && kind->message_type()->FindFieldByName("like") != nullptr;
}

/// Fields that a message must have and has not. In an entry of the user's they stand in one line,
/// with the way out: an entry to start from.
void AddMissing(const std::vector<const FieldDescriptor*>& missing, const Written& written,
                const std::string& path, ProblemList& problems) {
  if (missing.size() < 2 || !MayStartFromAnother(path, *missing[0])) {
    for (const FieldDescriptor* const field : missing) {
      const std::string where = path.empty() ? "" : " in this " + field->containing_type()->name();
      problems.Add(written.name, FieldPath(path, field->name()),
                   Refusal(Quoted(field->name()) + " is missing" + where, ExpectedValue(*field)));
    }
    return;
  }
  std::string names;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    names += (i == 0 ? "" : i + 1 == missing.size() ? " and " : ", ") + Quoted(missing[i]->name());
  }
  problems.Add(written.name, path,
               Refusal(names + " are missing in this " + missing[0]->containing_type()->name(),
                       "them, or in the entry like: \"NAME\", one of \"gridlock catalog list " +
                           KindOfOwnEntry(path) + "\" that it starts from"));
}

}  // namespace

void CheckRules(const Message& message, const Written& written, const std::string& path,
                ProblemList& problems) {
  const google::protobuf::Descriptor& descriptor = *message.GetDescriptor();
  const std::size_t before = problems.size();
  std::vector<const FieldDescriptor*> missing;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    const std::string field_path = FieldPath(path, field.name());
    const auto found = written.fields.find(field.name());
    if (found != written.fields.end() && !found->second.empty()) {
      CheckField(message, field, found->second, field_path, problems);
    } else if (RuleOf(field).needed) {
      missing.push_back(&field);
    }
  }
  AddMissing(missing, written, path, problems);
  // What fields owe each other makes sense only between fields that are right; how many sites and
  // jobs there are makes sense always.
  if (problems.size() == before || path.empty()) {
    CheckMessage(message, written, path, problems);
  }
}

double SiOf(const std::string& text, Dimension dimension) {
  const ParsedQuantity parsed = ParseQuantity(text, dimension);
  CHECK(parsed.si.has_value());
  return *parsed.si;
}

}  // namespace gridlock
