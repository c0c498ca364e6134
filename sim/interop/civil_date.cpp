#include "sim/interop/civil_date.h"

#include <charconv>
#include <string>
#include <utility>

#include "sim/base/units.h"

namespace gridlock {

std::optional<double> ZoneOf(std::string_view text) {
  if (text.empty() || text == "Z") {
    return 0;
  }
  if (text.front() != '+' && text.front() != '-') {
    return std::nullopt;
  }
  std::string digits(text.substr(1));
  if (digits.size() == 5 && digits[2] == ':') {
    digits.erase(2, 1);
  }
  if (digits.size() == 2) {
    digits += "00";
  }
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.size() != 4 || error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  const double east = number / 100 * kSecondsPerHour + number % 100 * 60;
  return text.front() == '-' ? -east : east;
}

std::optional<double> NamedZoneOf(std::string_view text) {
  // Abbreviations of the IANA time zone database, in hours.
  static constexpr std::pair<std::string_view, double> kZones[] = {
      {"UTC", 0},   {"GMT", 0},  {"WET", 0},  {"WEST", 1},  {"BST", 1},   {"CET", 1},
      {"CEST", 2},  {"EET", 2},  {"EEST", 3}, {"MSK", 3},   {"IST", 5.5}, {"HKT", 8},
      {"SGT", 8},   {"JST", 9},  {"KST", 9},  {"AEST", 10}, {"AEDT", 11}, {"NZST", 12},
      {"NZDT", 13}, {"EST", -5}, {"EDT", -4}, {"CST", -6},  {"CDT", -5},  {"MST", -7},
      {"MDT", -6},  {"PST", -8}, {"PDT", -7}, {"HST", -10}};
  for (const auto& [name, hours] : kZones) {
    if (text == name) {
      return hours * kSecondsPerHour;
    }
  }
  return ZoneOf(text);
}

bool IsDate(int year, int month, int day) {
  static constexpr int kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month >= 1 && month <= 12 && day >= 1 && day <= kDays[month - 1] &&
         (month != 2 || day < 29 || leap);
}

}  // namespace gridlock
