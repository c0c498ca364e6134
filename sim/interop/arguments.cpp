#include "sim/interop/arguments.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/numbers.h"
#include "sim/interop/shell_text.h"

namespace gridlock {

namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool IsVariable(const std::string& name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '_';
         });
}

/// Words of a shell text. Quotes and the brackets of arrays part words like blanks: arguments stand
/// in quoted texts and arrays as well as on command lines.
class ShellWords {
 public:
  ShellWords(const std::string& file, std::string_view text) : file_(file), text_(text) {}

  std::vector<KeyedValue> Read() {
    std::vector<KeyedValue> words;
    while (SkipToWord()) {
      const Position where{file_, line_, static_cast<int>(at_ - line_begin_) + 1};
      const std::size_t begin = at_;
      if (const std::size_t whole = StagesInQuotes(); whole > 0) {
        words.push_back({std::string(text_.substr(begin + 1, whole)), where});
        at_ += whole + 2;
        continue;
      }
      int braces = 0;
      while (at_ < text_.size() && (braces > 0 || !Parts(text_[at_]))) {
        if (text_.substr(at_).starts_with("$(")) {
          SkipBrackets();
          continue;
        }
        braces += text_[at_] == '{' ? 1 : text_[at_] == '}' ? -1 : 0;
        if (text_[at_] == '\n') {
          break;
        }
        ++at_;
      }
      words.push_back({std::string(text_.substr(begin, at_ - begin)), where});
      words.back().text += ValueInQuotes(words.back().text);
    }
    return words;
  }

 private:
  static bool Parts(char c) {
    return IsBlank(c) || c == '"' || c == '\'' || c == '(' || c == ')' || c == ';' || c == '\\';
  }

  /// The length of one word in quotes that begin here with bars in it, a layout of stages such as
  /// "Et|(tt|)*2L", whose brackets belong to it; 0 where something else stands here.
  [[nodiscard]] std::size_t StagesInQuotes() const {
    if (text_[at_] != '"' && text_[at_] != '\'') {
      return 0;
    }
    const std::size_t end = text_.find_first_of(" \t\r\n\"'", at_ + 1);
    const bool closes = end != std::string_view::npos && text_[end] == text_[at_];
    const std::string_view inside = closes ? text_.substr(at_ + 1, end - at_ - 1) : "";
    return inside.find('|') == std::string_view::npos ? 0 : inside.size();
  }

  /// $(...) and $((...)) are part of a word.
  void SkipBrackets() {
    int depth = 0;
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      depth += text_[at_] == '(' ? 1 : text_[at_] == ')' ? -1 : 0;
      if (depth == 0) {
        ++at_;
        return;
      }
    }
  }

  /// The 8 of TP="8", behind the word TP=. Arguments in quotes are words.
  std::string ValueInQuotes(const std::string& word) {
    const bool quoted = at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'');
    if (!quoted || !word.ends_with("=") || !IsVariable(word.substr(0, word.size() - 1))) {
      return "";
    }
    const std::size_t end = text_.find_first_of("\"'\n", at_ + 1);
    const bool closes = end != std::string_view::npos && text_[end] == text_[at_];
    const std::string_view inside = closes ? text_.substr(at_ + 1, end - at_ - 1) : "";
    if (inside.find("--") != std::string_view::npos) {
      return "";
    }
    at_ += closes ? inside.size() + 2 : 0;
    return std::string(inside);
  }

  bool SkipToWord() {
    while (at_ < text_.size() && StagesInQuotes() == 0 &&
           (Parts(text_[at_]) || text_[at_] == '#')) {
      if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (text_[at_++] == '\n') {
        ++line_;
        line_begin_ = at_;
      }
    }
    return at_ < text_.size();
  }

  const std::string& file_;
  std::string_view text_;
  std::size_t at_ = 0, line_begin_ = 0;
  int line_ = 1;
};

std::string Dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

