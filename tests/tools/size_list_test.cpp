// Sizes and ranks as the command line lists them.

#include "tools/size_list.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/fixture_files.h"

namespace gridlock {
namespace {

std::string Refused(const std::string& sizes) {
  return RefusalsOf([&] {
    (void)SizeList(sizes);
  });
}

std::string RefusedRanks(const std::string& ranks) {
  return RefusalsOf([&] {
    (void)NumberList("--ranks", ranks);
  });
}

TEST(SizeList, IsSizesAndRanges) {
  EXPECT_EQ(SizeList("64MiB"), R"(["67108864 B"])");
  EXPECT_EQ(SizeList("1 kB,1KiB"), R"(["1000 B", "1024 B"])");
  EXPECT_EQ(SizeList("1KiB:16KiB:x4"), R"(["1024 B", "4096 B", "16384 B"])");
  EXPECT_EQ(SizeList("1KiB:4KiB"), R"(["1024 B", "2048 B", "4096 B"])") << "a factor of 2";
  EXPECT_EQ(SizeList("2B:11B:x2,1 GB"), R"(["2 B", "4 B", "8 B", "1000000000 B"])");
  EXPECT_EQ(SizeList("8B:8B:3"), R"(["8 B"])") << "a factor without x";
}

TEST(SizeList, EndsAtAnEndThatIsReachedByRounding) {
  // Seven times a factor of 1.1 are 1.9487171, and a little more in binary.
  EXPECT_EQ(SizeList("1000B:1948.7171B:x1.1"), SizeList("1000B:2000B:x1.1"));
}

TEST(SizeList, TakesABareNumberAsBytes) {
  EXPECT_EQ(SizeList("8"), SizeList("8 B"));
  EXPECT_EQ(SizeList("8:1KiB:x2"), SizeList("8B:1024B:x2"));
}

TEST(SizeList, RefusesWhatIsNoSize) {
  EXPECT_EQ(Refused("64X"),
            "--size: \"64X\" is no size; expected bytes such as \"8\", a number with a unit such "
            "as \"64MiB\" "
            "or \"1 GB\", or FROM:TO:xFACTOR\n");
  for (const char* sizes : {"", ",", "0 B", "-1 GB", "1 GB:", ":1 GB", "1 s", "8B:x2"}) {
    EXPECT_NE(Refused(sizes).find(" is no size; "), std::string::npos) << sizes;
  }
}

TEST(SizeList, RefusesWhatIsNoRange) {
  EXPECT_EQ(
      Refused("1GiB:1KiB"),
      "--size: \"1GiB:1KiB\" is no range of sizes; expected FROM:TO:xFACTOR with TO not below "
      "FROM, such as 1KiB:1GiB:x4\n");
  EXPECT_NE(Refused("1KiB:1GiB:x2:x2").find("is no range of sizes"), std::string::npos);
  for (const char* factor : {"x1", "x0", "x-2", "two", "", "xnan"}) {
    EXPECT_NE(Refused(std::string("1KiB:1MiB:") + factor).find(" is no factor; "),
              std::string::npos)
        << factor;
  }
  EXPECT_EQ(
      Refused("8B:8GiB:x1.00001"),
      "--size: \"8B:8GiB:x1.00001\" has more than 100000 sizes; expected a larger factor or a "
      "shorter range\n");
}

TEST(NumberList, IsNumbersAndRangesWithoutTheirEnd) {
  EXPECT_EQ(NumberList("--ranks", "0,8,16"), "[0, 8, 16]");
  EXPECT_EQ(NumberList("--ranks", "0:20:8"), "[0, 8, 16]");
  EXPECT_EQ(NumberList("--ranks", "0:16:8,3:5"), "[0, 8, 3, 4]");
}

TEST(NumberList, RefusesWhatIsNoNumberOrRange) {
  EXPECT_EQ(RefusedRanks("a"),
            "--ranks: \"a\" is no whole number; expected a list such as 0,8,16 or FROM:TO:STEP\n");
  for (const char* ranks : {"", "-1", "1.5", "0:", "1,,2", "99999999999999999999"}) {
    EXPECT_NE(RefusedRanks(ranks).find(" is no whole number; "), std::string::npos) << ranks;
  }
  EXPECT_EQ(RefusedRanks("8:8"),
            "--ranks: \"8:8\" is no range; expected FROM:TO:STEP with TO above FROM, such as "
            "0:64:8\n");
  EXPECT_NE(RefusedRanks("0:8:0").find("is no range"), std::string::npos);
  EXPECT_NE(RefusedRanks("0:8:1:1").find("is no range"), std::string::npos);
}

}  // namespace
}  // namespace gridlock
