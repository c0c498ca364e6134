#include "sim/interop/shell_text.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>
#include <fnmatch.h>

namespace gridlock {

namespace {

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

/// Behind the quotes that open at `at`.
std::size_t BehindQuotes(std::string_view text, std::size_t at) {
  const char open = text[at];
  for (++at; at < text.size() && text[at] != open; ++at) {
    at += open == '"' && text[at] == '\\' ? 1 : 0;
  }
  return std::min(at + 1, text.size());
}

/// Words of a condition. What stood in quotes has none.
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

/// true, false, or nothing: it cannot be told.
using Truth = std::optional<bool>;

Truth Not(Truth truth) {
  return truth ? Truth(!*truth) : truth;
}

/// Tests in brackets, joined by && and ||.
class Condition {
 public:
  Condition(std::string_view text, const ShellVariables& variables)
      : words_(WordsOf(text)), set_(variables) {}

  Truth Value() {
    const Truth value = Any();
    return at_ == words_.size() ? value : std::nullopt;
  }

  [[nodiscard]] const std::vector<std::string>& unset() const { return unset_; }

  /// It asks for files, which count as there.
  [[nodiscard]] bool of_files() const { return of_files_; }

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

class Branches {
 public:
  Branches(std::string_view text, std::vector<std::string>& notes)
      : text_(text), out_(text), notes_(notes) {}

  std::string Read() {
    while (at_ < text_.size()) {
      if (!SkipBetween()) {
        Statement();
      }
    }
    return std::move(out_);
  }

 private:
  enum class Kind { kIf, kCase, kLoop };

  struct Frame {
    Kind kind = Kind::kIf;
    bool runs = false;     ///< the branch that is read is taken
    bool taken = false;    ///< one was
    bool pattern = false;  ///< a pattern of `case` comes next
    std::string subject;
    std::size_t begin = 0;           ///< behind the first condition
    std::vector<std::string> notes;  ///< of its choices
  };

  /// Whether what stands in the first `depth` frames is run.
  [[nodiscard]] bool Runs(std::size_t depth) const {
    return std::all_of(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(depth),
                       [](const Frame& frame) {
                         return frame.runs;
                       });
  }

  [[nodiscard]] bool Runs() const { return Runs(frames_.size()); }

  void Blank(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      out_[i] = out_[i] == '\n' ? '\n' : ' ';
    }
  }

  /// What parts statements. @return false where there is nothing of it
  bool SkipBetween() {
    const char c = text_[at_];
    if (c == ';' && text_.substr(at_).starts_with(";;") && InCase()) {
      frames_.back().runs = false;
      frames_.back().pattern = true;
      Blank(at_, at_ + 2);
      at_ += 2;
      return true;
    }
    if (c == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
      return true;
    }
    if (IsShellBlank(c) || c == '\n' || c == ';' || c == ')') {
      ++at_;
      return true;
    }
    return false;
  }

  [[nodiscard]] bool InCase() const {
    return !frames_.empty() && frames_.back().kind == Kind::kCase;
  }

  /// The end of the statement that begins at `from`.
  [[nodiscard]] std::size_t EndFrom(std::size_t from) const {
    int depth = 0;
    for (std::size_t i = from; i < text_.size();) {
      const char c = text_[i];
      if (c == '\\') {
        i += 2;
        continue;
      }
      if (c == '"' || c == '\'') {
        i = BehindQuotes(text_, i);
        continue;
      }
      const bool comment =
          c == '#' && i > from && (IsShellBlank(text_[i - 1]) || text_[i - 1] == '\n');
      if (comment && depth > 0) {
        i = std::min(text_.find('\n', i), text_.size());
        continue;
      }
      if (comment || (depth == 0 && (c == ';' || c == '\n'))) {
        return i;
      }
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      if (depth < 0) {
        return i;
      }
      ++i;
    }
    return text_.size();
  }

  [[nodiscard]] std::string_view WordFrom(std::size_t from) const {
    std::size_t end = from;
    while (end < text_.size() && std::isalpha(static_cast<unsigned char>(text_[end])) != 0) {
      ++end;
    }
    const bool whole =
        end == text_.size() || IsShellBlank(text_[end]) || text_[end] == '\n' || text_[end] == ';';
    return whole ? text_.substr(from, end - from) : std::string_view();
  }

  [[nodiscard]] long Line() const {
    return 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
  }

  void Open(Kind kind) {
    frames_.emplace_back();
    frames_.back().kind = kind;
  }

  void Statement() {
    if (InCase() && frames_.back().pattern && WordFrom(at_) != "esac") {
      return Pattern();
    }
    const std::string_view word = WordFrom(at_);
    const bool ends = word == "fi" || word == "done" || word == "esac";
    if (word == "then" || word == "do" || (ends && !frames_.empty())) {
      if (ends) {
        KeepNotes();
        frames_.pop_back();
      }
      Blank(at_, at_ + word.size());
      at_ += word.size();
      return;
    }
    if (word == "else" && !frames_.empty()) {
      Frame& frame = frames_.back();
      frame.runs = !frame.taken;
      Blank(at_, at_ + word.size());
      at_ += word.size();
      return;
    }
    const std::size_t end = EndFrom(at_);
    const std::string_view rest = text_.substr(at_ + word.size(), end - at_ - word.size());
    if (word == "if" || word == "while" || word == "until") {
      Open(word == "if" ? Kind::kIf : Kind::kLoop);
      Choose(word, rest);
      Blank(at_, end);
    } else if (word == "elif" && !frames_.empty()) {
      frames_.back().runs = false;
      Choose(word, rest);
      Blank(at_, end);
    } else if (word == "case") {
      return Case();
    } else if (word == "for") {
      Open(Kind::kLoop);
      frames_.back().runs = true;
      Blank(at_, end);
    } else if (!Runs()) {
      Blank(at_, end);
    } else {
      Run(at_, end);
    }
    at_ = std::max(end, at_ + 1);
  }

