#pragma once

// Numbers of texts, read in one way everywhere. "0x10", "nan", "inf", "+8" and " 8" are none. Those
// with a unit behind them are quantities (sim/base/units.h).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gridlock {

/// All of a text as a finite number: "8", "-0.5", "1e3".
std::optional<double> ParseNumber(std::string_view text);

/// All of a text as a whole number: "8", "-1".
std::optional<std::int64_t> ParseWhole(std::string_view text);

/// The finite number that a text begins with, which is cut off it: 8 of "8 GB", and " GB" stays.
std::optional<double> TakeNumber(std::string_view& text);

/// An amount of tokens or dollars as people say it, with so many significant digits: "300M",
/// "1.37T".
std::string FormatAmount(double value, int digits);

}  // namespace gridlock
