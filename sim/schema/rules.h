#pragma once

// What every field of the schema may hold. Each field says it in the schema itself, in its option
// `holds` (proto/rules.proto). From there come the checks of single values, the words "expected
// ..." of every message, and the list of what is not simulated yet.

#include <string>
#include <vector>

#include "sim/base/units.h"
#include "sim/schema/problems.h"
#include "sim/schema/written.h"

namespace google::protobuf {
class Descriptor;
class EnumDescriptor;
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace gridlock {

enum class RuleKind {
  kBlock,         ///< a message
  kText,          ///< a text for people, or a name; not empty when needed
  kFileName,      ///< a text that also names files: no "/"
  kQuantity,      ///< a text with a unit
  kCount,         ///< a whole number
  kNumber,        ///< a number
  kFlag,          ///< true or false
  kChoice,        ///< a name of an enum
  kNotSimulated,  ///< refused by name whenever it is written
};

/// What one field may hold. `min` and `max` are inclusive, in SI units for quantities.
struct Rule {
  RuleKind kind = RuleKind::kText;
  bool needed = false;
  Dimension dimension = Dimension::kData;
  double min = 0.0;
  double max = 0.0;
};

/// The rule of a field. Every field has one: a test asks all of them.
Rule RuleOf(const google::protobuf::FieldDescriptor& field);

/// What a field expects, in words: "a whole number from 1 to 8", "a bandwidth in quotes such as
/// ...".
std::string ExpectedValue(const google::protobuf::FieldDescriptor& field);

/// The names that a user may write for an enum: all but the unspecified one.
std::vector<std::string> ChoiceNames(const google::protobuf::EnumDescriptor& choice);

/// The names of a message's fields, in the order of the schema.
std::vector<std::string> FieldNames(const google::protobuf::Descriptor& message);

/// "A", "A or B", "A, B or C"; long lists end in "...".
std::string OneOf(const std::vector<std::string>& names);

/// Checks every field that was written, and that needed ones were, against its rule; then what
/// fields of one message owe each other. `path` is the field path of the message, "" for a root.
void CheckRules(const google::protobuf::Message& message, const Written& written,
                const std::string& path, ProblemList& problems);

/// The SI value of a text that has passed CheckRules.
double SiOf(const std::string& text, Dimension dimension);

/// Most accelerators that a site may have; keeps every count of links within 32 bits.
inline constexpr double kAcceleratorsMax = 1e8;

}  // namespace gridlock
