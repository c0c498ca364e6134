#include "sim/schema/tokens.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "sim/base/check.h"
#include "sim/base/names.h"
#include "sim/schema/files.h"
#include "sim/schema/rules.h"

namespace gridlock {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::io::Tokenizer;

/// Turns the tokenizer's places, from 0 and with tabs of 8, into bytes from 1. Asked in the order
/// of the text it walks the text once, however long its lines are.
class Places {
 public:
  Places(const std::string& file, std::string_view text) : file_(file), text_(text) {}

  Position At(int line, int column) {
    if (line < line_ || (line == line_ && column < column_)) {
      at_ = line_start_ = 0;
      line_ = column_ = 0;
    }
    constexpr int kTab = 8;  // Tokenizer::kTabWidth
    for (; at_ < text_.size() && (line_ < line || column_ < column); ++at_) {
      if (text_[at_] == '\n') {
        ++line_;
        column_ = 0;
        line_start_ = at_ + 1;
      } else {
        column_ += text_[at_] == '\t' ? kTab - column_ % kTab : 1;
      }
    }
    return {file_, line + 1, static_cast<int>(at_ - line_start_) + 1};
  }

 private:
  std::string file_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 0;
  int column_ = 0;
};

std::string InWords(const std::string& message) {
  if (message.find("cross line boundaries") != std::string::npos ||
      message.find("end of string") != std::string::npos) {
    return Refusal("the text that begins here is not closed",
                   "a quote at its end, on the same line");
  }
  if (message.find("space between number and identifier") != std::string::npos) {
    return Refusal("a number runs into letters",
                   "a quantity in quotes such as \"400 Gbps\", or a plain number");
  }
  if (message.find("escape sequence") != std::string::npos ||
      message.find("hex digits") != std::string::npos) {
    return Refusal("the text that begins here has an unknown escape",
                   "\"\\\\\" where a backslash is meant");
  }
  if (message.find("non ascii") != std::string::npos ||
      message.find("control characters") != std::string::npos) {
    return Refusal("a character that cannot stand outside of quotes",
                   "names, numbers, texts in quotes, and # before a comment");
  }
  return message;
}

/// Remembers the first mistake. One within a text is placed at the beginning of the text.
class FirstMistake : public google::protobuf::io::ErrorCollector {
 public:
  void Watch(Tokenizer& tokenizer) { tokenizer_ = &tokenizer; }

  void AddError(int line, int column, const std::string& message) override {
    if (!message_.empty()) {
      return;
    }
    message_ = message;
    const bool in_text =
        message.find("tring") != std::string::npos || message.find("escape") != std::string::npos;
    const bool at_token = in_text && tokenizer_ != nullptr;
    line_ = at_token ? tokenizer_->current().line : line;
    column_ = at_token ? tokenizer_->current().column : column;
  }

  [[nodiscard]] bool made() const { return !message_.empty(); }

  [[nodiscard]] int line() const { return line_; }

  [[nodiscard]] int column() const { return column_; }

  [[nodiscard]] const std::string& message() const { return message_; }

 private:
  Tokenizer* tokenizer_ = nullptr;
  int line_ = 0;
  int column_ = 0;
  std::string message_;
};

std::string Joined(const std::vector<Token>& value) {
  std::string text;
  for (const Token& token : value) {
    text += token.text;
  }
  return text;
}

std::string CheckTextValue(const FieldDescriptor& field, const std::vector<Token>& value) {
  std::string text;
  for (const Token& token : value) {
    if (token.type != Tokenizer::TYPE_STRING) {
      return Refusal(Quoted(Joined(value)) + " is not in quotes", ExpectedValue(field));
    }
    Tokenizer::ParseStringAppend(token.text, &text);
  }
  if (!IsPlainUtf8(text)) {
    return Refusal(Quoted(text) + " has control characters or is not UTF-8", ExpectedValue(field));
  }
  return "";
}

std::string CheckWholeNumber(const FieldDescriptor& field, const std::vector<Token>& value) {
  const bool negative = value.front().text == "-";
  const Token& digits = value.back();
  if (digits.type != Tokenizer::TYPE_INTEGER) {
    return Refusal(Joined(value) + " is not a whole number", ExpectedValue(field));
  }
  std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
    largest = std::numeric_limits<std::int32_t>::max();
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
    largest = std::numeric_limits<std::int64_t>::max();
  } else if (negative) {
    return Refusal(Joined(value) + " is negative", ExpectedValue(field));
  }
  std::uint64_t magnitude = 0;
  if (!Tokenizer::ParseInteger(digits.text, largest, &magnitude)) {
    return Refusal(Joined(value) + " is too large", ExpectedValue(field));
  }
  return "";
}

