#pragma once

// Numbers in the words of a row: "in 54 days", "% of 10.2 kW", "two sites about 1000 km apart".

#include <optional>
#include <string>
#include <string_view>

namespace gridlock {

/// The finite number above 0 that `text` begins with; `text` is then what follows it and blanks.
std::optional<double> LeadingNumber(std::string_view& text);

/// What stands from the first digit on.
std::string_view FromFirstDigit(std::string_view text);

/// Seconds in the unit that `text` begins with; 0 where it begins with none.
double SecondsOfUnit(std::string_view text);

/// The number before " km"; commas between its digits count as nothing.
std::optional<double> KilometresIn(const std::string& text);

}  // namespace gridlock
