#include "sim/schema/schema.h"

#include <cstddef>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include "sim/base/check.h"

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

void Describe(const EnumDescriptor& choice, std::string& text) {
  text += "\n## " + choice.name() + "\n\n";
  const std::string comment = CommentOf(choice);
  text += comment.empty() ? "" : comment + "\n\n";
  for (int i = 0; i < choice.value_count(); ++i) {
    if (choice.value(i)->number() == 0) {
      continue;  // means: not given
    }
    const std::string value_comment = CommentOf(*choice.value(i));
    text += "- `" + choice.value(i)->name() + "`" +
            (value_comment.empty() ? "" : ": " + value_comment) + "\n";
  }
}

void Describe(const Descriptor& message, std::string& text) {
  text += "\n## " + message.name() + "\n\n";
  const std::string comment = CommentOf(message);
  text += comment.empty() ? "" : comment + "\n\n";
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    const std::string field_comment = CommentOf(field);
    text += "- `" + field.name() + "` (" + TypeOf(field) + ")" +
            (field_comment.empty() ? "" : ": " + field_comment) + "\n";
  }
}

void Describe(const FileDescriptor& file, std::string& text) {
  for (int i = 0; i < file.message_type_count(); ++i) {
    Describe(*file.message_type(i), text);
  }
  for (int i = 0; i < file.enum_type_count(); ++i) {
    Describe(*file.enum_type(i), text);
  }
}

}  // namespace

std::string SchemaDocumentation() {
  google::protobuf::FileDescriptorSet files;
  CHECK(files.ParseFromArray(schema_bytes, static_cast<int>(schema_size)));
  google::protobuf::DescriptorPool pool;
  for (const google::protobuf::FileDescriptorProto& file : files.file()) {
    CHECK(pool.BuildFile(file) != nullptr);
  }
  std::string text =
      "# The scenario schema\n\n"
      "A scenario is a text file in protobuf's text format; its root is `Scenario`. Quantities "
      "are\n"
      "texts with a unit: \"400 Gbps\", \"80 GB\", \"12 us\".\n";
  // The scenario first: it is what a reader looks for.
  Describe(*pool.FindFileByName("proto/scenario.proto"), text);
  Describe(*pool.FindFileByName("proto/fabric.proto"), text);
  Describe(*pool.FindFileByName("proto/workload.proto"), text);
  Describe(*pool.FindFileByName("proto/catalog.proto"), text);
  return text;
}

}  // namespace gridlock
