#include "sim/catalogue/scan.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace gridlock {
namespace {

/// An entry in one of the texts.
struct Block {
  std::size_t begin = 0;  ///< of its kind
  std::size_t end = 0;    ///< behind its brace
  std::string name;
  std::vector<std::string> aliases;
  bool kept = false;
};

/// What a character is to the scanner. The standard's functions ask the locale each time, and half
/// a megabyte is scanned before every run.
constexpr bool IsSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

constexpr bool IsOfWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Walks over a text by braces, quotes and comments; it knows no schema.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// Nothing when the text is not a plain sequence of blocks that each have a name.
  std::optional<std::vector<Block>> Blocks() {
    std::vector<Block> blocks;
    for (SkipSpace(); !AtEnd(); SkipSpace()) {
      Block block;
      block.begin = at_;
      if (Word().empty()) {
        return std::nullopt;
      }
      SkipSpace();
      if (AtEnd() || text_[at_] != '{' || !Body(block) || block.name.empty()) {
        return std::nullopt;
      }
      block.end = at_;
      blocks.push_back(block);
    }
    return blocks;
  }

  std::set<std::string> Quoted() {
    std::set<std::string> texts;
    for (SkipSpace(); !AtEnd(); SkipSpace()) {
      if (text_[at_] == '"') {
        texts.emplace(Text());
      } else {
        ++at_;
      }
    }
    return texts;
  }

 private:
  [[nodiscard]] bool AtEnd() const { return at_ >= text_.size(); }

  void SkipSpace() {
    while (!AtEnd()) {
      if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (IsSpace(text_[at_])) {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string_view Word() {
    const std::size_t begin = at_;
    while (!AtEnd() && IsOfWord(text_[at_])) {
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

  /// What stands in the quotes that begin here, escapes as they are.
  std::string_view Text() {
    const std::size_t begin = ++at_;
    while (!AtEnd() && text_[at_] != '"' && text_[at_] != '\n') {
      at_ += text_[at_] == '\\' ? 2 : 1;
    }
    const std::size_t end = std::min(at_, text_.size());
    at_ = end + 1;
    return text_.substr(begin, end - begin);
  }

  /// The texts behind the name of a field: `: "a"` or `: ["a", "b"]`; none when something else
  /// stands there.
  std::vector<std::string> Texts() {
    std::vector<std::string> texts;
    for (const char mark : {':', '['}) {
      SkipSpace();
      if (!AtEnd() && text_[at_] == mark) {
        ++at_;
      } else if (mark == ':') {
        return {};
      }
    }
    const bool is_list = text_[at_ - 1] == '[';
    for (SkipSpace(); !AtEnd() && text_[at_] == '"'; SkipSpace()) {
      texts.emplace_back(Text());
      SkipSpace();
      if (!is_list || AtEnd() || text_[at_] != ',') {
        break;
      }
      ++at_;
    }
    return texts;
  }

  /// From the opening brace to behind the one that closes it; false when none does, or something
  /// stands in between that only a reader of the schema understands.
  bool Body(Block& block) {
    int depth = 0;
    for (SkipSpace(); !AtEnd(); SkipSpace()) {
      const char c = text_[at_];
      if (c == '{' || c == '}') {
        ++at_;
        depth += c == '{' ? 1 : -1;
        if (depth == 0) {
          return true;
        }
      } else if (c == '"') {
        (void)Text();
      } else if (c == '\'' || c == '<' || c == '>') {
        return false;
      } else if (const std::string_view word = Word(); word.empty()) {
        ++at_;
      } else if (depth == 1 && word == "name") {
        const std::vector<std::string> names = Texts();
        if (names.size() != 1) {
          return false;
        }
        block.name = names[0];
      } else if (depth == 1 && (word == "alias" || word == "stands_for")) {
        const std::vector<std::string> aliases = Texts();
        if (aliases.empty()) {
          return false;
        }
        block.aliases.insert(block.aliases.end(), aliases.begin(), aliases.end());
      }
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool IsNamed(const Block& block, const std::set<std::string>& names) {
  return names.contains(block.name) ||
         std::any_of(block.aliases.begin(), block.aliases.end(), [&](const std::string& alias) {
           return names.contains(alias);
         });
}

/// The text with nothing but line ends where no kept block is, and blanks before one that does not
/// begin its line.
std::string WithoutOthers(const std::string& text, const std::vector<Block>& blocks) {
  std::string kept;
  std::size_t done = 0;
  for (const Block& block : blocks) {
    if (!block.kept) {
      continue;
    }
    std::size_t line = done;
    for (std::size_t i = done; i < block.begin; ++i) {
      if (text[i] == '\n') {
        kept += '\n';
        line = i + 1;
      }
    }
    kept.append(block.begin - line, ' ');
    kept += text.substr(block.begin, block.end - block.begin);
    done = block.end;
  }
  return kept;
}

}  // namespace

std::set<std::string> QuotedTexts(const std::string& text) {
  return Scanner(text).Quoted();
}

void KeepNamedEntries(std::set<std::string> names, std::vector<std::string>& texts) {
  names.insert(std::begin(kUsualOptics), std::end(kUsualOptics));
  names.insert(kUsualStorage);
  std::vector<std::vector<Block>> blocks;
  for (const std::string& text : texts) {
    std::optional<std::vector<Block>> found = Scanner(text).Blocks();
    if (!found.has_value()) {
      return;
    }
    blocks.push_back(std::move(*found));
  }
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      for (Block& block : blocks[i]) {
        if (!block.kept && IsNamed(block, names)) {
          block.kept = more = true;
          names.merge(QuotedTexts(texts[i].substr(block.begin, block.end - block.begin)));
        }
      }
    }
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    texts[i] = WithoutOthers(texts[i], blocks[i]);
  }
}

}  // namespace gridlock
