#include "sim/report/layout.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/record/link_use.h"

namespace gridlock {
namespace {

constexpr std::size_t kColumns = 100;
constexpr int kMostDecimals = 3;

/// Decimals with which `value` keeps four significant digits.
int DecimalsOf(double value) {
  for (int decimals = 0; decimals < kMostDecimals; ++decimals) {
    const double scale = std::pow(10.0, decimals);
    if (std::abs(std::round(value * scale) / scale - value) <= 5e-5 * std::abs(value)) {
      return decimals;
    }
  }
  return kMostDecimals;
}

}  // namespace

std::string Grouped(double value, int decimals) {
  std::string text = fmt::format("{:.{}f}", value, decimals);
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  for (std::size_t at = std::min(text.find('.'), text.size()); at > first + 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string Percent(double share) {
  return std::isfinite(share) ? fmt::format("{:.1f} %", 100.0 * share) : "n/a";
}

double ThreeDigits(double si) {
  if (si == 0.0 || !std::isfinite(si)) {
    return si;
  }
  const double scale = std::pow(10.0, 2.0 - std::floor(std::log10(std::abs(si))));
  return std::round(si * scale) / scale;
}

std::string FormatGbps(BytesPerSecond value) {
  return fmt::format("{:.6g} Gbps", value.si() / 125e6);
}

std::string HotLinkLine(const LinkUse& link) {
  std::string what = link.name;
  if (!link.from.empty()) {
    what += " (" + link.from + " to " + link.to + ")";
  }
  if (link.alike > 1) {
    what += ", " + Grouped(static_cast<double>(link.alike)) + " alike";
  }
  return fmt::format("  {:>7}  {:<40} {} at {}\n", Percent(link.use), what,
                     FormatBytes(link.carried), FormatBandwidth(link.capacity));
}

ColumnUnit TimeUnit(Seconds whole) {
  if (whole >= Seconds(1.0)) {
    return {1.0, "s"};
  }
  return whole >= Seconds(1e-3) ? ColumnUnit{1e-3, "ms"} : ColumnUnit{1e-6, "us"};
}

std::vector<std::string> Column(const std::vector<double>& si, std::span<const ColumnUnit> units) {
  std::vector<std::string> cells;
  if (si.empty()) {
    return cells;
  }
  ColumnUnit unit = units.front();
  for (const ColumnUnit& each : units) {
    unit = *std::min_element(si.begin(), si.end()) >= each.si ? each : unit;
  }
  int decimals = 0;
  for (const double value : si) {
    decimals = std::max(decimals, DecimalsOf(value / unit.si));
  }
  for (const double value : si) {
    cells.push_back(fmt::format("{:.{}f}{}{}", value / unit.si, decimals,
                                *unit.name == '\0' ? "" : " ", unit.name));
  }
  return cells;
}

std::string Wrapped(std::string first, const std::string& text, std::size_t indent) {
  std::string out = std::move(first);
  std::size_t column = out.size();
  bool fresh = true;  // no word on this line yet
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::size_t length = end - at;
    if (!fresh && column + 1 + length > kColumns) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
      fresh = true;
    }
    out += (fresh ? "" : " ") + text.substr(at, length);
    column += length + (fresh ? 0 : 1);
    fresh = false;
    at = end + 1;
  }
  return out + "\n";
}

std::string Folded(const std::string& text, std::size_t columns) {
  std::string folded;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    const std::string rest(indent + 2 < columns / 2 ? indent + 2 : 2, ' ');
    std::size_t fixed = indent;  // no break before this column
    while (line.size() > columns) {
      std::size_t blank = line.rfind(' ', columns);
      if (blank == std::string::npos || blank < fixed) {
        blank = line.find(' ', columns);
      }
      const std::size_t next =
          blank == std::string::npos ? blank : line.find_first_not_of(' ', blank);
      if (next == std::string::npos) {
        break;
      }
      folded += line.substr(0, line.find_last_not_of(' ', blank) + 1) + "\n";
      line = rest + line.substr(next);
      fixed = rest.size();
    }
    folded += line + (end < text.size() ? "\n" : "");
    begin = end + 1;
  }
  return folded;
}

std::string Line(const std::string& name, const std::string& value) {
  constexpr std::size_t kIndent = 25;
  return Wrapped(fmt::format("  {:<22} ", name), value, kIndent);
}

}  // namespace gridlock
