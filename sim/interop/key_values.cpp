#include "sim/interop/key_values.h"

#include <cctype>

#include "sim/base/check.h"

namespace gridlock {

namespace {

struct Token {
  enum class Kind { kWord, kMark, kEnd };

  Kind kind = Kind::kEnd;
  std::string text;
  Position where;
};

class Tokens {
 public:
  Tokens(std::string file, std::string_view text) : file_(std::move(file)), text_(text) { Next(); }

  [[nodiscard]] const Token& now() const { return now_; }

  [[nodiscard]] bool IsMark(char mark) const {
    return now_.kind == Token::Kind::kMark && now_.text[0] == mark;
  }

  void Next() {
    SkipBlanks();
    now_ = {Token::Kind::kEnd, "", {file_, line_, column()}};
    if (at_ == text_.size()) {
      return;
    }
    const char c = text_[at_];
    if (c == '"' || c == '\'') {
      const std::size_t end =
          std::min(text_.find_first_of(std::string{c, '\n'}, at_ + 1), text_.size());
      now_.kind = Token::Kind::kWord;
      now_.text = text_.substr(at_ + 1, end - at_ - 1);
      at_ = std::min(end + 1, text_.size());
      return;
    }
    const bool dash = c == '-' && (at_ + 1 == text_.size() || IsBlank(text_[at_ + 1]));
    if (dash || IsMarkCharacter(c)) {
      now_.kind = Token::Kind::kMark;
      now_.text = c;
      ++at_;
      return;
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && !IsBlank(text_[at_]) && !IsMarkCharacter(text_[at_]) &&
           text_[at_] != '#') {
      ++at_;
    }
    now_.kind = Token::Kind::kWord;
    now_.text = text_.substr(begin, at_ - begin);
  }

 private:
  static bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

  static bool IsMarkCharacter(char c) {
    return c == ':' || c == '[' || c == ']' || c == ',' || c == '{' || c == '}';
  }

  [[nodiscard]] int column() const { return static_cast<int>(at_ - line_begin_) + 1; }

  void SkipBlanks() {
    while (at_ < text_.size() && (IsBlank(text_[at_]) || text_[at_] == '#')) {
      if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (text_[at_++] == '\n') {
        ++line_;
        line_begin_ = at_;
      }
    }
  }

  std::string file_;
  std::string_view text_;
  std::size_t at_ = 0, line_begin_ = 0;
  int line_ = 1;
  Token now_;
};

class KeyReader {
 public:
  KeyReader(const std::string& file, std::string_view text, ProblemList& problems)
      : tokens_(file, text), problems_(problems) {}

  std::vector<WrittenKey> Read() {
    std::vector<WrittenKey> keys;
    while (tokens_.now().kind != Token::Kind::kEnd) {
      if (tokens_.IsMark('{') || tokens_.IsMark('}') || tokens_.IsMark(',')) {
        tokens_.Next();
        continue;
      }
      if (!ReadKey(keys)) {
        break;
      }
    }
    return keys;
  }

 private:
  bool Complain(const std::string& expected) {
    const Token& token = tokens_.now();
    const std::string what = token.kind == Token::Kind::kEnd ? "the text ends here"
                                                             : "here stands " + Quoted(token.text);
    problems_.Add(token.where, "", Refusal(what, expected));
    return false;
  }

  bool ReadKey(std::vector<WrittenKey>& keys) {
    if (tokens_.now().kind != Token::Kind::kWord) {
      return Complain("the name of a key");
    }
    WrittenKey& key = keys.emplace_back();
    key.name = tokens_.now().text;
    key.where = tokens_.now().where;
    tokens_.Next();
    if (!tokens_.IsMark(':')) {
      return Complain("\":\" behind the key " + Quoted(key.name));
    }
    tokens_.Next();
    if (tokens_.IsMark('[')) {
      return ReadList(key);
    }
    if (!tokens_.IsMark('-')) {
      return ReadValue(key);
    }
    while (tokens_.IsMark('-')) {
      tokens_.Next();
      if (!ReadValue(key)) {
        return false;
      }
    }
    return true;
  }

  bool ReadList(WrittenKey& key) {
    tokens_.Next();
    while (!tokens_.IsMark(']')) {
      if (!ReadValue(key)) {
        return false;
      }
      if (tokens_.IsMark(',')) {
        tokens_.Next();
      } else if (!tokens_.IsMark(']')) {
        return Complain("\",\" or \"]\"");
      }
    }
    tokens_.Next();
    return true;
  }

  bool ReadValue(WrittenKey& key) {
    if (tokens_.now().kind != Token::Kind::kWord) {
      return Complain("a number or a word of " + Quoted(key.name));
    }
    key.values.push_back({tokens_.now().text, tokens_.now().where});
    tokens_.Next();
    return true;
  }

  Tokens tokens_;
  ProblemList& problems_;
};

}  // namespace

std::vector<WrittenKey> ReadKeyValues(const std::string& file, std::string_view text,
                                      ProblemList& problems) {
  return KeyReader(file, text, problems).Read();
}

}  // namespace gridlock
