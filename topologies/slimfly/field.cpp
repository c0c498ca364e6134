#include "topologies/slimfly/field.h"

namespace gridlock {

std::optional<FiniteField> FiniteField::Of(int q) {
  if (q < 2 || q > kMost) {
    return std::nullopt;
  }
  int p = 2;
  while (q % p != 0) {
    ++p;
  }
  int k = 0;
  int rest = q;
  for (; rest % p == 0; rest /= p) {
    ++k;
  }
  if (rest != 1) {
    return std::nullopt;
  }
  // A tail of x^k and an element whose powers are all but zero: then every element but zero has an
  // inverse, and this is a field.
  FiniteField field(p, k, q);
  for (int tail = 0; tail < q; ++tail) {
    for (int element = 1; element < q; ++element) {
      if (field.Generates(element, tail)) {
        return field;
      }
    }
  }
  return std::nullopt;
}

int FiniteField::Add(int a, int b) const {
  int sum = 0;
  for (int digit = 1; digit < q_; digit *= p_) {
    sum += (a / digit + b / digit) % p_ * digit;
  }
  return sum;
}

int FiniteField::Subtract(int a, int b) const {
  int difference = 0;
  for (int digit = 1; digit < q_; digit *= p_) {
    difference += (a / digit % p_ + p_ - b / digit % p_) % p_ * digit;
  }
  return difference;
}

int FiniteField::MultiplyModulo(int a, int b, int tail) const {
  int product = 0;
  // Horner's rule over the coefficients of b, the highest first.
  for (int digit = q_ / p_; digit > 0; digit /= p_) {
    const int high = product / (q_ / p_);
    product = product % (q_ / p_) * p_;
    for (int i = 0; i < high; ++i) {
      product = Add(product, tail);
    }
    for (int i = 0; i < b / digit % p_; ++i) {
      product = Add(product, a);
    }
  }
  return product;
}

bool FiniteField::Generates(int element, int tail) {
  powers_.clear();
  log_.assign(static_cast<std::size_t>(q_), -1);
  for (int power = 1; static_cast<int>(powers_.size()) < q_ - 1;
       power = MultiplyModulo(power, element, tail)) {
    if (power == 0 || log_[power] >= 0) {
      return false;
    }
    log_[power] = static_cast<int>(powers_.size());
    powers_.push_back(power);
  }
  return true;
}

int FiniteField::Multiply(int a, int b) const {
  return a == 0 || b == 0 ? 0 : powers_[(log_[a] + log_[b]) % (q_ - 1)];
}

}  // namespace gridlock
