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

/// The catalogue's name of "h100-sxm5-80gb" and of "hopper-class", in small letters; "" where a
/// word says something else, such as "h1000" or "h100_xyz".
std::string PartInWords(const std::string& text);

/// What a share is multiplied with in a unit: 100 for "% of the limit", 1 for "fraction", and for a
/// value of 1 or less without a unit. Nothing for another unit.
std::optional<double> ShareIn(const std::string& unit, double value);

/// Watts of "W", "kW" and "MW"; nothing for another unit.
std::optional<double> WattsIn(const std::string& unit);

/// What the source and notes of a row of power, in small letters, name that training does not do,
/// in words; "" where they name nothing.
std::string OtherThanTraining(const std::string& text);

}  // namespace gridlock
