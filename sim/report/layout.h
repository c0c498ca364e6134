#pragma once

// How numbers and long lines stand on a screen of 100 columns.

#include <span>
#include <string>
#include <vector>

#include "sim/base/units.h"

namespace gridlock {

/// "1,234,567"; "9,946.1" with one digit behind the point.
std::string Grouped(double value, int decimals = 0);

/// A share of 0..1 as "12.3 %"; "n/a" when it is not a number.
std::string Percent(double share);

/// `si` rounded to three significant digits: all that an estimate deserves.
double ThreeDigits(double si);

/// "400 Gbps": network bandwidth as it is sold, per direction.
std::string FormatGbps(BytesPerSecond value);

struct LinkUse;

/// "   81.3 %  leaf_up[3] (leaf0 to spine3), 4 alike   1.2 GB at 50 GB/s": one of a list of hot
/// links, with a line end.
std::string HotLinkLine(const LinkUse& link);

/// A unit that a whole column of numbers is written in.
struct ColumnUnit {
  double si = 1.0;  ///< one of the unit
  const char* name = "";
};

/// Seconds, milliseconds or microseconds: the largest of which `whole` has at least one.
ColumnUnit TimeUnit(Seconds whole);

/// The values in one unit, with the same number of digits behind the point: the fewest that give
/// each value four significant digits, and three at most. `units` rise; the unit is the largest
/// that the smallest value has at least one of.
std::vector<std::string> Column(const std::vector<double>& si, std::span<const ColumnUnit> units);

/// `first`, then `text` broken at blanks before column 100, its other lines as far to the right as
/// `indent`; with a final newline. A word that fits on no line stays whole.
std::string Wrapped(std::string first, const std::string& text, std::size_t indent);

/// The text with its lines broken at blanks so that none is longer than `columns`, for a screen
/// that is narrower than the report. The rest of a line is two columns further to the right than
/// its start. A word that fits on no line stays whole.
std::string Folded(const std::string& text, std::size_t columns);

/// "  name                   value": a line of a list, wrapped.
std::string Line(const std::string& name, const std::string& value);

}  // namespace gridlock
