#include "sim/interop/shell_condition.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

#include <fnmatch.h>

namespace gridlock {

bool IsShellBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

std::string_view Bare(std::string_view text) {
  while (!text.empty() && (IsShellBlank(text.front()) || text.front() == '\n')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (IsShellBlank(text.back()) || text.back() == '\n')) {
    text.remove_suffix(1);
  }
  return text;
}

std::size_t BehindQuotes(std::string_view text, std::size_t at) {
  const char open = text[at];
  for (++at; at < text.size() && text[at] != open; ++at) {
    at += open == '"' && text[at] == '\\' ? 1 : 0;
  }
  return std::min(at + 1, text.size());
}

std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    if (IsShellBlank(text[at]) || text[at] == '\n') {
      ++at;
      continue;
    }
    std::string word;
    while (at < text.size() && !IsShellBlank(text[at]) && text[at] != '\n') {
      if (text[at] == '"' || text[at] == '\'') {
        const std::size_t end = BehindQuotes(text, at);
        word += text.substr(at + 1, end - at - std::min<std::size_t>(2, end - at));
        at = end;
      } else {
        word += text[at++];
      }
    }
    words.push_back(word);
  }
  return words;
}

namespace {

Truth Not(Truth truth) {
  return truth ? Truth(!*truth) : truth;
}

/// Tests in brackets, joined by && and ||.
class ConditionReader {
 public:
  ConditionReader(std::string_view text, const ShellVariables& variables)
      : words_(WordsOf(text)), set_(variables) {}

  Condition Read() {
    const Truth value = Any();
    return {at_ == words_.size() ? value : std::nullopt, std::move(unset_), of_files_};
  }

 private:
  bool Take(const char* word) {
    const bool found = at_ < words_.size() && words_[at_] == word;
    at_ += found ? 1 : 0;
    return found;
  }

  Truth Any() {
    Truth value = All();
    while (Take("||")) {
      const Truth next = All();
      value = value == Truth(true) || next == Truth(true) ? Truth(true)
              : value && next                             ? Truth(false)
                                                          : std::nullopt;
    }
    return value;
  }

  Truth All() {
    Truth value = One();
    while (Take("&&")) {
      const Truth next = One();
      value = value == Truth(false) || next == Truth(false) ? Truth(false)
              : value && next                               ? Truth(true)
                                                            : std::nullopt;
    }
    return value;
  }

  Truth One() {
    if (Take("!")) {
      return Not(One());
    }
    if (Take("[[")) {
      inside_ = true;
      const Truth value = Any();
      inside_ = false;
      return Take("]]") ? value : std::nullopt;
    }
    if (Take("true")) {
      return true;
    }
    if (Take("false")) {
      return false;
    }
    const bool test = Take("[") || inside_;
    const Truth value = Test();
    return test ? value : std::nullopt;  // a command
  }

  Truth Test() {
    std::vector<FilledText> parts;
    while (at_ < words_.size() && words_[at_] != "]" && words_[at_] != "]]" &&
           words_[at_] != "&&" && words_[at_] != "||") {
      parts.push_back(FillShell(words_[at_++], set_, false));
    }
    Take("]");
    bool known = !parts.empty();
    for (const FilledText& part : parts) {
      unset_.insert(unset_.end(), part.unset.begin(), part.unset.end());
      known = known && part.known;
    }
    const bool negated = parts.size() > 1 && parts.front().text == "!";
    if (negated) {
      parts.erase(parts.begin());
    }
    const Truth value = known ? Compared(parts) : std::nullopt;
    return negated ? Not(value) : value;
  }

  Truth Compared(const std::vector<FilledText>& parts) {
    if (parts.size() == 1) {
      return !parts[0].text.empty();
    }
    const std::string& sign = parts[parts.size() == 2 ? 0 : 1].text;
    if (parts.size() == 2) {
      constexpr std::string_view kOfFiles = "-f -d -e -r -s -x";
      of_files_ = of_files_ || (sign.size() == 2 && kOfFiles.find(sign) != std::string_view::npos);
      return sign == "-z"   ? Truth(parts[1].text.empty())
             : sign == "-n" ? Truth(!parts[1].text.empty())
             : of_files_    ? Truth(true)
                            : std::nullopt;
    }
    if (parts.size() != 3) {
      return std::nullopt;
    }
    const std::string& left = parts[0].text;
    const std::string& right = parts[2].text;
    if (sign == "=" || sign == "==" || sign == "!=") {
      const bool same = fnmatch(right.c_str(), left.c_str(), 0) == 0;
      return same == (sign != "!=");
    }
    const int a = std::atoi(left.c_str());
    const int b = std::atoi(right.c_str());
    return sign == "-eq"   ? Truth(a == b)
           : sign == "-ne" ? Truth(a != b)
           : sign == "-lt" ? Truth(a < b)
           : sign == "-le" ? Truth(a <= b)
           : sign == "-gt" ? Truth(a > b)
           : sign == "-ge" ? Truth(a >= b)
                           : std::nullopt;
  }

  std::vector<std::string> words_;
  const ShellVariables& set_;
  std::vector<std::string> unset_;
  bool inside_ = false;  ///< of [[ ]]
  bool of_files_ = false;
  std::size_t at_ = 0;
};

}  // namespace

Condition ConditionOf(std::string_view text, const ShellVariables& variables) {
  return ConditionReader(text, variables).Read();
}

}  // namespace gridlock
