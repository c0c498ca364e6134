#pragma once

// Physical quantities as types: bytes cannot be added to seconds, and a bandwidth is always per
// direction and in bytes per second. `.si()` leaves the type and is written only where a number
// leaves our hands: at the SimGrid, HDF5 and printing seams, and inside closed forms.

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace gridlock {

/// A value with dimension data^D time^T work^W energy^E in SI base units: byte, second, FLOP,
/// joule.
template <int D, int T, int W, int E>
class Quantity {
 public:
  constexpr Quantity() = default;

  constexpr explicit Quantity(double si) : si_(si) {}

  [[nodiscard]] constexpr double si() const { return si_; }

  constexpr Quantity& operator+=(Quantity other) {
    si_ += other.si_;
    return *this;
  }

  constexpr Quantity& operator-=(Quantity other) {
    si_ -= other.si_;
    return *this;
  }

  constexpr auto operator<=>(const Quantity&) const = default;

 private:
  double si_ = 0.0;
};

template <int D, int T, int W, int E>
constexpr Quantity<D, T, W, E> operator+(Quantity<D, T, W, E> a, Quantity<D, T, W, E> b) {
  return Quantity<D, T, W, E>(a.si() + b.si());
}

template <int D, int T, int W, int E>
constexpr Quantity<D, T, W, E> operator-(Quantity<D, T, W, E> a, Quantity<D, T, W, E> b) {
  return Quantity<D, T, W, E>(a.si() - b.si());
}

template <int D, int T, int W, int E>
constexpr Quantity<D, T, W, E> operator*(Quantity<D, T, W, E> a, double k) {
  return Quantity<D, T, W, E>(a.si() * k);
}

template <int D, int T, int W, int E>
constexpr Quantity<D, T, W, E> operator*(double k, Quantity<D, T, W, E> a) {
  return a * k;
}

template <int D, int T, int W, int E>
constexpr Quantity<D, T, W, E> operator/(Quantity<D, T, W, E> a, double k) {
  return Quantity<D, T, W, E>(a.si() / k);
}

/// The quotient of two quantities: a plain number when their dimensions are the same.
template <int D1, int T1, int W1, int E1, int D2, int T2, int W2, int E2>
constexpr auto operator/(Quantity<D1, T1, W1, E1> a, Quantity<D2, T2, W2, E2> b) {
  if constexpr (D1 == D2 && T1 == T2 && W1 == W2 && E1 == E2) {
    return a.si() / b.si();
  } else {
    return Quantity<D1 - D2, T1 - T2, W1 - W2, E1 - E2>(a.si() / b.si());
  }
}

/// The product of two quantities: a plain number when their dimensions cancel.
template <int D1, int T1, int W1, int E1, int D2, int T2, int W2, int E2>
constexpr auto operator*(Quantity<D1, T1, W1, E1> a, Quantity<D2, T2, W2, E2> b) {
  if constexpr (D1 + D2 == 0 && T1 + T2 == 0 && W1 + W2 == 0 && E1 + E2 == 0) {
    return a.si() * b.si();
  } else {
    return Quantity<D1 + D2, T1 + T2, W1 + W2, E1 + E2>(a.si() * b.si());
  }
}

using Bytes = Quantity<1, 0, 0, 0>;
using Seconds = Quantity<0, 1, 0, 0>;
using Flop = Quantity<0, 0, 1, 0>;
using Joules = Quantity<0, 0, 0, 1>;
using BytesPerSecond = Quantity<1, -1, 0, 0>;
using FlopPerSecond = Quantity<0, -1, 1, 0>;
using Watts = Quantity<0, -1, 0, 1>;
using WattsPerSecond = Quantity<0, -2, 0, 1>;
using JoulesPerFlop = Quantity<0, 0, -1, 1>;
using JoulesPerByte = Quantity<-1, 0, 0, 1>;

inline constexpr double kSecondsPerHour = 3600;
inline constexpr double kSecondsPerDay = 24 * kSecondsPerHour;
inline constexpr double kJoulesPerKilowattHour = 1000 * kSecondsPerHour;
inline constexpr Seconds kYear(365.25 * kSecondsPerDay);  ///< a Julian year

/// What a text with a unit may measure; each accepts its own list of units (see UnitsOf).
enum class Dimension {
  kData,
  kTime,
  kBandwidth,
  kCompute,
  kWork,
  kPower,
  kEnergyPerFlop,
  kEnergyPerByte,
  kLength,
  kArea,
  kEnergy,
  kPowerRamp
};

/// A parsed text such as "400 Gbps": the value in SI units, or why it is not one.
struct ParsedQuantity {
  std::optional<double> si;  ///< value in SI units (metres for kLength, square metres for kArea),
                             ///< finite, when the text is good
  std::string problem;       ///< what is wrong and what was expected, when it is not
};

/// Parses a number and a unit, e.g. "80 GB", "989 TFLOPS", "3.35 TB/s", "400Gbps", "500 ns".
/// Decimal prefixes are powers of 1000 (GB = 10^9 byte), binary ones of 1024 (GiB). A number
/// without a unit is refused; so is NaN, infinity or a unit of another dimension.
ParsedQuantity ParseQuantity(std::string_view text, Dimension dimension);

/// The units that a dimension accepts, for messages: "bps, Kbps, Mbps, Gbps, Tbps, B/s, ...".
std::string UnitsOf(Dimension dimension);

/// The dimension in a sentence, with examples: a bandwidth such as "400 Gbps" or "50 GB/s".
std::string Describe(Dimension dimension);

// Text for people, three or four significant digits and a fitting prefix: "450 GB/s", "12.3 ms".
std::string FormatBytes(Bytes value);
std::string FormatSeconds(Seconds value);
std::string FormatBandwidth(BytesPerSecond value);
std::string FormatFlopRate(FlopPerSecond value);
std::string FormatWatts(Watts value);
std::string FormatJoules(Joules value);

}  // namespace gridlock
