#pragma once

// A hash of what a run computed. Same scenario + same seed = same fingerprint, on every build of
// one architecture; a fingerprint that moves says that a result moved.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sim/base/fields.h"
#include "sim/base/index.h"
#include "sim/record/step_record.h"

namespace gridlock {

/// An order-sensitive 64-bit hash (FNV-1a, with a final mix). Every value is hashed with its kind
/// and length, so that ("ab", "c") and ("a", "bc") differ, and so do 1 and 1.0.
class Fingerprint {
 public:
  /// Hashes the value rounded to 9 significant decimal digits, so that the last bits of a sum,
  /// which depend on how the compiler ordered it, do not count. -0 counts as 0; all NaN are one
  /// value.
  void Add(double value);

  void Add(std::string_view text);

  void Add(std::uint64_t value);

  void Add(std::signed_integral auto value) {
    Add(static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
  }

  void Add(std::unsigned_integral auto value) { Add(static_cast<std::uint64_t>(value)); }

  [[nodiscard]] std::uint64_t value() const;

 private:
  void AddBytes(const char* bytes, std::size_t size);
  void AddWord(std::uint64_t word);

  std::uint64_t state_ = 14695981039346656037ULL;  // FNV-1a offset basis; Fowler, Noll, Vo
};

/// Hashes a value of a record: lists with their length, enums by the names of their values, structs
/// by every stored field of their list that is not Aside.
template <typename T>
void AddValue(Fingerprint& hash, const T& value) {
  if constexpr (HasFields<T>) {
    ForEachField<T>([&](const auto& field) {
      if constexpr (std::remove_cvref_t<decltype(field)>::kStored) {
        if (field.note.bears) {
          AddValue(hash, field.Of(value));
        }
      }
    });
  } else if constexpr (Named<T>) {
    hash.Add(std::string_view(NameOf(value)));
  } else if constexpr (kIsQuantity<T>) {
    hash.Add(value.si());
  } else if constexpr (kIsIndex<T>) {
    hash.Add(value.value);
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
    hash.Add(value);
  } else {
    hash.Add(value.size());
    for (const auto& item : value) {
      AddValue(hash, item);
    }
  }
}

/// The fingerprint of a run of several steps, in whatever order they are added: that of the step
/// when there is only one, else a hash of the fingerprints of all.
class RunFingerprint {
 public:
  /// Adds the fingerprint of a step.
  void Add(std::uint64_t step);

  [[nodiscard]] std::uint64_t value() const;

 private:
  std::uint64_t last_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;  ///< of a hash of each; sums do not know the order
};

/// RunFingerprint of the records.
std::uint64_t CombinedFingerprint(const std::vector<StepRecord>& records);

/// 16 hexadecimal digits.
std::string FingerprintText(std::uint64_t fingerprint);

}  // namespace gridlock
