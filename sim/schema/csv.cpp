#include "sim/schema/csv.h"

#include <algorithm>

namespace gridlock {

namespace {

// Characters, not bytes: bytes 10xxxxxx continue a character of UTF-8.
int Characters(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

class LineReader {
 public:
  LineReader(const std::string& file, int line, std::string_view text, ProblemList& problems)
      : file_(file), line_(line), text_(text), problems_(problems) {}

  CsvLine Read() {
    CsvLine out;
    out.line = line_;
    while (true) {
      CsvCell cell;
      cell.column = ColumnAt(at_);
      const bool quoted = at_ < text_.size() && text_[at_] == '"';
      if (!(quoted ? ReadQuoted(cell) : ReadPlain(cell))) {
        out.cells.clear();
        out.problem = problem_;
        return out;
      }
      out.cells.push_back(std::move(cell));
      if (at_ == text_.size()) {
        return out;
      }
      ++at_;  // the comma
    }
  }

 private:
  [[nodiscard]] int ColumnAt(std::size_t at) const { return Characters(text_.substr(0, at)) + 1; }

  bool Refuse(std::size_t at, const std::string& what, const std::string& expectation) {
    problem_ = Refusal(what, expectation);
    problems_.Add({file_, line_, ColumnAt(at)}, "", problem_);
    return false;
  }

  bool ReadPlain(CsvCell& cell) {
    const std::size_t end = std::min(text_.find(',', at_), text_.size());
    cell.text = std::string(text_.substr(at_, end - at_));
    const std::size_t quote = cell.text.find('"');
    if (quote != std::string::npos) {
      return Refuse(at_ + quote, "there is a quote within a cell that does not begin with one",
                    "the whole cell in quotes, and quotes in it doubled");
    }
    at_ = end;
    return true;
  }

  bool ReadQuoted(CsvCell& cell) {
    const std::size_t open = at_;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] != '"') {
        cell.text += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        cell.text += '"';
        ++at_;
      } else {
        ++at_;
        return at_ == text_.size() || text_[at_] == ',' ||
               Refuse(at_, "there is text behind the closing quote of a cell",
                      "a comma, or quotes in the cell doubled");
      }
    }
    return Refuse(open, "the quote that opens this cell is not closed in its line",
                  "a closing quote");
  }

  const std::string& file_;
  int line_;
  std::string_view text_;
  ProblemList& problems_;
  std::string problem_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<CsvLine> ReadCsv(const std::string& file, std::string_view text,
                             ProblemList& problems) {
  std::vector<CsvLine> lines;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (!line.empty() && line.back() == '\r') {
      line.remove_suffix(1);
    }
    if (line.empty()) {
      continue;
    }
    lines.push_back(LineReader(file, number, line, problems).Read());
  }
  return lines;
}

std::string CsvQuoted(std::string_view text) {
  if (text.find_first_of(",\"\n\r") == std::string_view::npos) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c;
    if (c == '"') {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace gridlock
