#include "sim/report/csv_of_json.h"

#include <utility>
#include <vector>

#include "sim/base/check.h"

namespace gridlock {

namespace {

using Cells = std::vector<std::pair<std::string, std::string>>;

// Reads what JsonWriter writes: no escapes but those of strings, no comments.
class Flattener {
 public:
  Flattener(const std::string& json, std::string rows) : json_(json), rows_(std::move(rows)) {}

  std::string Csv() {
    Object("", common_);
    const std::vector<Cells> points = points_.empty() ? std::vector<Cells>(1) : points_;
    std::string text;
    for (std::size_t i = 0; i < points.size(); ++i) {
      Cells cells = common_;
      cells.insert(cells.end(), points[i].begin(), points[i].end());
      std::string names, values;
      for (const auto& [name, value] : cells) {
        names += (names.empty() ? "" : ",") + name;
        values += (values.empty() && &value == &cells.front().second ? "" : ",") + value;
      }
      text += (i == 0 ? names + "\n" : "") + values + "\n";
    }
    return text;
  }

 private:
  char Next() {
    while (at_ < json_.size() && (json_[at_] == ' ' || json_[at_] == '\n')) {
      ++at_;
    }
    CHECK(at_ < json_.size());
    return json_[at_];
  }

  // A string with its quotes, or a number or a word.
  std::string Token() {
    const std::size_t begin = at_;
    if (Next() == '"') {
      const std::size_t start = at_++;
      while (json_[at_] != '"') {
        at_ += json_[at_] == '\\' ? 2 : 1;
      }
      return json_.substr(start, ++at_ - start);
    }
    const std::size_t end = json_.find_first_of(",}] \n", std::max(begin, at_));
    std::string token = json_.substr(at_, end - at_);
    at_ = end;
    return token;
  }

  // A string of JSON as a cell: quotes are doubled.
  static std::string Cell(const std::string& token) {
    if (token.empty() || token.front() != '"') {
      return token == "null" ? "" : token;
    }
    std::string text;
    for (std::size_t i = 1; i + 1 < token.size(); ++i) {
      const bool escaped = token[i] == '\\' && i + 2 < token.size();
      i += escaped ? 1 : 0;
      text +=
          token[i] == '"' ? "\"\"" : std::string(1, escaped && token[i] == 'n' ? ' ' : token[i]);
    }
    return text.find_first_of(",\"") == std::string::npos ? text : "\"" + text + "\"";
  }

  void Object(const std::string& prefix, Cells& cells) {
    ++at_;  // {
    while (Next() != '}') {
      if (json_[at_] == ',') {
        ++at_;
        continue;
      }
      const std::string quoted = Token();
      const std::string name = prefix + quoted.substr(1, quoted.size() - 2);
      CHECK(Next() == ':');
      ++at_;
      Value(name, cells);
    }
    ++at_;
  }

  void Value(const std::string& name, Cells& cells) {
    if (Next() == '{') {
      Object(name + ".", cells);
    } else if (json_[at_] == '[') {
      List(name);
    } else {
      cells.emplace_back(name, Cell(Token()));
    }
  }

  void List(const std::string& name) {
    ++at_;  // [
    while (Next() != ']') {
      if (json_[at_] == ',') {
        ++at_;
        continue;
      }
      Cells cells;
      Value("", cells);
      for (auto& cell : cells) {
        cell.first.erase(0, cell.first.starts_with('.') ? 1 : 0);
      }
      if (name == rows_) {
        points_.push_back(cells);
      }
    }
    ++at_;
  }

  const std::string& json_;
  std::string rows_;
  std::size_t at_ = 0;
  Cells common_;
  std::vector<Cells> points_;
};

}  // namespace

std::string CsvOfJson(const std::string& json, const std::string& rows) {
  return Flattener(json, rows).Csv();
}

}  // namespace gridlock