  /// A choice matters where a branch has arguments or sets something.
  void KeepNotes() {
    const Frame& frame = frames_.back();
    const std::string_view body = text_.substr(frame.begin, at_ - std::min(at_, frame.begin));
    if (body.find(" --") != std::string_view::npos || body.find('=') != std::string_view::npos) {
      notes_.insert(notes_.end(), frame.notes.begin(), frame.notes.end());
    }
  }

  /// Whether the branch of a condition is taken.
  void Choose(std::string_view word, std::string_view condition) {
    Frame& frame = frames_.back();
    if (frame.begin == 0) {
      frame.begin = at_ + word.size() + condition.size();
    }
    if (frame.taken || !Runs(frames_.size() - 1)) {
      return;
    }
    Condition test(condition, set_);
    Truth value = test.Value();
    value = word == "until" ? Not(value) : value;
    frame.runs = frame.taken = value.value_or(true);
    if (frame.kind == Kind::kIf) {
      NoteChoice(Bare(condition), value, test, frame.notes);
    }
  }

  void NoteChoice(std::string_view what, Truth value, const Condition& test,
                  std::vector<std::string>& notes) {
    std::string names;
    for (const std::string& name : test.unset()) {
      const bool place = std::isdigit(static_cast<unsigned char>(name[0])) != 0;
      names += place ? "" : (names.empty() ? "" : ", ") + name;
    }
    const char* const taken = value.value_or(true) ? "taken" : "not taken";
    if (!value || test.of_files()) {
      notes.push_back(fmt::format("line {}: {}, as if {}: `{}`", Line(), taken,
                                  value ? "the file were there" : "this held", what));
    } else if (!names.empty()) {
      notes.push_back(fmt::format("line {}: {}, since the script does not set {}: `{}`", Line(),
                                  taken, names, what));
    }
  }

  /// "case $SIZE in".
  void Case() {
    const std::size_t in = std::min(text_.find(" in", at_), text_.size());
    const std::size_t end = std::min(in + 3, text_.size());
    const std::string_view head = text_.substr(at_, in - at_);
    const std::vector<std::string> words = WordsOf(head);
    const FilledText subject = FillShell(words.size() < 2 ? "" : words[1], set_, false);
    Open(Kind::kCase);
    frames_.back().subject = subject.text;
    frames_.back().pattern = true;
    if (Runs(frames_.size() - 1) && (!subject.known || !subject.unset.empty())) {
      notes_.push_back(fmt::format("line {}: `{}` is read as {}, since the script does not set it",
                                   Line(), head, subject.text.empty() ? "nothing" : subject.text));
    }
    Blank(at_, end);
    at_ = end;
  }

  /// "16B|27B)" in front of the statements of a case.
  void Pattern() {
    const std::size_t close = std::min(text_.find(')', at_), text_.size());
    std::string_view all = text_.substr(at_, close - at_);
    Frame& frame = frames_.back();
    bool fits = false;
    while (!all.empty()) {
      const std::size_t bar = std::min(all.find('|'), all.size());
      const std::vector<std::string> words = WordsOf(all.substr(0, bar));
      fits =
          fits || (!words.empty() && fnmatch(words.front().c_str(), frame.subject.c_str(), 0) == 0);
      all.remove_prefix(std::min(bar + 1, all.size()));
    }
    frame.runs = fits && !frame.taken;
    frame.taken = frame.taken || fits;
    frame.pattern = false;
    Blank(at_, std::min(close + 1, text_.size()));
    at_ = std::min(close + 1, text_.size());
  }

  /// A statement that is run: tests in front of && decide on the rest of it, assignments are kept.
  void Run(std::size_t begin, std::size_t end) {
    std::string_view whole = text_.substr(begin, end - begin);
    const std::size_t both = whole.find(" && ");
    if (whole.starts_with("[") && both != std::string_view::npos) {
      Condition test(whole.substr(0, both), set_);
      const Truth value = test.Value();
      NoteChoice(Bare(whole.substr(0, both)), value, test, notes_);
      Blank(begin, value == Truth(false) ? end : begin + both + 4);
      return value == Truth(false) ? void() : Run(begin + both + 4, end);
    }
    if (whole.starts_with("[") && whole.find(" || ") != std::string_view::npos) {
      Blank(begin, end);
      return;
    }
    for (const char* front : {"export ", "local ", "declare ", "readonly "}) {
      whole.remove_prefix(whole.starts_with(front) ? std::string_view(front).size() : 0);
    }
    whole = Bare(whole);
    const std::size_t equals = whole.find('=');
    const bool variable =
        equals != std::string_view::npos && equals > 0 &&
        std::all_of(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(equals), [](char c) {
          return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
        });
    if (!variable || whole.substr(equals + 1).starts_with("(")) {
      return;
    }
    const std::vector<std::string> words = WordsOf(whole.substr(equals + 1));
    const FilledText value = FillShell(words.empty() ? "" : words.front(), set_, false);
    const std::string name(whole.substr(0, equals));
    if (value.known) {
      set_[name] = value.text;
    } else {
      set_.erase(name);
    }
  }

  std::string_view text_;
  std::string out_;
  std::vector<std::string>& notes_;
  ShellVariables set_;
  std::vector<Frame> frames_;
  std::size_t at_ = 0;
};

}  // namespace

std::string TakenBranches(std::string_view text, std::vector<std::string>& notes) {
  return Branches(text, notes).Read();
}

}  // namespace gridlock
