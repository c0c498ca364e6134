#include "sim/base/check.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iterator>

namespace gridlock {
namespace {

std::string JoinProblems(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    if (!text.empty()) {
      text += '\n';
    }
    text += problem.path.empty() ? problem.message : problem.path + ": " + problem.message;
  }
  return text;
}

char Lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

/// 0 for equal letters, 0.5 for the same letter in the other case, 1 for different ones.
double SubstitutionCost(char a, char b) {
  if (a == b) {
    return 0.0;
  }
  return Lower(a) == Lower(b) ? 0.5 : 1.0;
}

/// Edit distance with swaps of neighbours as one edit (optimal string alignment).
/// Damerau 1964, "A technique for computer detection and correction of spelling errors".
double EditDistance(const std::string& a, const std::string& b) {
  const std::size_t columns = b.size() + 1;
  std::vector<double> before_last(columns);
  std::vector<double> last(columns);
  std::vector<double> current(columns);
  for (std::size_t j = 0; j < columns; ++j) {
    current[j] = static_cast<double>(j);
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(current);
    current[0] = static_cast<double>(i);
    for (std::size_t j = 1; j < columns; ++j) {
      const double substituted = last[j - 1] + SubstitutionCost(a[i - 1], b[j - 1]);
      current[j] = std::min({substituted, last[j] + 1.0, current[j - 1] + 1.0});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before_last[j - 2] + 1.0);
      }
    }
  }
  return current[columns - 1];
}

/// The runs of digits of a name.
std::vector<std::string> NumbersIn(const std::string& name) {
  std::vector<std::string> numbers;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (std::isdigit(static_cast<unsigned char>(name[i])) == 0) {
      continue;
    }
    if (i == 0 || std::isdigit(static_cast<unsigned char>(name[i - 1])) == 0) {
      numbers.emplace_back();
    }
    numbers.back() += name[i];
  }
  return numbers;
}

/// What sets a candidate back behind others as near: a number of the name that it does not have is
/// another size or generation ("llama_3_70b" is nearer to llama_3.1_70b than to llama_2_70b), and
/// another first letter is another family.
double Setback(const std::string& name, const std::string& candidate) {
  constexpr double kOtherNumber = 1.5, kOtherFamily = 0.5;
  const std::vector<std::string> numbers = NumbersIn(candidate);
  double setback =
      !name.empty() && !candidate.empty() && Lower(name.front()) != Lower(candidate.front())
          ? kOtherFamily
          : 0.0;
  for (const std::string& number : NumbersIn(name)) {
    const bool there = std::find(numbers.begin(), numbers.end(), number) != numbers.end();
    setback += there ? 0.0 : kOtherNumber;
  }
  return setback;
}

bool ShareALetter(const std::string& a, const std::string& b) {
  return std::any_of(a.begin(), a.end(), [&](char in_a) {
    return std::any_of(b.begin(), b.end(), [&](char in_b) {
      return Lower(in_a) == Lower(in_b);
    });
  });
}

/// The words of a name in small letters: runs of letters and runs of digits, a point between digits
/// included: "llama", "3.1", "405", "b" of llama_3.1_405b.
std::vector<std::string> WordsIn(const std::string& name) {
  const auto is_digit = [&name](std::size_t i) {
    return i < name.size() && std::isdigit(static_cast<unsigned char>(name[i])) != 0;
  };
  std::vector<std::string> words;
  char before = ' ';  // kind of the last letter: a, 0 or another
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool point = name[i] == '.' && i > 0 && is_digit(i - 1) && is_digit(i + 1);
    const bool letter = std::isalpha(static_cast<unsigned char>(name[i])) != 0;
    const char kind = is_digit(i) || point ? '0' : letter ? 'a' : ' ';
    if (kind != ' ') {
      if (kind != before) {
        words.emplace_back();
      }
      words.back() += Lower(name[i]);
    }
    before = kind;
  }
  return words;
}