/// "8" of "$TP" and "${TP:-8}"; a variable that is not set stays.
std::string Filled(const std::string& text, const ShellVariables& variables) {
  return FillShell(text, variables, /*keeps_unset=*/true).text;
}

void TakeWord(const KeyedValue& word, ArgumentFile& into) {
  const std::string& text = word.text;
  const std::size_t equals = text.find('=');
  if (text.ends_with("+=")) {
    return;  // more words of an array, which stand behind
  }
  if (text.starts_with("--")) {
    WrittenKey& key = into.arguments.emplace_back();
    key.name = Dashed(text.substr(2, equals == std::string::npos ? equals : equals - 2));
    key.where = word.where;
    if (equals != std::string::npos && equals + 1 < text.size()) {
      key.values.push_back({Filled(text.substr(equals + 1), into.variables), word.where});
    }
    return;
  }
  if (equals != std::string::npos && IsVariable(text.substr(0, equals))) {
    into.variables[text.substr(0, equals)] = Filled(text.substr(equals + 1), into.variables);
    return;
  }
  const bool array = text.find("[@]") != std::string::npos || text.find("[*]") != std::string::npos;
  if (!into.arguments.empty() && !array) {
    into.arguments.back().values.push_back({Filled(text, into.variables), word.where});
  }
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && IsBlank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

/// The line without a comment that begins outside of quotes.
std::string_view WithoutComment(std::string_view line) {
  char open = '\0';
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (open != '\0') {
      open = line[i] == open ? '\0' : open;
    } else if (line[i] == '"' || line[i] == '\'') {
      open = line[i];
    } else if (line[i] == '#' && (i == 0 || IsBlank(line[i - 1]))) {
      return line.substr(0, i);
    }
  }
  return line;
}

std::string Unquoted(std::string_view text) {
  text = Trimmed(text);
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
                      text.back() == text.front();
  return std::string(quoted ? text.substr(1, text.size() - 2) : text);
}

/// A value, or those of a list in brackets.
std::vector<KeyedValue> ValuesOf(std::string_view text, const Position& where) {
  text = Trimmed(text);
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') {
    return {{Unquoted(text), where}};
  }
  std::vector<KeyedValue> values;
  text = text.substr(1, text.size() - 2);
  while (!Trimmed(text).empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    values.push_back({Unquoted(text.substr(0, comma)), where});
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return values;
}

/// Calls `f` with each line, without its comment, and its number.
template <typename F>
void ForLines(std::string_view text, const F& f) {
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    f(WithoutComment(text.substr(0, end)), line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

int ColumnOf(std::string_view line, std::string_view part) {
  return static_cast<int>(part.data() - line.data()) + 1;
}

/// YAML that is one key a line: what is nested is as if it were not, since names are unique.
std::vector<WrittenKey> ReadYamlLines(const std::string& file, std::string_view text,
                                      ProblemList& problems) {
  std::vector<WrittenKey> keys;
  ForLines(text, [&](std::string_view line, int number) {
    std::string_view rest = Trimmed(line);
    if (rest.starts_with("- ")) {
      rest = Trimmed(rest.substr(2));
    }
    if (rest.empty() || rest == "---" || rest == "-") {
      return;
    }
    const Position where{file, number, ColumnOf(line, rest)};
    const std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) {
      problems.Add(where, "",
                   Refusal("here stands " + Quoted(rest),
                           "--num-layers 32 and so on, or lines such as num_layers: 32"));
      return;
    }
    WrittenKey key{Dashed(Unquoted(rest.substr(0, colon))), where, {}};
    const std::string_view value = Trimmed(rest.substr(colon + 1));
    if (!value.empty()) {
      key.values = ValuesOf(value, {file, number, ColumnOf(line, value)});
      keys.push_back(std::move(key));
    }
  });
  return keys;
}

}  // namespace

