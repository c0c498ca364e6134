// Variables and sums in a shell text.

#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>

#include "sim/interop/shell_text.h"

namespace gridlock {

namespace {

bool InName(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string_view NameAt(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && InName(text[length])) {
    ++length;
  }
  return text.substr(0, length);
}

/// The part in brackets that open at `begin`, without them; everything else where none closes.
std::string_view Inside(std::string_view text, std::size_t begin, char open, char close) {
  int depth = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    depth += text[i] == open ? 1 : text[i] == close ? -1 : 0;
    if (depth == 0) {
      return text.substr(begin + 1, i - begin - 1);
    }
  }
  return text.substr(begin + 1);
}

std::string WithoutQuotes(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '"' && c != '\'') {
      out += c;
    }
  }
  return out;
}

/// Whole numbers with + - * / % and brackets, as $((...)) has them.
class Sum {
 public:
  Sum(std::string_view text, const ShellVariables& variables) : text_(text), set_(variables) {}

  std::optional<std::int64_t> Value() {
    const std::optional<std::int64_t> value = Terms();
    Skip();
    return at_ == text_.size() ? value : std::nullopt;
  }

 private:
  using Number = std::optional<std::int64_t>;

  void Skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '$')) {
      ++at_;
    }
  }

  bool Take(char c) {
    Skip();
    const bool found = at_ < text_.size() && text_[at_] == c;
    at_ += found ? 1 : 0;
    return found;
  }

  Number Terms() {
    Number sum = Factors();
    while (sum) {
      const bool plus = Take('+');
      if (!plus && !Take('-')) {
        break;
      }
      const Number next = Factors();
      sum = next ? Number(plus ? *sum + *next : *sum - *next) : std::nullopt;
    }
    return sum;
  }

  Number Factors() {
    Number product = Single();
    while (product) {
      const char sign = Take('*') ? '*' : Take('/') ? '/' : Take('%') ? '%' : ' ';
      if (sign == ' ') {
        break;
      }
      const Number next = Single();
      if (!next || (sign != '*' && *next == 0)) {
        return std::nullopt;
      }
      product = sign == '*' ? *product * *next : sign == '/' ? *product / *next : *product % *next;
    }
    return product;
  }

  Number Single() {
    if (Take('-')) {
      const Number value = Single();
      return value ? Number(-*value) : std::nullopt;
    }
    if (Take('(')) {
      const Number value = Terms();
      return Take(')') ? value : std::nullopt;
    }
    if (Take('{')) {
      const Number value = Single();
      return Take('}') ? value : std::nullopt;
    }
    Skip();
    const std::string_view word = NameAt(text_.substr(std::min(at_, text_.size())));
    at_ += word.size();
    const auto found = set_.find(std::string(word));
    const std::string_view digits = found == set_.end() ? word : std::string_view(found->second);
    std::int64_t value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool whole =
        read.ec == std::errc() && read.ptr == digits.data() + digits.size() && digits.size() < 10;
    return whole ? Number(value) : std::nullopt;
  }

  std::string_view text_;
  const ShellVariables& set_;
  std::size_t at_ = 0;
};

class Filler {
 public:
  Filler(const ShellVariables& variables, bool keeps) : set_(variables), keeps_(keeps) {}

  FilledText Fill(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      i += text[i] == '$' ? Take(text.substr(i)) : Plain(text[i]);
    }
    return std::move(out_);
  }

 private:
  std::size_t Plain(char c) {
    out_.text += c;
    return 1;
  }

  /// @return the length of what begins with "$" here
  std::size_t Take(std::string_view text) {
    if (text.starts_with("$((")) {
      const std::string_view outer = Inside(text, 1, '(', ')');
      const std::string_view sum =
          outer.size() >= 2 ? outer.substr(1, outer.size() - 2) : std::string_view();
      const std::optional<std::int64_t> value = Sum(sum, set_).Value();
      out_.text += value ? std::to_string(*value) : std::string(text.substr(0, outer.size() + 3));
      out_.known = out_.known && value;
      return outer.size() + 3;
    }
    if (text.starts_with("$(")) {
      const std::size_t length = std::min(text.size(), Inside(text, 1, '(', ')').size() + 3);
      return Unknown(text.substr(0, length));
    }
    if (text.starts_with("${")) {
      return Braces(text, Inside(text, 1, '{', '}'));
    }
    std::string_view name = NameAt(text.substr(1));
    const bool digit = !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) != 0;
    name = digit ? name.substr(0, 1) : name;
    if (text.starts_with("$#")) {
      out_.text += '0';
      return 2;
    }
    return name.empty() ? Plain('$') : Variable(name, text.substr(0, name.size() + 1));
  }

  std::size_t Unknown(std::string_view written) {
    out_.text += written;
    out_.known = false;
    return written.size();
  }

  std::size_t Variable(std::string_view name, std::string_view written) {
    const auto found = set_.find(std::string(name));
    if (found != set_.end()) {
      out_.text += found->second;
    } else {
      out_.unset.emplace_back(name);
      out_.text += keeps_ ? written : std::string_view();
    }
    return written.size();
  }

  std::size_t Braces(std::string_view text, std::string_view inside) {
    const std::size_t length = std::min(text.size(), inside.size() + 3);
    const std::string_view written = text.substr(0, length);
    const std::string_view name = NameAt(inside);
    std::string_view rest = inside.substr(name.size());
    if (name.empty()) {
      return Unknown(written);
    }
    if (rest.empty()) {
      return Variable(name, written);
    }
    rest.remove_prefix(rest.front() == ':' ? 1 : 0);
    if (rest.empty() || (rest.front() != '-' && rest.front() != '=')) {
      return Unknown(written);
    }
    const auto found = set_.find(std::string(name));
    if (found != set_.end() && !found->second.empty()) {
      out_.text += found->second;
      return length;
    }
    const FilledText otherwise = Filler(set_, keeps_).Fill(WithoutQuotes(rest.substr(1)));
    out_.text += otherwise.text;
    out_.known = out_.known && otherwise.known;
    out_.unset.insert(out_.unset.end(), otherwise.unset.begin(), otherwise.unset.end());
    return length;
  }

  const ShellVariables& set_;
  bool keeps_;
  FilledText out_;
};

}  // namespace

FilledText FillShell(std::string_view text, const ShellVariables& variables, bool keeps_unset) {
  return Filler(variables, keeps_unset).Fill(text);
}

}  // namespace gridlock
