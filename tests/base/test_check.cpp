#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/base/check.h"

namespace gridlock {
namespace {

const std::vector<std::string> kServers = {"dgx_h100", "hgx_h800", "hgx_h20", "gb200_nvl72"};

TEST(NearestName, FindsASlipOfTheKeyboard) {
  EXPECT_EQ(NearestName("dgx_h10", kServers), "dgx_h100");
  EXPECT_EQ(NearestName("dgxh100", kServers), "dgx_h100");
  EXPECT_EQ(NearestName("gb200_nlv72", kServers), "gb200_nvl72");
}

TEST(NearestName, CountsCaseHalf) {
  EXPECT_EQ(NearestName("GBPS", {"Gbps", "GBps"}), "GBps");
  EXPECT_EQ(NearestName("DGX_H100", kServers), "dgx_h100");
  EXPECT_EQ(NearestName("GB200_NVL72", kServers), "gb200_nvl72");
}

TEST(NearestName, PrefersTheSameNumbersAndTheSameFamily) {
  EXPECT_EQ(NearestName("llama_3_70b", {"llama_2_70b", "llama_3.1_70b"}), "llama_3.1_70b");
  EXPECT_EQ(NearestName("abc", {"xbc", "abd"}), "abd");
}

TEST(NearestName, PrefersOneThatHasAllWords) {
  const std::vector<std::string> models = {"llama_65b", "llama_3.1_405b", "llama_3.1_405b_8_layers",
                                           "llama_2_70b", "bloom_176b"};
  EXPECT_EQ(NearestName("llama_405b", models), "llama_3.1_405b");
  EXPECT_EQ(NearestName("llama3_405b", models), "llama_3.1_405b");
  EXPECT_EQ(NearestName("405b", models), "llama_3.1_405b");
  EXPECT_EQ(NearestName("Llama-405B", models), "llama_3.1_405b");
  const std::vector<std::string> parts = {"a100_sxm_80gb", "dgx_h100",    "h100_pcie",  "h100_sxm",
                                          "h200_sxm",      "gb300_nvl72", "gb200_nvl72"};
  EXPECT_EQ(NearestName("h100", parts), "h100_sxm");
  EXPECT_EQ(NearestName("a100", parts), "a100_sxm_80gb");
  EXPECT_EQ(NearestName("gb200", parts), "gb200_nvl72");
}

TEST(NearestName, TakesASlipBeforeAPart) {
  EXPECT_EQ(NearestName("site", {"site_order", "sites"}), "sites");
  EXPECT_EQ(NearestName("rate", {"failure_rate", "rates"}), "rates");
  EXPECT_EQ(NearestName("ab", {"ab_longer_name"}), "");
}

TEST(NearestName, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(NearestName("tpu_v5p", kServers), "");
  EXPECT_EQ(NearestName("x", {"s"}), "");
  EXPECT_EQ(NearestName("", kServers), "");
  EXPECT_EQ(NearestName("dgx_h100", {}), "");
}

TEST(NearestName, TakesTheFirstOfEquallyNearOnes) {
  EXPECT_EQ(NearestName("abx", {"abc", "abd"}), "abc");
}

TEST(NearestName, RefusesToCompareVeryLongTexts) {
  EXPECT_EQ(NearestName(std::string(1000000, 'a'), kServers), "");
}

TEST(DidYouMean, AsksOnlyWhenANameIsNear) {
  EXPECT_EQ(DidYouMean("hgx_h80", kServers), " (did you mean \"hgx_h800\"?)");
  EXPECT_EQ(DidYouMean("qqq", kServers), "");
}

TEST(Quoted, KeepsEveryMessageOnOneLineOfText) {
  EXPECT_EQ(Quoted("400 Gbps"), "\"400 Gbps\"");
  EXPECT_EQ(Quoted("a\nb"), "\"a\\x0Ab\"");
  EXPECT_EQ(Quoted(std::string("\xFF\x00", 2)), "\"\\xFF\\x00\"");
  EXPECT_EQ(Quoted("\xC2\xB5s"), "\"\xC2\xB5s\"");
  EXPECT_EQ(Quoted("\xC2"), "\"\\xC2\"");
  EXPECT_EQ(Quoted(std::string(61, 'a')), "\"" + std::string(60, 'a') + "...\"");
}

TEST(Utf8Length, AcceptsOnlyWellFormedCharacters) {
  EXPECT_EQ(Utf8Length("a"), 1U);
  EXPECT_EQ(Utf8Length("\xC3\xA9"), 2U);
  EXPECT_EQ(Utf8Length("\xE2\x82\xAC"), 3U);
  EXPECT_EQ(Utf8Length("\xF0\x9F\x98\x80 and more"), 4U);
  EXPECT_EQ(Utf8Length(""), 0U);
  EXPECT_EQ(Utf8Length("\xC0\xAF"), 0U) << "longer than needed";
  EXPECT_EQ(Utf8Length("\xE0\x80\x80"), 0U) << "longer than needed";
  EXPECT_EQ(Utf8Length("\xED\xA0\x80"), 0U) << "half of a UTF-16 pair";
  EXPECT_EQ(Utf8Length("\xF4\x90\x80\x80"), 0U) << "beyond U+10FFFF";
  EXPECT_EQ(Utf8Length("\xE2\x82"), 0U) << "cut off";
  EXPECT_EQ(Utf8Length("\xE2(\xAC"), 0U) << "broken";
}

TEST(UserError, CarriesEveryProblemAndPrintsThemAll) {
  const UserError error(
      std::vector<Problem>{{"site[0].servers", "is 0"}, {"", "the file is empty"}});
  ASSERT_EQ(error.problems().size(), 2U);
  EXPECT_STREQ(error.what(), "site[0].servers: is 0\nthe file is empty");
}

TEST(Check, PassesWhenThePromiseHolds) {
  CHECK(1 + 1 == 2);
}

TEST(CheckDeathTest, StopsAndNamesTheBrokenPromise) {
  EXPECT_DEATH(CHECK(1 + 1 == 3), "test_check.cpp:[0-9]+: broken promise: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace gridlock
