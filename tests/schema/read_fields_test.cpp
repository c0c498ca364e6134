// Structs that are read from messages by the names of their members: every field of the schema
// arrives in the member of its name, and a list and a schema that disagree do not pass.

#include "sim/schema/read_fields.h"

#include <set>
#include <string>
#include <type_traits>

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "proto/catalog.pb.h"
#include "sim/base/archive.h"
#include "sim/schema/rules.h"
#include "workloads/training_fields.h"

namespace gridlock {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

struct Misspelt {
  double tensor_overlp = 0;
};

struct Mistyped {
  double overlap_gradients = 0;
};

struct Mismeasured {
  Bytes step_overhead;
};

struct Worded {
  std::string step_overhead;
};

}  // namespace

template <>
inline constexpr auto kFields<Misspelt> = Bearing<&Misspelt::tensor_overlp>();
template <>
inline constexpr auto kFields<Mistyped> = Bearing<&Mistyped::overlap_gradients>();
template <>
inline constexpr auto kFields<Mismeasured> = Bearing<&Mismeasured::step_overhead>();
template <>
inline constexpr auto kFields<Worded> = Bearing<&Worded::step_overhead>();

namespace {

/// The members that the list of T names.
template <typename T>
std::multiset<std::string> Listed() {
  std::multiset<std::string> names;
  ForEachField<T>([&](const auto& field) {
    names.insert(field.note.name);
  });
  return names;
}

/// The fields of a message, but for those that say something about the entry and are no constants.
std::multiset<std::string> InSchema(const Descriptor& message) {
  std::multiset<std::string> names;
  for (const std::string& name : FieldNames(message)) {
    if (name != "title" && name != "like" && name != "alias" && name != "source" &&
        name != "family" && name != "stands_for" && name != "when_short") {
      names.insert(name);
    }
  }
  return names;
}

TEST(ReadFields, TheListsNameWhatTheSchemaNames) {
  EXPECT_THAT(Listed<StackSpec>(), ::testing::ContainerEq(InSchema(*proto::Stack::descriptor())));
  EXPECT_THAT(Listed<MixtureSpec>(),
              ::testing::ContainerEq(InSchema(*proto::Mixture::descriptor())));
  EXPECT_THAT(Listed<LatentAttentionSpec>(),
              ::testing::ContainerEq(InSchema(*proto::LatentAttention::descriptor())));
}

/// A value that the rule of the field lets through and no default is, as text of the schema.
std::string SomeValue(const FieldDescriptor& field) {
  const Rule rule = RuleOf(field);
  switch (rule.kind) {
    case RuleKind::kFlag:
      return "true";
    case RuleKind::kQuantity:
      return rule.dimension == Dimension::kTime ? "\"17 ms\"" : "\"17 MB\"";
    case RuleKind::kText:
      return "\"seventeen\"";
    case RuleKind::kCount:
      return "17";
    default:
      return std::to_string(rule.min + 0.17 * (rule.max - rule.min));
  }
}

/// A message that says the field of that name alone.
template <typename Message>
Message Saying(const std::string& name) {
  const FieldDescriptor* const field = Message::descriptor()->FindFieldByName(name);
  Message message;
  EXPECT_TRUE(field != nullptr && google::protobuf::TextFormat::ParseFromString(
                                      name + ": " + SomeValue(*field), &message))
      << name;
  return message;
}

/// The members in which two structs differ.
template <typename T>
std::set<std::string> Different(const T& a, const T& b) {
  std::set<std::string> names;
  ForEachField<T>([&](const auto& field) {
    if (ToBytes(field.Of(a)) != ToBytes(field.Of(b))) {
      names.insert(field.note.name);
    }
  });
  return names;
}

template <typename T, typename Message>
void ExpectThatEachFieldArrives() {
  const T nothing = ReadFields<T>(Message());
  for (const std::string& name : Listed<T>()) {
    const T spec = ReadFields<T>(Saying<Message>(name));
    EXPECT_THAT(Different(spec, nothing), ::testing::ElementsAre(name));
  }
}

TEST(ReadFields, EachFieldArrivesInTheMemberOfItsNameAndInNoOther) {
  ExpectThatEachFieldArrives<StackSpec, proto::Stack>();
  ExpectThatEachFieldArrives<MixtureSpec, proto::Mixture>();
  ExpectThatEachFieldArrives<LatentAttentionSpec, proto::LatentAttention>();
}

/// Expects that a message that says nothing leaves each number as the struct has it: a default of
/// the struct that the rule of its field overrules would be a trap. Flags are false.
template <typename T, typename Message>
void ExpectDefaultsOfTheStruct() {
  const T nothing = ReadFields<T>(Message());
  const T as_written;
  ForEachField<T>([&](const auto& field) {
    if constexpr (std::is_same_v<std::decay_t<decltype(field.Of(nothing))>, bool>) {
      EXPECT_FALSE(field.Of(nothing)) << field.note.name;
    } else {
      EXPECT_EQ(field.Of(nothing), field.Of(as_written)) << field.note.name;
    }
  });
}

TEST(ReadFields, WhatIsLeftOutIsAsTheStructSays) {
  ExpectDefaultsOfTheStruct<StackSpec, proto::Stack>();
  ExpectDefaultsOfTheStruct<MixtureSpec, proto::Mixture>();
  ExpectDefaultsOfTheStruct<LatentAttentionSpec, proto::LatentAttention>();
}

TEST(ReadFields, HaveTheirSiValues) {
  proto::Stack stack;
  stack.set_step_overhead("50 ms");
  stack.set_gradient_bucket("160 MB");
  stack.set_attention_speed(0.75);
  const auto spec = ReadFields<StackSpec>(stack);
  EXPECT_DOUBLE_EQ(spec.step_overhead.si(), 0.05);
  EXPECT_DOUBLE_EQ(spec.gradient_bucket.si(), 160e6);
  EXPECT_EQ(spec.attention_speed, 0.75);
}

TEST(ReadFieldsDeathTest, AListThatTheSchemaDoesNotKnowStopsTheProgram) {
  EXPECT_DEATH(ReadFields<Misspelt>(proto::Stack()), "field != nullptr");
  EXPECT_DEATH(ReadFields<Mistyped>(proto::Stack()), "type");
  EXPECT_DEATH(ReadFields<Mismeasured>(proto::Stack()), "dimension");
  EXPECT_DEATH(ReadFields<Worded>(proto::Stack()), "kText");
}

}  // namespace
}  // namespace gridlock
