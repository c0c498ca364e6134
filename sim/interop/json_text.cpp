#include "sim/interop/json_text.h"

#include <algorithm>
#include <cctype>

#include "sim/base/check.h"

namespace gridlock {

namespace {

constexpr int kDeepest = 100;

// The bytes of a character of Unicode's basic plane.
std::string Utf8Of(unsigned code) {
  const auto byte = [](unsigned value) {
    return static_cast<char>(static_cast<unsigned char>(value));
  };
  if (code < 0x80) {
    return {byte(code)};
  }
  if (code < 0x800) {
    return {byte(0xC0U | (code >> 6U)), byte(0x80U | (code & 0x3FU))};
  }
  return {byte(0xE0U | (code >> 12U)), byte(0x80U | ((code >> 6U) & 0x3FU)),
          byte(0x80U | (code & 0x3FU))};
}

class JsonReader {
 public:
  JsonReader(const std::string& file, std::string_view text, ProblemList& problems)
      : file_(file), text_(text), problems_(problems) {}

  JsonValue Read() {
    JsonValue value;
    if (ReadValue(value, 0)) {
      SkipBlanks();
      if (at_ < text_.size()) {
        Refuse("the end of the text");
      }
    }
    return value;
  }

 private:
  [[nodiscard]] Position Here() const {
    return {file_, line_, static_cast<int>(at_ - line_begin_) + 1};
  }

  [[nodiscard]] char Next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void SkipBlanks() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
      if (text_[at_++] == '\n') {
        ++line_;
        line_begin_ = at_;
      }
    }
  }

  bool Refuse(const std::string& expected) {
    const std::string what = at_ >= text_.size()
                                 ? "the text ends here"
                                 : "here stands " + Quoted(std::string(text_.substr(at_, 1)));
    problems_.Add(Here(), "", Refusal(what, expected));
    return false;
  }

  bool ReadValue(JsonValue& value, int depth) {
    SkipBlanks();
    value.where = Here();
    if (depth > kDeepest) {
      problems_.Add(Here(), "", "lists and objects are nested too deeply; expected at most 100");
      return false;
    }
    switch (Next()) {
      case '{':
        return ReadObject(value, depth);
      case '[':
        return ReadList(value, depth);
      case '"':
        value.kind = JsonValue::Kind::kText;
        return ReadText(value.text);
      default:
        return ReadWord(value);
    }
  }

  bool ReadObject(JsonValue& value, int depth) {
    value.kind = JsonValue::Kind::kObject;
    ++at_;
    SkipBlanks();
    if (Next() == '}') {
      ++at_;
      return true;
    }
    while (true) {
      SkipBlanks();
      if (Next() != '"') {
        return Refuse("the name of a member in quotes");
      }
      if (!ReadText(value.names.emplace_back())) {
        return false;
      }
      SkipBlanks();
      if (Next() != ':') {
        return Refuse("\":\" behind the name of a member");
      }
      ++at_;
      if (!ReadValue(value.items.emplace_back(), depth + 1)) {
        return false;
      }
      SkipBlanks();
      if (Next() == '}') {
        ++at_;
        return true;
      }
      if (Next() != ',') {
        return Refuse("\",\" or \"}\"");
      }
      ++at_;
    }
  }

  bool ReadList(JsonValue& value, int depth) {
    value.kind = JsonValue::Kind::kList;
    ++at_;
    SkipBlanks();
    if (Next() == ']') {
      ++at_;
      return true;
    }
    while (true) {
      if (!ReadValue(value.items.emplace_back(), depth + 1)) {
        return false;
      }
      SkipBlanks();
      if (Next() == ']') {
        ++at_;
        return true;
      }
      if (Next() != ',') {
        return Refuse("\",\" or \"]\"");
      }
      ++at_;
    }
  }

  bool ReadText(std::string& text) {
    const Position open = Here();
    for (++at_; at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n'; ++at_) {
      if (text_[at_] != '\\') {
        text += text_[at_];
      } else if (!ReadEscape(text)) {
        return Refuse("one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uNNNN");
      }
    }
    if (Next() != '"') {
      problems_.Add(open, "",
                    Refusal("the text that begins here does not end in its line", "a closing \""));
      return false;
    }
    ++at_;
    return true;
  }

  // Stands on the backslash, and leaves the place on the last character of the escape.
  bool ReadEscape(std::string& text) {
    constexpr std::string_view kWritten = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    ++at_;
    const std::size_t plain = kWritten.find(Next());
    if (at_ < text_.size() && plain != std::string_view::npos) {
      text += kMeant[plain];
      return true;
    }
    unsigned code = 0;
    if (Next() != 'u' || at_ + 4 >= text_.size()) {
      return false;
    }
    for (int i = 0; i < 4; ++i) {
      const char digit = text_[++at_];
      if (std::isxdigit(static_cast<unsigned char>(digit)) == 0) {
        return false;
      }
      const int low = std::tolower(static_cast<unsigned char>(digit));
      code = code * 16 + static_cast<unsigned>(low <= '9' ? low - '0' : low - 'a' + 10);
    }
    text += Utf8Of(code);
    return true;
  }

  bool ReadWord(JsonValue& value) {
    std::size_t end = at_;
    while (end < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[end])) != 0 ||
                                  text_[end] == '-' || text_[end] == '+' || text_[end] == '.')) {
      ++end;
    }
    value.text = std::string(text_.substr(at_, end - at_));
    const std::string& word = value.text;
    if (word == "true" || word == "false") {
      value.kind = JsonValue::Kind::kTruth;
    } else if (word == "null") {
      value.kind = JsonValue::Kind::kNull;
    } else if (word == "NaN" || word == "Infinity" || word == "-Infinity" || IsNumber(word)) {
      value.kind = JsonValue::Kind::kNumber;
    } else {
      return Refuse("a value: a text in quotes, a number, true, false, null, a list or an object");
    }
    at_ = end;
    return true;
  }

  static bool IsNumber(const std::string& word) {
    const std::size_t first = word.starts_with("-") ? 1 : 0;
    return word.size() > first && std::isdigit(static_cast<unsigned char>(word[first])) != 0 &&
           word.find_first_not_of("0123456789+-.eE", first) == std::string::npos;
  }

  const std::string& file_;
  std::string_view text_;
  ProblemList& problems_;
  std::size_t at_ = 0, line_begin_ = 0;
  int line_ = 1;
};

}  // namespace

const JsonValue* JsonValue::Find(std::string_view name) const {
  const auto found = std::find(names.rbegin(), names.rend(), name);
  return found == names.rend() ? nullptr : &items[names.rend() - found - 1];
}

JsonValue ReadJson(const std::string& file, std::string_view text, ProblemList& problems) {
  return JsonReader(file, text, problems).Read();
}

}  // namespace gridlock
