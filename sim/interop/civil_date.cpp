#include "sim/interop/civil_date.h"

#include <charconv>
#include <string>

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

}  // namespace gridlock
