#pragma once

// Dates of logs and traces.

#include <optional>
#include <string_view>

namespace gridlock {

/// Days from 1970-01-01 of a date in the Gregorian calendar (Hinnant, days_from_civil).
inline double DaysOf(int year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const int era = (year >= 0 ? year : year - 399) / 400;
  const int of_era = year - era * 400;
  const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097.0 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/// Seconds east of Greenwich of "+01:00", "-0730", "+08", "Z" or "". Nothing when the text is no
/// zone in numbers, as "PDT" is.
std::optional<double> ZoneOf(std::string_view text);

/// The same, also of "UTC", "CET", "PDT" and other names that logs write. Of zones with one name
/// that of most logs: "CST" is six hours west, "IST" five and a half east.
std::optional<double> NamedZoneOf(std::string_view text);

/// Whether a year has such a day.
bool IsDate(int year, int month, int day);

}  // namespace gridlock