ArgumentFile ReadArguments(const std::string& file, std::string_view text, ProblemList& problems) {
  ArgumentFile read;
  const std::vector<KeyedValue> words = ShellWords(file, text).Read();
  const bool shell = std::any_of(words.begin(), words.end(), [](const KeyedValue& word) {
    return word.text.size() > 2 && word.text.starts_with("--") && word.text[2] != '-';
  });
  if (!shell) {
    read.arguments = ReadYamlLines(file, text, problems);
  } else {
    const std::string taken = TakenBranches(text, read.notes);
    for (const KeyedValue& word : ShellWords(file, taken).Read()) {
      TakeWord(word, read);
    }
  }
  if (read.arguments.empty() && problems.empty()) {
    problems.Add({file, 0, 0}, "",
                 Refusal("there is no argument", "--num-layers 32 and so on, or YAML"));
  }
  return read;
}

std::vector<WrittenKey> ReadToml(const std::string& file, std::string_view text,
                                 ProblemList& problems) {
  std::vector<WrittenKey> keys;
  std::string section;
  ForLines(text, [&](std::string_view line, int number) {
    const std::string_view rest = Trimmed(line);
    if (rest.empty()) {
      return;
    }
    const Position where{file, number, ColumnOf(line, rest)};
    if (rest.front() == '[' && rest.back() == ']') {
      section = Unquoted(rest.substr(1, rest.size() - 2));
      return;
    }
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      problems.Add(where, "",
                   Refusal("here stands " + Quoted(rest), "[section] or a line such as name = 8"));
      return;
    }
    const std::string_view value = Trimmed(rest.substr(equals + 1));
    if (value.empty()) {
      problems.Add(where, "", Refusal("there is no value behind \"=\"", "a number or a text"));
      return;
    }
    const std::string name = Unquoted(rest.substr(0, equals));
    keys.push_back({section.empty() ? name : section + "." + name, where,
                    ValuesOf(value, {file, number, ColumnOf(line, value)})});
  });
  return keys;
}

namespace {

// list := part {"+" part}; part := ("(" list ")" | "[" digit {"," digit} "]") {"*" number}
class ListReader {
 public:
  explicit ListReader(std::string_view text) : text_(text) {}

  std::optional<std::vector<int>> Read() {
    const bool read = List();
    return read && at_ == text_.size() ? std::optional(std::move(list_)) : std::nullopt;
  }

 private:
  bool Take(char c) {
    const bool found = at_ < text_.size() && text_[at_] == c;
    at_ += found ? 1 : 0;
    return found;
  }

  bool List() {
    bool read = Part();
    while (read && Take('+')) {
      read = Part();
    }
    return read;
  }

  bool Part() {
    const std::size_t begin = list_.size();
    if (Take('(')) {
      if (!List() || !Take(')')) {
        return false;
      }
    } else if (!Take('[') || !Digits()) {
      return false;
    }
    while (Take('*')) {
      std::size_t times = 0;
      const auto read = std::from_chars(text_.data() + at_, text_.data() + text_.size(), times);
      constexpr std::size_t kMost = 100'000;
      const std::vector<int> once(list_.begin() + static_cast<std::ptrdiff_t>(begin), list_.end());
      if (read.ec != std::errc() || times < 1 || times * once.size() > kMost) {
        return false;
      }
      at_ = static_cast<std::size_t>(read.ptr - text_.data());
      for (; times > 1; --times) {
        list_.insert(list_.end(), once.begin(), once.end());
      }
    }
    return true;
  }

