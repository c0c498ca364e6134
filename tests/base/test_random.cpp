// The generator against published values, and the distributions against their moments.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/base/random.h"

namespace gridlock {
namespace {

// The published algorithms once more, apart from ours: splitmix64 (Steele, Lea, Flood 2014),
// xoshiro256++ (Blackman and Vigna 2021), FNV-1a.
struct SplitMix {
  std::uint64_t x;

  std::uint64_t Next() {
    std::uint64_t z = (x += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
};

struct Xoshiro {
  std::array<std::uint64_t, 4> s;

  static std::uint64_t Rotl(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

  std::uint64_t Next() {
    const std::uint64_t result = Rotl(s[0] + s[3], 23) + s[0];
    const std::uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = Rotl(s[3], 45);
    return result;
  }
};

std::uint64_t Fnv1a(const std::string& text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

TEST(KnownAnswers, OfThePublishedAlgorithms) {
  // splitmix64 from 1234567 (Rosetta Code, "Pseudo-random numbers/Splitmix64"); xoshiro256++ from
  // state 1, 2, 3, 4 (test vector of the rand_xoshiro crate, made with the authors' C code); FNV-1a
  // of "foobar" (Fowler, Noll, Vo).
  SplitMix split{1234567};
  for (const std::uint64_t expected :
       {6457827717110365317ULL, 3203168211198807973ULL, 9817491932198370423ULL,
        4593380528125082431ULL, 16408922859458223821ULL}) {
    EXPECT_EQ(split.Next(), expected);
  }
  Xoshiro xoshiro{{1, 2, 3, 4}};
  for (const std::uint64_t expected :
       {41943041ULL, 58720359ULL, 3588806011781223ULL, 3591011842654386ULL, 9228616714210784205ULL,
        9973669472204895162ULL, 14011001112246962877ULL, 12406186145184390807ULL,
        15849039046786891736ULL, 10450023813501588000ULL}) {
    EXPECT_EQ(xoshiro.Next(), expected);
  }
  EXPECT_EQ(Fnv1a("foobar"), 0x85944171f73967e8ULL);
}

TEST(Bits, AreThoseOfXoshiroSeededBySplitmixOfSeedAndPurpose) {
  for (const std::uint64_t seed : {0ULL, 1ULL, 42ULL, ~0ULL}) {
    SplitMix spread{seed};
    SplitMix words{spread.Next() ^ Fnv1a("serving/chat/arrivals")};
    Xoshiro expected{{words.Next(), words.Next(), words.Next(), words.Next()}};
    Random random(seed, "serving/chat/arrivals");
    for (int i = 0; i < 1000; ++i) {
      ASSERT_EQ(random.Bits(), expected.Next());
    }
  }
}

TEST(Bits, StayTheSame) {
  // Results of scenarios hang on these.
  Random random(1, "pinned");
  EXPECT_EQ(random.Bits(), 8894199013123876538ULL);
  EXPECT_EQ(random.Bits(), 3732680988957024364ULL);
}

constexpr int kDraws = 200000;

struct Moments {
  double mean = 0, variance = 0;
};

Moments MomentsOf(const std::function<double()>& draw) {
  double sum = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = draw();
    sum += x;
    squares += x * x;
  }
  const double mean = sum / kDraws;
  return {mean, squares / kDraws - mean * mean};
}

// Five standard errors of a mean with this variance.
double Bound(double variance) {
  return 5 * std::sqrt(variance / kDraws);
}

TEST(Uniform, FillsItsBucketsEvenly) {
  Random random(7, "uniform");
  constexpr int kBuckets = 100;
  std::array<int, kBuckets> counts{};
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.Uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    ++counts[static_cast<std::size_t>(u * kBuckets)];
  }
  double chi2 = 0;
  const double expected = 1.0 * kDraws / kBuckets;
  for (const int count : counts) {
    chi2 += (count - expected) * (count - expected) / expected;
  }
  // 99 degrees of freedom: 0.0001 and 0.9999 quantiles of chi square.
  EXPECT_GT(chi2, 53);
  EXPECT_LT(chi2, 161);
}

TEST(Uniform, HasMeanOneHalfAndVarianceOneTwelfth) {
  Random random(8, "uniform");
  const Moments m = MomentsOf([&] {
    return random.Uniform();
  });
  EXPECT_NEAR(m.mean, 0.5, Bound(1.0 / 12));
  EXPECT_NEAR(m.variance, 1.0 / 12, Bound(1.0 / 180));
}

TEST(Below, IsEvenAndNeverReachesItsBound) {
  Random random(9, "below");
  std::array<int, 7> counts{};
  for (int i = 0; i < kDraws; ++i) {
    ++counts.at(random.Below(7));
  }
  for (const int count : counts) {
    EXPECT_NEAR(count, kDraws / 7.0, 5 * std::sqrt(kDraws * (1 / 7.0) * (6 / 7.0)));
  }
  EXPECT_EQ(random.Below(1), 0U);
}

TEST(Below, IsFairWhenItsBoundDoesNotDivideTheBits) {
  // With n = 3/4 of 2^64, the remainder alone would give the lower third of results half the draws.
  Random random(10, "below");
  const std::uint64_t n = 3ULL << 62;
  int low = 0;
  for (int i = 0; i < kDraws; ++i) {
    low += random.Below(n) < n / 3 ? 1 : 0;
  }
  EXPECT_NEAR(low, kDraws / 3.0, 5 * std::sqrt(kDraws * 2.0 / 9));
}

TEST(Exponential, HasMeanAndVarianceAndIsMemoryless) {
  Random random(11, "exponential");
  const Moments m = MomentsOf([&] {
    return random.Exponential(3);
  });
  EXPECT_NEAR(m.mean, 3, Bound(9));
  EXPECT_NEAR(m.variance, 9, Bound(8 * 81));
  int beyond = 0;
  for (int i = 0; i < kDraws; ++i) {
    beyond += random.Exponential(3) > 6 ? 1 : 0;
  }
  EXPECT_NEAR(1.0 * beyond / kDraws, std::exp(-2), Bound(std::exp(-2)));
}

TEST(Normal, HasTheMomentsAndTheQuantiles) {
  Random random(12, "normal");
  const Moments m = MomentsOf([&] {
    return random.Normal();
  });
  EXPECT_NEAR(m.mean, 0, Bound(1));
  EXPECT_NEAR(m.variance, 1, Bound(2));
  int below = 0;
  for (int i = 0; i < kDraws; ++i) {
    below += random.Normal() < 1.2815515655446004 ? 1 : 0;
  }
  EXPECT_NEAR(1.0 * below / kDraws, 0.9, Bound(0.09));
}

TEST(LogNormal, HasItsMedianAndMean) {
  Random random(13, "log-normal");
  std::vector<double> draws(kDraws);
  double sum = 0;
  for (double& draw : draws) {
    draw = random.LogNormal(std::log(100), 0.8);
    sum += draw;
  }
  std::nth_element(draws.begin(), draws.begin() + kDraws / 2, draws.end());
  EXPECT_NEAR(std::log(draws[kDraws / 2] / 100), 0, 5 * 0.8 * std::sqrt(1.5708 / kDraws));
  const double mean = 100 * std::exp(0.32);
  const double variance = mean * mean * (std::exp(0.64) - 1);
  EXPECT_NEAR(sum / kDraws, mean, Bound(variance));
}

TEST(Streams, OfOtherNamesOrSeedsAreIndependent) {
  // Correlation of the uniforms, and equal bits.
  struct Pair {
    Random a, b;
  };

  for (Pair pair : {Pair{Random(1, "a"), Random(1, "b")}, Pair{Random(1, "a"), Random(2, "a")},
                    Pair{Random(1, "serving/x/groups"), Random(1, "serving/x/groupt")},
                    Pair{Random(0, ""), Random(1, "")}}) {
    double product = 0;
    int equal = 0;
    for (int i = 0; i < kDraws; ++i) {
      const std::uint64_t a = pair.a.Bits(), b = pair.b.Bits();
      equal += a == b ? 1 : 0;
      product +=
          (static_cast<double>(a) * 0x1p-64 - 0.5) * (static_cast<double>(b) * 0x1p-64 - 0.5);
    }
    EXPECT_EQ(equal, 0);
    EXPECT_NEAR(product / kDraws, 0, Bound(1.0 / 144));
  }
}

TEST(Streams, OfOneNameAndSeedAreTheSame) {
  Random a(5, "same"), b(5, "same");
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(a.Bits(), b.Bits());
  }
}

}  // namespace
}  // namespace gridlock
