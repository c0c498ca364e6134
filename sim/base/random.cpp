#include "sim/base/random.h"

#include <cmath>

#include "sim/base/check.h"

namespace gridlock {

namespace {

std::uint64_t RotateLeft(std::uint64_t x, int k) {
  return (x << k) | (x >> (64 - k));
}

// splitmix64 (Steele, Lea, Flood 2014): spreads a seed over the state.
std::uint64_t NextSplit(std::uint64_t& x) {
  x += 0x9e3779b97f4a7c15;
  std::uint64_t z = x;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// FNV-1a, 64 bits.
std::uint64_t HashOf(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

}  // namespace

Random::Random(std::uint64_t seed, std::string_view purpose) : state_() {
  std::uint64_t x = seed;
  x = NextSplit(x) ^ HashOf(purpose);
  for (std::uint64_t& word : state_) {
    word = NextSplit(x);
  }
}

std::uint64_t Random::Bits() {
  const std::uint64_t result = RotateLeft(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = RotateLeft(state_[3], 45);
  return result;
}

double Random::Uniform() {
  return static_cast<double>(Bits() >> 11) * 0x1.0p-53;
}

std::uint64_t Random::Below(std::uint64_t n) {
  CHECK(n > 0);
  // The few values that would favour small results are drawn again.
  const std::uint64_t first_fair = (0 - n) % n;
  std::uint64_t bits = Bits();
  while (bits < first_fair) {
    bits = Bits();
  }
  return bits % n;
}

double Random::Exponential(double mean) {
  return -mean * std::log1p(-Uniform());
}

double Random::Normal() {
  double u = 0, square = 0;
  do {
    u = 2 * Uniform() - 1;
    const double v = 2 * Uniform() - 1;
    square = u * u + v * v;
  } while (square >= 1 || square == 0);
  return u * std::sqrt(-2 * std::log(square) / square);
}

double Random::LogNormal(double mu, double sigma) {
  return std::exp(mu + sigma * Normal());
}

}  // namespace gridlock
