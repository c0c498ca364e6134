#include "sim/schema/read_fields.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "sim/base/check.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor& FieldOfType(const Message& message, const char* name,
                                   FieldDescriptor::CppType type) {
  const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(name);
  CHECK(field != nullptr);  // the list of the struct names what the schema does not
  CHECK(field->cpp_type() == type && !field->is_repeated());
  return *field;
}

/// True when the value was left out, and no zero that somebody wrote.
template <typename T>
bool IsLeftOut(T value, const FieldDescriptor& field) {
  return value == 0 && RuleOf(field).min > 0.0;
}

}  // namespace

void ReadField(const Message& message, const char* name, std::string& member) {
  const FieldDescriptor& field = FieldOfType(message, name, FieldDescriptor::CPPTYPE_STRING);
  CHECK(RuleOf(field).kind == RuleKind::kText);
  member = message.GetReflection()->GetString(message, &field);
}

void ReadField(const Message& message, const char* name, bool& member) {
  const FieldDescriptor& field = FieldOfType(message, name, FieldDescriptor::CPPTYPE_BOOL);
  member = message.GetReflection()->GetBool(message, &field);
}

void ReadField(const Message& message, const char* name, int& member) {
  const FieldDescriptor& field = FieldOfType(message, name, FieldDescriptor::CPPTYPE_INT32);
  const int value = message.GetReflection()->GetInt32(message, &field);
  member = IsLeftOut(value, field) ? member : value;
}

void ReadField(const Message& message, const char* name, double& member) {
  const FieldDescriptor& field = FieldOfType(message, name, FieldDescriptor::CPPTYPE_DOUBLE);
  const double value = message.GetReflection()->GetDouble(message, &field);
  member = IsLeftOut(value, field) ? member : value;
}

double ReadQuantity(const Message& message, const char* name, Dimension dimension,
                    double otherwise) {
  const FieldDescriptor& field = FieldOfType(message, name, FieldDescriptor::CPPTYPE_STRING);
  const Rule rule = RuleOf(field);
  CHECK(rule.kind == RuleKind::kQuantity && rule.dimension == dimension);
  const std::string text = message.GetReflection()->GetString(message, &field);
  return text.empty() ? otherwise : SiOf(text, dimension);
}

}  // namespace gridlock
