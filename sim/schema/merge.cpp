#include "sim/schema/merge.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "proto/scenario.pb.h"
#include "sim/base/check.h"
#include "sim/schema/files.h"
#include "sim/schema/text_reader.h"

namespace gridlock {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

/// Copies one single value of the field.
void CopyValue(const Message& from, Message& into, const FieldDescriptor& field) {
  const Reflection& reflection = *from.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      reflection.SetString(&into, &field, reflection.GetString(from, &field));
      return;
    case FieldDescriptor::CPPTYPE_INT32:
      reflection.SetInt32(&into, &field, reflection.GetInt32(from, &field));
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      reflection.SetInt64(&into, &field, reflection.GetInt64(from, &field));
      return;
    case FieldDescriptor::CPPTYPE_UINT64:
      reflection.SetUInt64(&into, &field, reflection.GetUInt64(from, &field));
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      reflection.SetDouble(&into, &field, reflection.GetDouble(from, &field));
      return;
    case FieldDescriptor::CPPTYPE_BOOL:
      reflection.SetBool(&into, &field, reflection.GetBool(from, &field));
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      reflection.SetEnumValue(&into, &field, reflection.GetEnumValue(from, &field));
      return;
    default:
      break;
  }
  CHECK(!"the schema has a type that merging does not know");
}

/// Appends all elements of a list.
void AppendList(const Message& from, Message& into, const FieldDescriptor& field) {
  const Reflection& reflection = *from.GetReflection();
  for (int i = 0; i < reflection.FieldSize(from, &field); ++i) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        reflection.AddMessage(&into, &field)
            ->CopyFrom(reflection.GetRepeatedMessage(from, &field, i));
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        reflection.AddString(&into, &field, reflection.GetRepeatedString(from, &field, i));
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        reflection.AddInt32(&into, &field, reflection.GetRepeatedInt32(from, &field, i));
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        reflection.AddDouble(&into, &field, reflection.GetRepeatedDouble(from, &field, i));
        break;
      default:
        CHECK(!"the schema has a list that merging does not know");
    }
  }
}

/// Forgets where the other members of the field's oneof were written: setting it clears them.
void ForgetRivals(const FieldDescriptor& field, Written& written) {
  if (field.real_containing_oneof() == nullptr) {
    return;
  }
  for (int i = 0; i < field.real_containing_oneof()->field_count(); ++i) {
    const FieldDescriptor& rival = *field.real_containing_oneof()->field(i);
    if (&rival != &field) {
      written.fields.erase(rival.name());
    }
  }
}

std::string Beside(const std::string& file, const std::string& included) {
  return (std::filesystem::path(file).parent_path() / included).lexically_normal().string();
}

/// Reads files depth-first and keeps the chain of those that are open.
class Reader {
 public:
  explicit Reader(ProblemList& problems) : problems_(problems) {}

  void Read(const std::string& file, std::string_view text, proto::Scenario& merged,
            Written& merged_written) {
    proto::Scenario own;
    Written own_written;
    open_.push_back(file);
    if (ReadText(file, text, own, own_written, problems_)) {
      CheckVersion(own, own_written);
      for (int i = 0; i < own.include_size(); ++i) {
        Include(Beside(file, own.include(i)), own_written.At("include", i).value, merged,
                merged_written);
      }
      for (std::string& workload : *own.mutable_workload()) {
        workload = FromRoot(Beside(file, workload));
      }
      for (proto::Site& site : *own.mutable_site()) {
        if (!site.fabric().listed().file().empty()) {
          std::string& graph = *site.mutable_fabric()->mutable_listed()->mutable_file();
          graph = FromRoot(Beside(file, graph));
        }
      }
      own.clear_include();
      own_written.fields.erase("include");
      MergeMessage(own, own_written, merged, merged_written);
    }
    open_.pop_back();
    done_.insert(file);
  }

 private:
  /// A file as the outermost scenario would name it.
  [[nodiscard]] std::string FromRoot(const std::string& file) const {
    const std::filesystem::path root = std::filesystem::path(open_.front()).parent_path();
    const std::string relative = std::filesystem::path(file).lexically_relative(root).string();
    return root.empty() || relative.empty() ? file : relative;
  }

  /// Each file by itself: an including file's version must not hide an older file's.
  void CheckVersion(const proto::Scenario& own, const Written& written) {
    if (written.Has("schema_version") && own.schema_version() != 1) {
      problems_.Add(written.At("schema_version").value, "schema_version",
                    Refusal("\"schema_version\" is " + std::to_string(own.schema_version()), "1"));
    }
  }

  void Include(const std::string& file, const Position& where, proto::Scenario& merged,
               Written& merged_written) {
    const auto first = std::find(open_.begin(), open_.end(), file);
    if (first != open_.end()) {
      std::string chain;
      for (auto each = first; each != open_.end(); ++each) {
        chain += *each + " -> ";
      }
      problems_.Add(where, "",
                    Refusal("files include each other in a circle: " + chain + file,
                            "an include that does not lead back"));
      return;
    }
    if (done_.contains(file)) {
      return;
    }
    std::string text;
    if (ReadFile(file, where, text, problems_)) {
      Read(file, text, merged, merged_written);
    }
  }

  ProblemList& problems_;
  std::vector<std::string> open_;
  std::set<std::string> done_;
};

}  // namespace

void MergeMessage(const Message& from, const Written& from_written, Message& into,
                  Written& into_written) {
  const Reflection& reflection = *from.GetReflection();
  for (const auto& [name, written] : from_written.fields) {
    const FieldDescriptor* const field = from.GetDescriptor()->FindFieldByName(name);
    CHECK(field != nullptr);
    if (written.empty()) {
      continue;
    }
    std::vector<Written>& there = into_written.fields[name];
    if (field->is_repeated()) {
      AppendList(from, into, *field);
      there.insert(there.end(), written.begin(), written.end());
      continue;
    }
    ForgetRivals(*field, into_written);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      CopyValue(from, into, *field);
      there = written;
      continue;
    }
    there.resize(1);
    there[0].name = written[0].name;
    there[0].value = written[0].value;
    MergeMessage(reflection.GetMessage(from, field), written[0],
                 *reflection.MutableMessage(&into, field), there[0]);
  }
}

void ReadScenario(const std::string& file, std::string_view text, proto::Scenario& scenario,
                  Written& written, ProblemList& problems) {
  written = Written{{file, 1, 1}, {file, 1, 1}, {}};
  Reader(problems).Read(std::filesystem::path(file).lexically_normal().string(), text, scenario,
                        written);
}

}  // namespace gridlock
