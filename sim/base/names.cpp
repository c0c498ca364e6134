#include "sim/base/names.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <set>
#include <string_view>
#include <vector>

namespace gridlock {
namespace {

constexpr std::string_view kOfModels[] = {"instruct", "chat", "hf",     "it",
                                          "base",     "meta", "preview"};
constexpr std::string_view kOfParts[] = {
    "nvidia",  "amd", "intel", "google", "cloud", "tpu",   "aws",   "instinct", "tesla", "quadro",
    "geforce", "gpu", "hbm2",  "hbm2e",  "hbm3",  "hbm3e", "gddr6", "gddr7",    "oam"};

bool IsDigit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

char LowerLetter(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool IsAmong(const std::string& word, const auto& words) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

/// Words of letters and digits in lower case. A point between digits belongs to its word.
std::vector<std::string> WordsOf(const std::string& name) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool point = name[i] == '.' && i > 0 && i + 1 < name.size() && IsDigit(name[i - 1]) &&
                       IsDigit(name[i + 1]);
    if (std::isalnum(c) != 0 || point) {
      words.back() += LowerLetter(name[i]);
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  std::erase(words, "");
  return words;
}

/// Four digits behind a model are a month ("2507") or a day ("0528"); "v0.1" is a revision.
bool IsRevision(const std::string& word) {
  return (word.size() == 4 && std::all_of(word.begin(), word.end(), IsDigit)) ||
         word.starts_with("v0.");
}

/// Whether a word but the first says nothing of what a name of this kind is.
bool IsBeside(const std::string& word, NameKind kind) {
  return kind == NameKind::kModel  ? IsAmong(word, kOfModels) || IsRevision(word)
         : kind == NameKind::kPart ? IsAmong(word, kOfParts)
                                   : false;
}

}  // namespace

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = LowerLetter(c);
  }
  return lower;
}

std::string LowerCase(std::string_view text, char separator) {
  std::string lower = LowerCase(text);
  for (char& c : lower) {
    c = c == ' ' || c == '-' || c == '_' ? separator : c;
  }
  return lower;
}

std::string UpperCase(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return upper;
}

std::string LettersOf(std::string_view text) {
  std::string letters = LowerCase(text);
  std::erase_if(letters, [](char c) {
    return !IsDigit(c) && (c < 'a' || c > 'z');
  });
  return letters;
}

std::optional<bool> SaysYes(std::string_view text) {
  constexpr std::string_view kYes[] = {"yes", "true", "on"}, kNo[] = {"no", "false", "off"};
  const std::string word = LowerCase(text);
  return IsAmong(word, kYes)  ? std::optional(true)
         : IsAmong(word, kNo) ? std::optional(false)
                              : std::nullopt;
}

std::string PlainKey(const std::string& name, NameKind kind) {
  const std::size_t slash = kind == NameKind::kModel ? name.rfind('/') : std::string::npos;
  std::vector<std::string> words =
      WordsOf(slash == std::string::npos ? name : name.substr(slash + 1));
  std::vector<std::string> kept;
  std::copy_if(words.begin(), words.end(), std::back_inserter(kept), [&](const std::string& word) {
    return !IsBeside(word, kind);
  });
  std::string key;
  for (const std::string& word : kept.empty() ? words : kept) {
    const bool apart = !key.empty() && IsDigit(key.back()) && IsDigit(word.front());
    key += (apart ? "." : "") + word;
  }
  return key;
}

std::string MeantName(const std::string& name, const std::vector<std::string>& names,
                      const std::map<std::string, std::string>& aliases, NameKind kind) {
  const auto without_alias = [&aliases](const std::string& each) {
    const auto alias = aliases.find(each);
    return alias == aliases.end() ? each : alias->second;
  };
  if (aliases.contains(name) || std::find(names.begin(), names.end(), name) != names.end()) {
    return without_alias(name);
  }
  const std::string key = PlainKey(name, kind);
  std::set<std::string> meant;
  for (const std::string& each : names) {
    if (PlainKey(each, kind) == key) {
      meant.insert(without_alias(each));
    }
  }
  for (const auto& [alias, each] : aliases) {
    if (PlainKey(alias, kind) == key) {
      meant.insert(each);
    }
  }
  return !key.empty() && meant.size() == 1 ? *meant.begin() : name;
}

}  // namespace gridlock
