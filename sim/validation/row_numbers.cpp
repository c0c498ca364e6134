#include "sim/validation/row_numbers.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

namespace gridlock {

std::optional<double> LeadingNumber(std::string_view& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value) || value <= 0) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return value;
}

std::string_view FromFirstDigit(std::string_view text) {
  return text.substr(std::min(text.find_first_of("0123456789"), text.size()));
}

double SecondsOfUnit(std::string_view text) {
  for (const auto& [name, seconds] : {std::pair{"min", 60.0},
                                      {"days", 86400.0},
                                      {"day", 86400.0},
                                      {"hours", 3600.0},
                                      {"h", 3600.0},
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
