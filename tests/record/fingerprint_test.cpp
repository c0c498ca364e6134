#include "sim/record/fingerprint.h"

#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace gridlock {
namespace {

template <typename... Values>
std::uint64_t Hash(const Values&... values) {
  Fingerprint fingerprint;
  (fingerprint.Add(values), ...);
  return fingerprint.value();
}

TEST(Fingerprint, EqualsTheHashComputedByHand) {
  // FNV-1a over the bytes "r1.50000000e+00", then the splitmix64 finaliser; computed in Python.
  EXPECT_EQ(FingerprintText(Hash(1.5)), "63d62a095d3d6606");
  // Over "i" and the eight bytes of 7, lowest first.
  EXPECT_EQ(FingerprintText(Hash(std::uint64_t{7})), "77a6973ec5a4f718");
}

TEST(Fingerprint, NinthDigitCountsAndTheTenthDoesNot) {
  EXPECT_NE(Hash(1.23456789), Hash(1.23456788));
  EXPECT_EQ(Hash(1.23456789), Hash(1.234567891));
  EXPECT_EQ(Hash(0.1 + 0.2), Hash(0.3));
  EXPECT_EQ(Hash(123456789e-300), Hash(123456789.1e-300));
}

TEST(Fingerprint, ZeroHasNoSignAndNanNoPayload) {
  EXPECT_EQ(Hash(0.0), Hash(-0.0));
  EXPECT_NE(Hash(1.0), Hash(-1.0));
  EXPECT_EQ(Hash(std::nan("1")), Hash(-std::nan("2")));
  EXPECT_NE(Hash(std::numeric_limits<double>::infinity()), Hash(std::nan("")));
}

TEST(Fingerprint, OrderKindAndLengthCount) {
  EXPECT_NE(Hash(1.0, 2.0), Hash(2.0, 1.0));
  EXPECT_NE(Hash("ab", "c"), Hash("a", "bc"));
  EXPECT_NE(Hash(1), Hash(1.0));
  EXPECT_NE(Hash("1.00000000e+00"), Hash(1.0));
  EXPECT_EQ(Hash(1), Hash(std::uint64_t{1}));
}

TEST(Fingerprint, TextIsSixteenHexDigits) {
  EXPECT_EQ(FingerprintText(0), "0000000000000000");
  EXPECT_EQ(FingerprintText(0xfedcba9876543210u), "fedcba9876543210");
}

std::uint64_t CombinedOf(const std::vector<std::uint64_t>& fingerprints) {
  std::vector<StepRecord> records(fingerprints.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].fingerprint = fingerprints[i];
  }
  return CombinedFingerprint(records);
}

TEST(CombinedFingerprint, OfOneStepIsThatOfTheStep) {
  EXPECT_EQ(CombinedOf({7}), 7U);
}

TEST(CombinedFingerprint, DependsOnEveryStepAndNotOnTheirOrder) {
  EXPECT_EQ(CombinedOf({1, 2, 3}), CombinedOf({3, 1, 2}));
  const std::set<std::uint64_t> all = {
      CombinedOf({}),     CombinedOf({1}),       CombinedOf({1, 1}),    CombinedOf({1, 2}),
      CombinedOf({1, 3}), CombinedOf({1, 2, 3}), CombinedOf({1, 2, 2}), CombinedOf({1, 1, 2})};
  EXPECT_EQ(all.size(), 8U);
}

}  // namespace
}  // namespace gridlock