/// Whether a candidate has all words of a name, in their order: llama_3.1_405b those of
/// "llama_405b" and of "llama3_405b", h100_sxm that of "h100".
bool HasAllWords(const std::string& name, const std::string& candidate) {
  const std::vector<std::string> wanted = WordsIn(name), words = WordsIn(candidate);
  auto at = words.begin();
  for (const std::string& word : wanted) {
    at = std::find_if(at, words.end(), [&word](const std::string& each) {
      return each == word || each.starts_with(word + ".");
    });
    if (at == words.end()) {
      return false;
    }
    ++at;
  }
  return !wanted.empty();
}

std::string HexByte(char c) {
  char text[8];
  (void)std::snprintf(text, sizeof text, "\\x%02X", static_cast<unsigned char>(c));
  return text;
}

}  // namespace

UserError::UserError(std::vector<Problem> problems)
    : std::runtime_error(JoinProblems(problems)), problems_(std::move(problems)) {}

void CheckFailed(const char* file, int line, const char* condition) {
  (void)std::fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, condition);
  std::abort();
}

std::size_t Utf8Length(std::string_view text) {
  // The well-formed byte sequences: Unicode 15, table 3-7.
  struct Form {
    unsigned char first_min, first_max, second_min, second_max;
    std::size_t length;
  };

  static constexpr Form kForms[] = {
      {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
      {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
      {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
  };
  const auto within = [&](std::size_t at, unsigned char low, unsigned char high) {
    const auto byte = static_cast<unsigned char>(text[at]);
    return byte >= low && byte <= high;
  };
  const auto* const form =
      text.empty() ? std::end(kForms)
                   : std::find_if(std::begin(kForms), std::end(kForms), [&](const Form& each) {
                       return within(0, each.first_min, each.first_max);
                     });
  if (form == std::end(kForms) || form->length > text.size()) {
    return 0;
  }
  for (std::size_t i = 1; i < form->length; ++i) {
    const bool is_second = i == 1;
    if (!within(i, is_second ? form->second_min : 0x80, is_second ? form->second_max : 0xBF)) {
      return 0;
    }
  }
  return form->length;
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string quoted = "\"";
  std::size_t at = 0;
  while (at < text.size() && at < kLongest) {
    const std::size_t length = Utf8Length(text.substr(at));
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      quoted += HexByte(text[at]);
      ++at;
    } else {
      quoted += text.substr(at, length);
      at += length;
    }
  }
  return quoted + (at < text.size() ? "...\"" : "\"");
}

std::string NearestName(const std::string& name, const std::vector<std::string>& candidates) {
  // Longer texts are no slips of the keyboard, and the distance costs the product of the lengths.
  constexpr std::size_t kLongestName = 100;
  // Who leaves words out means a name that has the others; a letter left out so weighs a quarter of
  // one that is wrong.
  constexpr std::size_t kShortestPart = 3;
  constexpr double kLeftOut = 0.25;
  std::string nearest;
  if (name.size() > kLongestName) {
    return nearest;
  }
  double smallest = 0.0;
  for (const std::string& candidate : candidates) {
    const std::size_t letters = std::max(name.size(), candidate.size());
    const double limit = std::max(1.0, static_cast<double>(letters) / 3.0);
    double distance = EditDistance(name, candidate);
    if (name.size() >= kShortestPart && HasAllWords(name, candidate)) {
      distance *= kLeftOut;
    } else if (distance > limit || !ShareALetter(name, candidate)) {
      continue;
    }
    const double all = distance + Setback(name, candidate);
    if (nearest.empty() || all < smallest) {
      nearest = candidate;
      smallest = all;
    }
  }
  return nearest;
}

std::string DidYouMean(const std::string& name, const std::vector<std::string>& candidates) {
  const std::string nearest = NearestName(name, candidates);
  return nearest.empty() ? "" : " (did you mean \"" + nearest + "\"?)";
}

}  // namespace gridlock
