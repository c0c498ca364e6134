#include "sim/validation/row_numbers.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <initializer_list>
#include <iterator>
#include <regex>
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

std::string PartInWords(const std::string& text) {
  static constexpr std::pair<const char*, const char*> kParts[] = {
      {"h100", "h100_sxm"},      {"hopper", "h100_sxm"}, {"h200", "h200_sxm"}, {"h800", "h800_sxm"},
      {"a100", "a100_sxm_80gb"}, {"b200", "b200_sxm"},   {"mi300x", "mi300x"}};
  static const std::regex kMeanNothing(
      "nvidia|amd|hgx|dgx|sxm[0-9]?|oam|class|gpus?|tensor|core|[0-9]+ ?gb?|hbm[0-9]?e?");
  std::string part;
  std::string rest = text;
  while (!rest.empty()) {
    std::size_t end = 0;
    while (end < rest.size() && std::isalnum(static_cast<unsigned char>(rest[end])) != 0) {
      ++end;
    }
    const std::string word = rest.substr(0, end);
    rest.erase(0, end + 1);
    const auto* const named =
        std::find_if(std::begin(kParts), std::end(kParts), [&word](const auto& each) {
          return word == each.first;
        });
    if (named != std::end(kParts)) {
      part = named->second;
    } else if (!word.empty() && !std::regex_match(word, kMeanNothing)) {
      return "";
    }
  }
  return part;
}

std::optional<double> ShareIn(const std::string& unit, double value) {
  constexpr double kPerCent = 100;
  const auto begins = [&unit](std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&unit](const char* word) {
      return unit.starts_with(word);
    });
  };
  if (begins({"%", "percent", "per cent"})) {
    return kPerCent;
  }
  const bool fraction = begins({"fraction", "share", "ratio"}) || unit == "1";
  return fraction || (unit.empty() && value <= 1) ? std::optional(1.0) : std::nullopt;
}

std::optional<double> WattsIn(const std::string& unit) {
  const std::string word = unit.substr(0, unit.find_first_of(" (,;"));
  for (const auto& [name, watts] : {std::pair{"W", 1.0}, {"kW", 1e3}, {"KW", 1e3}, {"MW", 1e6}}) {
    if (word == name) {
      return watts;
    }
  }
  return std::nullopt;
}

std::string OtherThanTraining(const std::string& text) {
  const auto names = [&text](std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(), [&text](const char* word) {
      return text.find(word) != std::string::npos;
    });
  };
  std::string said;
  if (names({"inference", "offline", "served", "serving", "tokens/s", "vllm"})) {
    said += "; the row is of inference, for which training stands: gridlock serve predicts boards";
  } else if (names({"burn", "linpack", "hpl", "stress"})) {
    said += "; the row is of a stress test, for which training stands";
  } else if (names({"lora", "fine-tun", "finetun", "resnet", "bert", "diffusion"})) {
    said += "; the row is of another training, for which this one stands";
  }
  if (names({"immersion", "immersed"})) {
    said += "; immersed servers have no fans, and those of this one are counted";
  }
  return said;
}

}  // namespace gridlock
