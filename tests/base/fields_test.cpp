// Lists of fields: that they are complete is proven when they are compiled, and here that this
// proof can fail.

#include "sim/base/fields.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/archive.h"

namespace gridlock {

namespace {

enum class Colour { kRed, kGreen };

struct Inner {
  Seconds time;
  std::vector<double> numbers = {};
};

/// One member of every kind that a list may name.
struct Outer {
  std::string name = "a";
  Colour colour = Colour::kRed;
  bool flag = false;
  std::array<Inner, 2> inner = {};
  std::vector<Inner> many = {};
  std::pair<std::string, double> pair = {};
  double price = 0;
};

struct Forgetful {
  int a = 0, b = 0;
};

struct Repeated {
  int a = 0, b = 0;
};

double Twice(const Outer& outer) {
  return 2 * outer.price;
}

double Times(const Outer& outer, const Forgetful& factor) {
  return factor.b * outer.price;
}

}  // namespace

template <>
inline constexpr std::array kNames<Colour> = {"red", "green"};

template <>
inline constexpr auto kFields<Inner> = Bearing(&Inner::time, &Inner::numbers);

template <>
inline constexpr auto kFields<Outer> = FieldList(
    Field("name", &Outer::name, "what it is called").Label(),
    Field("colour", &Outer::colour, "of it"), Field("flag", &Outer::flag, "up or down"),
    Field("inner", &Outer::inner, "two"), Field("many", &Outer::many, "any number"),
    Field("pair", &Outer::pair, "of things"),
    Field("price", &Outer::price, "USD", "without tax").Aside(),
    Derived("twice", &Twice, "USD", "two of them"), Derived("times", &Times, "USD", "some"));

template <>
inline constexpr auto kFields<Forgetful> = Bearing(&Forgetful::a);

template <>
inline constexpr auto kFields<Repeated> = Bearing(&Repeated::a, &Repeated::a);

namespace {

static_assert(ListsEveryMember<Outer>());
static_assert(ListsEveryMember<Inner>());
static_assert(!ListsEveryMember<Forgetful>(), "a member is missing");
static_assert(!ListsEveryMember<Repeated>(), "a member stands there twice, and another is missing");

// The compiler knows what a member is called.
static_assert(std::string_view(FieldNamedAsItIs<&Outer::colour>().note.name) == "colour");
static_assert(std::string_view(std::get<1>(Aside<&Inner::time, &Inner::numbers>()).note.name) ==
              "numbers");
static_assert(!std::get<0>(Aside<&Inner::time>()).note.bears);
static_assert(std::get<0>(Bearing<&Inner::time>()).note.bears);

Outer Example() {
  Outer outer;
  outer.name = "long enough to lie on the heap, not in the string itself";
  outer.colour = Colour::kGreen;
  outer.flag = true;
  outer.inner[1] = {Seconds(1.5), {1, 2, 3}};
  outer.many = {{Seconds(2.5), {}}, {Seconds(3.5), {4}}};
  outer.pair = {"pair", 0.25};
  outer.price = 7;
  return outer;
}

TEST(Fields, AnswerForTheOwnerAndForWhatItStandsIn) {
  std::string names;
  double price = 0, twice = 0, times = 0;
  const Forgetful context = {.a = 1, .b = 3};
  ForEachField<Outer>([&]<typename Access>(const FieldOf<Outer, Access>& field) {
    names += std::string(field.note.name) + " ";
    if constexpr (std::is_same_v<typename FieldOf<Outer, Access>::Value, double>) {
      const std::string name = field.note.name;
      (name == "price" ? price : name == "twice" ? twice : times) = field.Of(Example(), context);
      EXPECT_STREQ(field.note.unit, "USD");
    }
  });
  EXPECT_EQ(names, "name colour flag inner many pair price twice times ");
  EXPECT_EQ(price, 7);
  EXPECT_EQ(twice, 14);
  EXPECT_EQ(times, 21);
}

TEST(Fields, OfAQuantityHaveTheUnitOfItsType) {
  EXPECT_STREQ(Field("time", &Inner::time, "when").note.unit, "s");
  EXPECT_STREQ(kUnitOf<BytesPerSecond>, "byte/s");
  EXPECT_STREQ(NameOf(Colour::kGreen), "green");
}

TEST(Archive, GivesBackEveryMember) {
  const Outer in = Example();
  const auto out = FromBytes<Outer>(ToBytes(in));
  EXPECT_EQ(out.name, in.name);
  EXPECT_EQ(out.colour, in.colour);
  EXPECT_EQ(out.flag, in.flag);
  EXPECT_EQ(out.inner[1].time, in.inner[1].time);
  EXPECT_EQ(out.inner[1].numbers, in.inner[1].numbers);
  ASSERT_EQ(out.many.size(), 2U);
  EXPECT_EQ(out.many[1].numbers, in.many[1].numbers);
  EXPECT_EQ(out.pair, in.pair);
  EXPECT_EQ(out.price, in.price);
  EXPECT_EQ(ToBytes(out), ToBytes(in));
}

TEST(Archive, AKeyOfWhatBearsDoesNotSeeTheRest) {
  const auto key = [](const Outer& outer) {
    ArchiveWriter writer(ArchiveWriter::What::kBearing);
    writer.All(outer);
    return writer.bytes;
  };
  Outer other = Example();
  other.price = 8;
  EXPECT_EQ(key(other), key(Example()));
  other.many[1].numbers[0] = 5;
  EXPECT_NE(key(other), key(Example()));
}

TEST(Archive, ThatWasCutIsABug) {
  const std::string bytes = ToBytes(Example());
  EXPECT_DEATH((void)FromBytes<Outer>(bytes.substr(0, bytes.size() - 1)), "bytes_");
}

}  // namespace
}  // namespace gridlock
