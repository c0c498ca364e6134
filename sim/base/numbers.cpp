#include "sim/base/numbers.h"

#include <array>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

namespace gridlock {

std::optional<double> ParseNumber(std::string_view text) {
  const std::optional<double> value = TakeNumber(text);
  return text.empty() ? value : std::nullopt;
}

std::optional<std::int64_t> ParseWhole(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && rest == end ? std::optional(value) : std::nullopt;
}

std::optional<double> TakeNumber(std::string_view& text) {
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value)) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return value;
}

std::string FormatAmount(double value, int digits) {
  static constexpr std::pair<double, char> kSizes[] = {
      {1e12, 'T'}, {1e9, 'B'}, {1e6, 'M'}, {1e3, 'k'}};
  double size = 1;
  std::string letter;
  for (const auto& [least, of_it] : kSizes) {
    if (value >= least) {
      size = least;
      letter = of_it;
      break;
    }
  }
  std::array<char, 64> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value / size,
                                     std::chars_format::general, digits);
  return std::string(buffer.data(), written.ptr) + letter;
}

}  // namespace gridlock
