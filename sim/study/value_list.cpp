#include "sim/study/value_list.h"

#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"

namespace gridlock {

namespace {

constexpr const char* kDots = "...";

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  while (true) {
    const std::size_t comma = text.find(',', from);
    parts.push_back(Trimmed(text.substr(from, comma - from)));
    if (comma == std::string::npos) {
      return parts;
    }
    from = comma + 1;
  }
}

class ListReader {
 public:
  explicit ListReader(std::string option) : option_(std::move(option)) {}

  std::vector<ListedValue> Read(const std::string& text) {
    const std::vector<std::string> parts = SplitAtCommas(text);
    std::vector<ListedValue> values;
    bool continues = false;  // "..." stands before the next number
    for (const std::string& part : parts) {
      if (part == kDots) {
        if (values.size() < 2 || continues) {
          RefuseDots();
        }
        continues = true;
        continue;
      }
      const ListedValue value = ValueOf(part);
      if (continues) {
        FillTo(value.number, values);
      }
      continues = false;
      values.push_back(value);
    }
    if (continues) {
      RefuseDots();
    }
    for (std::size_t i = values.size(); i-- > 1;) {
      if (values[i - 1].unit.empty()) {
        values[i - 1].unit = values[i].unit;
      }
    }
    return values;
  }

 private:
  [[noreturn]] void Refuse(const std::string& message) const {
    throw UserError("", option_ + ": " + message);
  }

  [[noreturn]] void RefuseDots() const {
    Refuse("\"...\" needs two values before it and one behind it, as in \"900,800,...,100GBps\"");
  }

  [[nodiscard]] ListedValue ValueOf(const std::string& text) const {
    ListedValue value;
    std::string_view rest = text;
    value.number = TakeNumber(rest).value_or(0);
    if (value.number <= 0) {
      Refuse(fmt::format(
          "\"{}\" is not a positive number; expected a list such as \"900,800,...,100GBps\"",
          text));
    }
    value.unit = Trimmed(std::string(rest));
    return value;
  }

  // Appends what lies between the last value and `last`, spaced like the last two.
  void FillTo(double last, std::vector<ListedValue>& values) const {
    const double from = values.back().number;
    const double step = from - values[values.size() - 2].number;
    const double count = (last - from) / step;
    if (step == 0 || count < 1 || std::abs(count - std::round(count)) > 1e-6) {
      Refuse(fmt::format("\"...\" does not lead from {} to {} in steps of {}", from, last, step));
    }
    if (count > static_cast<double>(kListedValuesMax)) {
      Refuse(
          fmt::format("\"...\" from {} to {} in steps of {} makes {:.0f} values; expected at "
                      "most {}",
                      from, last, step, count, kListedValuesMax));
    }
    for (int k = 1; k < std::lround(count); ++k) {
      ListedValue between = values.back();
      between.number += step;
      values.push_back(between);
    }
  }

  std::string option_;
};

}  // namespace

std::string Trimmed(const std::string& text) {
  constexpr const char* kBlanks = " \t\n";
  const auto first = text.find_first_not_of(kBlanks);
  return first == std::string::npos
             ? ""
             : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string ListedValue::text() const {
  return unit.empty() ? fmt::format("{}", number) : fmt::format("{} {}", number, unit);
}

std::vector<ListedValue> ParseValueList(const std::string& text, const std::string& option) {
  return ListReader(option).Read(text);
}

}  // namespace gridlock
