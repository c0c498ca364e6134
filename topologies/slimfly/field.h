#pragma once

#include <optional>
#include <vector>

namespace gridlock {

/// A finite field of q = p^k elements, which are the numbers below q: their digits to the base p
/// are the coefficients of a polynomial.
class FiniteField {
 public:
  static constexpr int kMost = 256;

  /// None when q is no prime power from 2 to kMost.
  static std::optional<FiniteField> Of(int q);

  [[nodiscard]] int size() const { return q_; }

  [[nodiscard]] int Add(int a, int b) const;
  [[nodiscard]] int Subtract(int a, int b) const;
  [[nodiscard]] int Multiply(int a, int b) const;

  /// Powers 0 to q - 2 of an element that generates all but zero.
  [[nodiscard]] const std::vector<int>& powers() const { return powers_; }

 private:
  FiniteField(int p, int k, int q) : p_(p), k_(k), q_(q) {}

  /// Of polynomials, with x^k replaced by `tail`.
  [[nodiscard]] int MultiplyModulo(int a, int b, int tail) const;

  /// Whether the powers of an element are all but zero.
  bool Generates(int element, int tail);

  int p_, k_, q_;
  std::vector<int> powers_;
  std::vector<int> log_;  ///< of all but zero
};

}  // namespace gridlock
