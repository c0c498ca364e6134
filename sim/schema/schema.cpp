#include "sim/schema/schema.h"

#include <cstddef>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include "sim/base/check.h"
#include "sim/schema/rules.h"

namespace gridlock {

// The compiled schema with its comments, written into the program by proto/CMakeLists.txt.
extern const unsigned char schema_bytes[];
extern const std::size_t schema_size;

namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

/// The comment of anything that has one, as one paragraph.
template <typename T>
std::string CommentOf(const T& described) {
  google::protobuf::SourceLocation location;
  if (!described.GetSourceLocation(&location)) {
    return "";
  }
  std::string text;
  for (const char c : location.leading_comments) {
    const char kept = c == '\n' ? ' ' : c;
    if (kept != ' ' || (!text.empty() && text.back() != ' ')) {
      text += kept;
    }
  }
  while (!text.empty() && text.back() == ' ') {
    text.pop_back();
  }
  return text;
}

std::string TypeOf(const FieldDescriptor& field) {
  std::string type;
  if (field.message_type() != nullptr) {
    type = field.message_type()->name();
  } else if (field.enum_type() != nullptr) {
    type = field.enum_type()->name();
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    type = "text";
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    type = "true or false";
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
    type = "number";
  } else {
    type = "whole number";
  }
  if (field.is_repeated()) {
    type = "list of " + type;
  }
  if (field.real_containing_oneof() != nullptr) {
    type += ", excludes its alternatives";
  }
  return type;
}

SchemaType Describe(const EnumDescriptor& choice) {
  SchemaType type{choice.name(), CommentOf(choice), true, {}};
  for (int i = 0; i < choice.value_count(); ++i) {
    if (choice.value(i)->number() != 0) {  // zero means: not given
      type.fields.push_back({choice.value(i)->name(), "", CommentOf(*choice.value(i)), "", false});
    }
  }
  return type;
}

SchemaType Describe(const Descriptor& message) {
  SchemaType type{message.name(), CommentOf(message), false, {}};
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    type.fields.push_back({field.name(), TypeOf(field), CommentOf(field), ExpectedValue(field),
                           RuleOf(field).needed});
  }
  return type;
}

void Describe(const FileDescriptor& file, std::vector<SchemaType>& types) {
  for (int i = 0; i < file.message_type_count(); ++i) {
    types.push_back(Describe(*file.message_type(i)));
  }
  for (int i = 0; i < file.enum_type_count(); ++i) {
    types.push_back(Describe(*file.enum_type(i)));
  }
}

}  // namespace

std::vector<SchemaType> ReadSchema() {
  google::protobuf::FileDescriptorSet files;
  CHECK(files.ParseFromArray(schema_bytes, static_cast<int>(schema_size)));
  google::protobuf::DescriptorPool pool;
  for (const google::protobuf::FileDescriptorProto& file : files.file()) {
    CHECK(pool.BuildFile(file) != nullptr);
  }
  std::vector<SchemaType> types;
  for (const char* file :
       {"scenario", "site", "training", "serving", "reliability", "fabric", "server", "collective",
        "workload", "catalog", "layers", "stack", "facts", "fits", "source", "sweep"}) {
    Describe(*pool.FindFileByName(std::string("proto/") + file + ".proto"), types);
  }
  return types;
}

}  // namespace gridlock
