// The rules of the schema's fields: nothing is left unchecked, nothing is refused or let through
// against what the comments of the schema say.

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include "proto/rules.pb.h"
#include "proto/scenario.pb.h"
#include "proto/sweep.pb.h"
#include "proto/workload.pb.h"
#include "sim/schema/rules.h"
#include "tests/source_dir.h"

namespace gridlock {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

void AddFields(const Descriptor& message, std::vector<const FieldDescriptor*>& fields,
               std::set<const Descriptor*>& seen) {
  if (!seen.insert(&message).second) {
    return;
  }
  for (int i = 0; i < message.field_count(); ++i) {
    fields.push_back(message.field(i));
    if (message.field(i)->message_type() != nullptr) {
      AddFields(*message.field(i)->message_type(), fields, seen);
    }
  }
}

/// Every field that a scenario, a workload file or a sweep can reach.
std::vector<const FieldDescriptor*> AllFields() {
  std::vector<const FieldDescriptor*> fields;
  std::set<const Descriptor*> seen;
  AddFields(*proto::Scenario::descriptor(), fields, seen);
  AddFields(*proto::Workload::descriptor(), fields, seen);
  AddFields(*proto::Sweep::descriptor(), fields, seen);
  return fields;
}

std::string NameOf(const FieldDescriptor& field) {
  return field.containing_type()->name() + "." + field.name();
}

bool HasRange(const Rule& rule) {
  return rule.kind == RuleKind::kQuantity || rule.kind == RuleKind::kCount ||
         rule.kind == RuleKind::kNumber;
}

TEST(Rules, AreSaidByEveryTextAndEveryNumber) {
  std::size_t said = 0;
  for (const FieldDescriptor* field : AllFields()) {
    const proto::Holds& holds = field->options().GetExtension(proto::holds);
    const bool is_text = field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    ASSERT_TRUE(!is_text || holds.kind() != proto::Holds::KIND_UNSPECIFIED) << NameOf(*field);
    const Rule rule = RuleOf(*field);
    if (HasRange(rule)) {
      EXPECT_GT(rule.max, 0.0) << NameOf(*field) << " says no range";
      EXPECT_LE(rule.min, rule.max) << NameOf(*field);
    } else {
      EXPECT_FALSE(holds.has_min() || holds.has_max()) << NameOf(*field) << " is no number";
    }
    said += field->options().HasExtension(proto::holds) ? 1 : 0;
  }
  EXPECT_GE(said, 250U);
}

TEST(Rules, FitTheTypesOfTheirFields) {
  for (const FieldDescriptor* field : AllFields()) {
    const RuleKind kind = RuleOf(*field).kind;
    if (kind == RuleKind::kNotSimulated) {
      continue;
    }
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        EXPECT_EQ(kind, RuleKind::kBlock) << NameOf(*field);
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        EXPECT_TRUE(kind == RuleKind::kText || kind == RuleKind::kFileName ||
                    kind == RuleKind::kQuantity)
            << NameOf(*field);
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        EXPECT_EQ(kind, RuleKind::kFlag) << NameOf(*field);
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        EXPECT_EQ(kind, RuleKind::kChoice) << NameOf(*field);
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        EXPECT_EQ(kind, RuleKind::kNumber) << NameOf(*field);
        break;
      default:
        EXPECT_EQ(kind, RuleKind::kCount) << NameOf(*field);
        break;
    }
  }
}

// A field with its default value is not written by the printer: needed, it would be missing after
// the written scenario is read back.
TEST(Rules, RefuseTheDefaultValueOfNeededNumbers) {
  for (const FieldDescriptor* field : AllFields()) {
    const Rule rule = RuleOf(*field);
    const bool number = rule.kind == RuleKind::kCount || rule.kind == RuleKind::kNumber;
    if (rule.needed && !field->has_presence() && number) {
      EXPECT_GT(rule.min, 0.0) << NameOf(*field);
    }
    if (rule.needed) {
      EXPECT_NE(rule.kind, RuleKind::kFlag) << NameOf(*field);
    }
  }
}

/// What the comments of the schema call "Not simulated yet": "Site.prices", and messages "Prices".
std::set<std::string> NotSimulatedInComments() {
  std::set<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(GRIDLOCK_SOURCE_DIR "/proto")) {
    if (file.path().extension() != ".proto") {
      continue;
    }
    std::ifstream stream(file.path());
    EXPECT_TRUE(stream);
    const std::regex message("message (\\w+) \\{");
    const std::regex field("(?:repeated |optional )?[\\w.]+ (\\w+) = \\d+( \\[.*\\])?;");
    std::string comment;
    std::string enclosing;
    for (std::string line; std::getline(stream, line);) {
      line.erase(0, line.find_first_not_of(' '));
      std::smatch match;
      if (line.rfind("//", 0) == 0) {
        comment += line.substr(2);
        continue;
      }
      const bool said = comment.find("Not simulated yet") != std::string::npos;
      if (std::regex_match(line, match, message)) {
        enclosing = match[1];
        if (said) {
          names.insert(enclosing);
        }
      } else if (said && std::regex_match(line, match, field)) {
        names.insert(enclosing + "." + std::string(match[1]));
      }
      comment.clear();
    }
  }
  return names;
}

TEST(Rules, RefuseExactlyWhatTheCommentsOfTheSchemaCallNotSimulated) {
  const std::set<std::string> said = NotSimulatedInComments();
  EXPECT_FALSE(said.empty());
  for (const FieldDescriptor* field : AllFields()) {
    const bool by_field = said.contains(NameOf(*field));
    const bool by_type =
        field->message_type() != nullptr && said.contains(field->message_type()->name());
    const bool by_message = said.contains(field->containing_type()->name());
    EXPECT_EQ(RuleOf(*field).kind == RuleKind::kNotSimulated, by_field || by_type || by_message)
        << NameOf(*field);
  }
}

}  // namespace
}  // namespace gridlock
