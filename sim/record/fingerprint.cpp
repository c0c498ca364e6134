#include "sim/record/fingerprint.h"

#include <charconv>
#include <cmath>

namespace gridlock {
namespace {

constexpr std::uint64_t kPrime = 1099511628211ULL;  // FNV-1a 64-bit prime; Fowler, Noll, Vo

// Kinds of hashed values.
constexpr char kReal = 'r';
constexpr char kText = 't';
constexpr char kInteger = 'i';

}  // namespace

void Fingerprint::AddBytes(const char* bytes, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    state_ = (state_ ^ static_cast<unsigned char>(bytes[i])) * kPrime;
  }
}

void Fingerprint::AddWord(std::uint64_t word) {
  // Byte by byte from the lowest: the same on machines of either byte order.
  for (int i = 0; i < 8; ++i) {
    state_ = (state_ ^ ((word >> (8 * i)) & 0xff)) * kPrime;
  }
}

void Fingerprint::Add(double value) {
  AddBytes(&kReal, 1);
  if (std::isnan(value)) {
    AddBytes("nan", 3);
    return;
  }
  // to_chars rounds exactly and knows no locale; printf would write a comma in some.
  char text[32];
  const double unsigned_zero = value == 0.0 ? 0.0 : value;
  const auto end = std::to_chars(text, text + sizeof(text), unsigned_zero,
                                 std::chars_format::scientific, 8);  // 1 + 8 = 9 digits
  AddBytes(text, static_cast<std::size_t>(end.ptr - text));
}

void Fingerprint::Add(std::string_view text) {
  AddBytes(&kText, 1);
  AddWord(text.size());
  AddBytes(text.data(), text.size());
}

void Fingerprint::Add(std::uint64_t value) {
  AddBytes(&kInteger, 1);
  AddWord(value);
}

std::uint64_t Fingerprint::value() const {
  // FNV-1a leaves the high bits weak after few bytes; the splitmix64 finaliser spreads them.
  // Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014.
  std::uint64_t x = state_;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

void RunFingerprint::Add(std::uint64_t step) {
  Fingerprint hash;
  hash.Add(step);
  last_ = step;
  ++count_;
  sum_ += hash.value();
}

std::uint64_t RunFingerprint::value() const {
  if (count_ == 1) {
    return last_;
  }
  Fingerprint all;
  all.Add(count_);
  all.Add(sum_);
  return all.value();
}

std::uint64_t CombinedFingerprint(const std::vector<StepRecord>& records) {
  RunFingerprint run;
  for (const StepRecord& record : records) {
    run.Add(record.fingerprint);
  }
  return run.value();
}

std::string FingerprintText(std::uint64_t fingerprint) {
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; fingerprint >>= 4) {
    text[i] = "0123456789abcdef"[fingerprint & 0xf];
  }
  return text;
}

}  // namespace gridlock