std::string CheckNumber(const FieldDescriptor& field, const std::vector<Token>& value) {
  const Token& digits = value.back();
  if (digits.type != Tokenizer::TYPE_INTEGER && digits.type != Tokenizer::TYPE_FLOAT) {
    return Refusal(Joined(value) + " is not a finite number", ExpectedValue(field));
  }
  return "";
}

std::string CheckFlag(const FieldDescriptor& field, const std::vector<Token>& value) {
  const std::string text = Joined(value);
  return text == "true" || text == "false"
             ? ""
             : Refusal(text + " is neither true nor false", ExpectedValue(field));
}

/// The name that `text` means, as other programs spell it: in any case, by its first word ("full"
/// for FULL_LAYER), or by the name of the type ("bfloat16"); else the nearest, or "".
std::string MeantChoice(const std::string& text, const std::vector<std::string>& names) {
  std::string upper = UpperCase(text);
  constexpr std::pair<const char*, const char*> kTypes[] = {
      {"BFLOAT16", "BF16"}, {"FLOAT16", "FP16"}, {"HALF", "FP16"}, {"FLOAT32", "FP32"}};
  for (const auto& [type, format] : kTypes) {
    upper = upper == type ? format : upper;
  }
  for (const std::string& name : names) {
    if (name == upper || name.starts_with(upper + "_")) {
      return name;
    }
  }
  return NearestName(text, names);
}

std::string CheckChoice(const FieldDescriptor& field, const std::vector<Token>& value) {
  std::string text = Joined(value);
  const std::vector<std::string> names = ChoiceNames(*field.enum_type());
  if (value.size() == 1 && std::find(names.begin(), names.end(), text) != names.end()) {
    return "";
  }
  const bool quoted = value.front().type == Tokenizer::TYPE_STRING;
  if (quoted) {
    const std::string inside = text.substr(1, text.size() - 2);
    return Refusal(Quoted(inside) + " is in quotes", ExpectedValue(field) + " without quotes",
                   std::find(names.begin(), names.end(), inside) == names.end()
                       ? MeantChoice(inside, names)
                       : "");
  }
  return Refusal(Quoted(text) + " is not a value of " + field.name(), ExpectedValue(field),
                 MeantChoice(text, names));
}

}  // namespace

bool Tokenize(const std::string& file, std::string_view text, std::vector<Token>& tokens,
              ProblemList& problems) {
  Places places(file, text);
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  FirstMistake mistake;
  Tokenizer tokenizer(&stream, &mistake);
  mistake.Watch(tokenizer);
  // The settings of protobuf's text format parser, which reads the text again.
  tokenizer.set_allow_f_after_float(true);
  tokenizer.set_comment_style(Tokenizer::SH_COMMENT_STYLE);
  while (tokenizer.Next() && !mistake.made()) {
    const Tokenizer::Token& token = tokenizer.current();
    tokens.push_back({token.type, token.text, places.At(token.line, token.column)});
  }
  if (mistake.made()) {
    problems.Add(places.At(mistake.line(), mistake.column()), "", InWords(mistake.message()));
    return false;
  }
  return true;
}

std::string CheckScalar(const FieldDescriptor& field, const std::vector<Token>& value) {
  CHECK(!value.empty());
  const bool is_text = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
  if (!is_text && value.front().type == Tokenizer::TYPE_STRING &&
      field.cpp_type() != FieldDescriptor::CPPTYPE_ENUM) {
    return Refusal(Joined(value) + " is text in quotes", ExpectedValue(field) + " without quotes");
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return CheckTextValue(field, value);
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      return CheckWholeNumber(field, value);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return CheckNumber(field, value);
    case FieldDescriptor::CPPTYPE_BOOL:
      return CheckFlag(field, value);
    case FieldDescriptor::CPPTYPE_ENUM:
      return CheckChoice(field, value);
    default:
      break;
  }
  CHECK(!"the schema has a type that the loader does not know");
  return "";
}

}  // namespace gridlock