  bool Digits() {
    do {
      if (at_ >= text_.size() || (text_[at_] != '0' && text_[at_] != '1')) {
        return false;
      }
      list_.push_back(text_[at_++] - '0');
    } while (Take(','));
    return Take(']');
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<int> list_;
};

}  // namespace

std::optional<std::vector<int>> ZerosAndOnes(std::string_view list) {
  return ListReader(list).Read();
}

Arguments::Arguments(const std::string& file, const std::vector<WrittenKey>& keys,
                     const char* prefix, ProblemList& problems)
    : file_(file), keys_(keys), prefix_(prefix), problems_(problems) {
  for (const WrittenKey& key : keys) {
    by_name_[key.name] = &key;
  }
}

const WrittenKey* Arguments::Find(const std::string& name) const {
  asked_.insert(name);
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

bool Arguments::Has(const std::string& name) const {
  return Find(name) != nullptr;
}

bool Arguments::Flag(const std::string& name, bool otherwise) const {
  const WrittenKey* const key = Find(name);
  if (key == nullptr) {
    return otherwise;
  }
  const std::string value = key->values.empty() ? "true" : key->values.front().text;
  return value != "false" && value != "False" && value != "0" && value != "null" && value != "no";
}

std::optional<int> Arguments::Number(const std::string& name, int least) const {
  const WrittenKey* const key = Find(name);
  if (key == nullptr) {
    return std::nullopt;
  }
  const std::string text = key->values.empty() ? "" : key->values.front().text;
  if (text == "null" || text == "None") {
    return std::nullopt;
  }
  constexpr int kMost = 1'000'000'000;
  if (const auto number = ParseWhole(text); number && *number >= least && *number <= kMost) {
    return static_cast<int>(*number);
  }
  const std::string what =
      text.empty() ? prefix_ + name + " has no value"
      : text.starts_with("$")
          ? fmt::format("{}{} is {}, which the file does not set", prefix_, name, Quoted(text))
          : fmt::format("{}{} is {}", prefix_, name, Quoted(text));
  problems_.Add(text.empty() ? key->where : key->values.front().where, "",
                Refusal(what, fmt::format("a whole number from {} to {}", least, kMost)));
  return std::nullopt;
}

std::string Arguments::Text(const std::string& name, const std::string& otherwise) const {
  const WrittenKey* const key = Find(name);
  return key == nullptr || key->values.empty() ? otherwise : key->values.front().text;
}

bool Arguments::Names(const std::string& name, const std::string& word) const {
  const WrittenKey* const key = Find(name);
  return key != nullptr &&
         std::any_of(key->values.begin(), key->values.end(), [&](const KeyedValue& value) {
           return value.text == word;
         });
}

std::string Arguments::List(const std::string& name, const std::string& otherwise) const {
  const WrittenKey* const key = Find(name);
  if (key == nullptr || key->values.empty()) {
    return otherwise;
  }
  std::string list;
  for (const KeyedValue& value : key->values) {
    // Behind the last argument of an array stand the words of the command that uses it.
    if (!list.empty() && value.text.find_first_not_of("[]()0123456789*+-,") != std::string::npos) {
      break;
    }
    list += value.text;
  }
  return list;
}

Position Arguments::Where(const std::string& name) const {
  const WrittenKey* const key = Find(name);
  return key == nullptr ? Position{file_, 0, 0} : key->where;
}

void Arguments::Refuse(const std::string& name, const std::string& what,
                       const std::string& expected) const {
  problems_.Add(Where(name), "", Refusal(what, expected));
}

const WrittenKey* Arguments::Nearest(const std::string& name) const {
  std::vector<std::string> names;
  const auto parts = std::count(name.begin(), name.end(), '-');
  for (const WrittenKey& key : keys_) {
    if (std::count(key.name.begin(), key.name.end(), '-') == parts) {
      names.push_back(key.name);
    }
  }
  const auto found = by_name_.find(NearestName(name, names));
  return found == by_name_.end() ? nullptr : found->second;
}

std::vector<const WrittenKey*> Arguments::Unread() const {
  std::vector<const WrittenKey*> unread;
  for (const WrittenKey& key : keys_) {
    if (!asked_.contains(key.name)) {
      unread.push_back(&key);
    }
  }
  return unread;
}

}  // namespace gridlock
