#include "tools/size_list.h"

#include <optional>
#include <vector>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "sim/base/units.h"

namespace gridlock {

namespace {

constexpr std::size_t kMostElements = 100'000;

std::vector<std::string> Split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t end = text.find(at); end != std::string::npos; end = text.find(at, begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

double BytesOf(const std::string& text) {
  // A bare number is bytes, as nccl-tests takes them.
  const bool bare = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  const std::optional<double> bytes = ParseQuantity(bare ? text + " B" : text, Dimension::kData).si;
  if (!bytes.has_value() || *bytes <= 0) {
    throw UserError("", fmt::format("--size: {} is no size; expected bytes such as \"8\", a number "
                                    "with a unit such as \"64MiB\" or \"1 GB\", or FROM:TO:xFACTOR",
                                    Quoted(text)));
  }
  return *bytes;
}

double FactorOf(const std::string& text) {
  const double factor = ParseNumber(text.starts_with("x") ? text.substr(1) : text).value_or(0);
  if (factor <= 1) {
    throw UserError("",
                    fmt::format("--size: {} is no factor; expected xFACTOR with a factor above 1 "
                                "such as x2",
                                Quoted(text)));
  }
  return factor;
}

std::int64_t NumberOf(const std::string& option, const std::string& text) {
  const std::int64_t number = ParseWhole(text).value_or(-1);
  if (number < 0) {
    throw UserError("", fmt::format("{}: {} is no whole number; expected a list such as 0,8,16 or "
                                    "FROM:TO:STEP",
                                    option, Quoted(text)));
  }
  return number;
}

}  // namespace

std::string SizeList(const std::string& text) {
  std::vector<std::string> sizes;
  for (const std::string& part : Split(text, ',')) {
    const std::vector<std::string> range = Split(part, ':');
    const double last = BytesOf(range.size() > 1 ? range[1] : range[0]);
    const double factor = range.size() > 2 ? FactorOf(range[2]) : 2;
    const double first = BytesOf(range[0]);
    for (double size = first; size <= last * (1 + 1e-12); size *= factor) {
      sizes.push_back(fmt::format("\"{} B\"", size));
      if (sizes.size() > kMostElements) {
        throw UserError("", fmt::format("--size: {} has more than {} sizes; expected a larger "
                                        "factor or a shorter range",
                                        Quoted(part), kMostElements));
      }
    }
    if (range.size() > 3 || last < first) {
      throw UserError("",
                      fmt::format("--size: {} is no range of sizes; expected FROM:TO:xFACTOR with "
                                  "TO not below FROM, such as 1KiB:1GiB:x4",
                                  Quoted(part)));
    }
  }
  return fmt::format("[{}]", fmt::join(sizes, ", "));
}

std::string NumberList(const std::string& option, const std::string& text) {
  std::vector<std::int64_t> numbers;
  for (const std::string& part : Split(text, ',')) {
    const std::vector<std::string> range = Split(part, ':');
    const std::int64_t from = NumberOf(option, range[0]);
    const std::int64_t to = range.size() > 1 ? NumberOf(option, range[1]) : from + 1;
    const std::int64_t step = range.size() > 2 ? NumberOf(option, range[2]) : 1;
    if (range.size() > 3 || to <= from || step < 1) {
      throw UserError("",
                      fmt::format("{}: {} is no range; expected FROM:TO:STEP with TO above FROM, "
                                  "such as 0:64:8",
                                  option, Quoted(part)));
    }
    for (std::int64_t i = from; i < to && numbers.size() < (std::size_t{1} << 22); i += step) {
      numbers.push_back(i);
    }
  }
  return fmt::format("[{}]", fmt::join(numbers, ", "));
}

}  // namespace gridlock
