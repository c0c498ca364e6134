#include "sim/interop/hf_fields.h"

#include <algorithm>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"

namespace gridlock {

namespace {

// Whether a text is a number in quotes: "4096".
bool IsQuotedNumber(const JsonValue& value) {
  return value.kind == JsonValue::Kind::kText && !value.text.empty() &&
         value.text.find_first_not_of("0123456789") == std::string::npos;
}

constexpr std::int64_t kLargestCount = 100'000'000;

std::string AsWritten(const JsonValue& value) {
  switch (value.kind) {
    case JsonValue::Kind::kText:
      return Quoted(value.text);
    case JsonValue::Kind::kList:
      return "a list";
    case JsonValue::Kind::kObject:
      return "an object";
    case JsonValue::Kind::kNull:
      return "null";
    default:
      return value.text;
  }
}

}  // namespace

// The first of the names that the file gives, and gives something.
const JsonValue* HfFields::Given(const Names& names) {
  const JsonValue* given = nullptr;
  for (const char* name : names) {
    const JsonValue* const value = config_.Find(name);
    read_.insert(name);
    if (given == nullptr && value != nullptr && value->kind != JsonValue::Kind::kNull) {
      given = value;
      given_ = name;
    }
  }
  return given;
}

std::int64_t HfFields::WholeNumber(const JsonValue& value) {
  const bool is_number = value.kind == JsonValue::Kind::kNumber;
  const std::int64_t number = is_number ? ParseWhole(value.text).value_or(-1) : -1;
  return number <= kLargestCount ? number : -1;
}

std::vector<int> HfFields::Counts(const char* name, std::vector<int> otherwise) {
  const JsonValue* const given = Given({name});
  if (given == nullptr || given->kind != JsonValue::Kind::kList) {
    return otherwise;
  }
  std::vector<int> counts;
  for (const JsonValue& item : given->items) {
    const std::int64_t number = WholeNumber(item);
    if (number < 1) {
      problems_.Add(item.where, "",
                    Refusal(Quoted(name) + " has " + AsWritten(item),
                            fmt::format("whole numbers from 1 to {}", kLargestCount)));
      return otherwise;
    }
    counts.push_back(static_cast<int>(number));
  }
  return counts;
}

std::int64_t HfFields::MeanOf(const JsonValue& list) {
  std::int64_t sum = 0, least = kLargestCount, most = -1;
  for (const JsonValue& item : list.items) {
    const std::int64_t number = WholeNumber(item);
    if (number < 0) {
      return -1;
    }
    sum += number;
    least = std::min(least, number);
    most = std::max(most, number);
  }
  if (most < 0) {
    return -1;
  }
  const auto count = static_cast<std::int64_t>(list.items.size());
  const std::int64_t mean = (sum + count / 2) / count;
  if (least != most) {
    notes_.push_back(
        fmt::format("approximated: {} is {} to {} by layer, and counts as the mean, {}", given_,
                    least, most, mean));
  }
  return mean;
}

std::optional<int> HfFields::Count(const Names& names, int least) {
  const JsonValue* const value = Given(names);
  if (value == nullptr) {
    return std::nullopt;
  }
  const std::int64_t number =
      value->kind == JsonValue::Kind::kList ? MeanOf(*value) : WholeNumber(*value);
  if (number < least) {
    problems_.Add(value->where, "",
                  Refusal(fmt::format("{} is {}", Quoted(given_), AsWritten(*value)),
                          fmt::format("a whole number from {} to {}{}", least, kLargestCount,
                                      IsQuotedNumber(*value) ? ", without quotes" : "")));
    return least;
  }
  return static_cast<int>(number);
}

int HfFields::Size(const Names& names, int otherwise) {
  if (const std::optional<int> given = Count(names)) {
    return *given;
  }
  if (class_ == nullptr || otherwise == 0) {
    problems_.Add(
        {file_, 0, 0}, "",
        Refusal(fmt::format("{} is missing, and its class has no default", Quoted(names.front())),
                "a whole number"));
    return 1;
  }
  NoteDefault(names.front(), fmt::format("{}", otherwise));
  return otherwise;
}

void HfFields::NoteDefault(const char* name, const std::string& value) {
  notes_.push_back(fmt::format("{} is not given: {}, the default of {}", name, value,
                               class_ == nullptr ? "LlamaConfig" : class_->name));
}

std::optional<bool> HfFields::Truth(const Names& names) {
  const JsonValue* const value = Given(names);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (value->kind != JsonValue::Kind::kTruth) {
    problems_.Add(
        value->where, "",
        Refusal(fmt::format("{} is {}", Quoted(given_), AsWritten(*value)), "true or false"));
    return std::nullopt;
  }
  return value->text == "true";
}

void HfFields::Miss(const std::string& what, const std::string& expected) {
  problems_.Add({file_, 0, 0}, "", Refusal(what, expected));
}

}  // namespace gridlock
