#include "sim/interop/shell_text.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>
#include <fnmatch.h>

#include "sim/interop/shell_condition.h"

namespace gridlock {

namespace {

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
    const bool tested = text_.substr(from).starts_with("[");  // { ... } may stand behind it
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
      const bool opens = c == '(' || (tested && c == '{');
      depth += opens ? 1 : c == ')' || (tested && c == '}') ? -1 : 0;
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
      next_ = end;
      Run(at_, end);
      at_ = std::max(next_, at_ + 1);
      return;
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
    const Condition test = ConditionOf(condition, set_);
    Truth value = test.value;
    if (value && word == "until") {
      value = !*value;
    }
    frame.runs = frame.taken = value.value_or(true);
    if (frame.kind == Kind::kIf) {
      NoteChoice(Bare(condition), value, test, frame.notes);
    }
  }

  void NoteChoice(std::string_view what, Truth value, const Condition& test,
                  std::vector<std::string>& notes) {
    std::string names;
    for (const std::string& name : test.unset) {
      const bool place = std::isdigit(static_cast<unsigned char>(name[0])) != 0;
      names += place ? "" : (names.empty() ? "" : ", ") + name;
    }
    const char* const taken = value.value_or(true) ? "taken" : "not taken";
    if (!value || test.of_files) {
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

  /// "[ A ] && B || C": what is run of it stays. False where no && or || stands behind a test.
  bool RunTested(std::size_t begin, std::size_t end) {
    const std::string_view whole = text_.substr(begin, end - begin);
    const std::string_view close = whole.starts_with("[[") ? " ]] " : " ] ";
    const std::size_t closed = whole.find(close);
    if (!whole.starts_with("[") || closed == std::string_view::npos) {
      return false;
    }
    const std::string_view tested = whole.substr(0, closed + close.size());
    const std::string_view rest = whole.substr(tested.size());
    const bool both = rest.starts_with("&& ");
    if (!both && !rest.starts_with("|| ")) {
      return false;
    }
    constexpr std::size_t kMark = 3;  // "&& "
    const Condition test = ConditionOf(tested, set_);
    const Truth value = test.value;
    bool runs = value.value_or(true) == both;
    NoteChoice(Bare(tested), both ? value : Truth(runs), test, notes_);
    std::size_t from = begin + tested.size() + kMark, to = end;
    const std::size_t other = both ? whole.find(" || ", tested.size()) : std::string_view::npos;
    const bool again = runs && rest.substr(kMark).starts_with("[");  // decides on C, too
    if (other != std::string_view::npos && !again) {
      (runs ? to : from) = begin + other + (runs ? 0 : kMark + 1);
      runs = true;
    }
    Blank(begin, runs ? from : end);
    Blank(to, end);
    if (runs && text_[from] == '{') {  // its statements come next
      const std::size_t last = text_.rfind('}', to - 1);
      Blank(from, from + 1);
      Blank(last, last + 1);
      next_ = from + 1;
    } else if (runs) {
      Run(from, to);
    }
    return true;
  }

  /// A statement that is run: tests in front decide on the rest of it, assignments are kept.
  void Run(std::size_t begin, std::size_t end) {
    if (RunTested(begin, end)) {
      return;
    }
    std::string_view whole = text_.substr(begin, end - begin);
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
  std::size_t next_ = 0;  ///< where reading goes on behind the statement
};

}  // namespace

std::string TakenBranches(std::string_view text, std::vector<std::string>& notes) {
  return Branches(text, notes).Read();
}

}  // namespace gridlock
