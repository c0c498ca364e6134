#include "sim/validation/row_numbers.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "sim/base/numbers.h"
#include "sim/base/units.h"

namespace gridlock {

std::optional<double> LeadingNumber(std::string_view& text) {
  std::string_view rest = text;
  const std::optional<double> value = TakeNumber(rest);
  if (!value || *value <= 0) {
    return std::nullopt;
  }
  text = rest.substr(std::min(rest.find_first_not_of(' '), rest.size()));
  return value;
}

std::string_view FromFirstDigit(std::string_view text) {
  return text.substr(std::min(text.find_first_of("0123456789"), text.size()));
}

double SecondsOfUnit(std::string_view text) {
  for (const auto& [name, seconds] : {std::pair{"min", 60.0},
                                      {"days", kSecondsPerDay},
                                      {"day", kSecondsPerDay},
                                      {"hours", kSecondsPerHour},
                                      {"h", kSecondsPerHour},
                                      {"s", 1.0}}) {
    const std::size_t length = std::string_view(name).size();
    if (text.starts_with(name) &&
        (text.size() == length || std::isalpha(static_cast<unsigned char>(text[length])) == 0)) {
      return seconds;
    }
  }
  return 0;
}

std::optional<double> KilometresIn(const std::string& text) {
  const std::size_t km = text.find(" km");
  if (km == std::string::npos) {
    return std::nullopt;
  }
  std::string word = text.substr(0, km);
  word.erase(0, word.rfind(' ') + 1);
  std::erase(word, ',');
  std::string_view rest = FromFirstDigit(word);
  const std::optional<double> number = LeadingNumber(rest);
  return rest.empty() ? number : std::nullopt;
}

}  // namespace gridlock
