#include "tools/explain_names.h"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "sim/base/check.h"
#include "sim/base/names.h"
#include "sim/describe/catalogue_text.h"
#include "sim/describe/schema_text.h"
#include "sim/report/output_docs.h"

namespace gridlock {
namespace {

constexpr std::size_t kMost = 8;  // of the fields that have one name

/// The text between the first two backquotes; "" without them.
std::string InBackquotes(const std::string& line) {
  const std::size_t begin = line.find('`');
  const std::size_t end = begin == std::string::npos ? begin : line.find('`', begin + 1);
  return end == std::string::npos ? "" : line.substr(begin + 1, end - begin - 1);
}

/// Messages, fields and values of the schema, as gridlock schema prints them.
Explanation InSchema(const std::string& wanted) {
  Explanation part{"In scenarios and catalogue entries", {}};
  std::istringstream in(SchemaText());
  std::string message;
  bool named = false;
  std::size_t more = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) {
      message = line.substr(3);
      named = LettersOf(message) == wanted;
    } else if (named && !line.empty()) {
      part.lines.push_back(fmt::format("{}: {}", message, line));
      part.lines.push_back("  gridlock schema " + message);
      named = false;
    } else if (line.starts_with("- `") && LettersOf(InBackquotes(line)) == wanted) {
      part.lines.size() >= 2 * kMost
          ? void(++more)
          : void(part.lines.push_back(fmt::format("{}.{}", message, line.substr(2))));
      if (more == 0) {
        part.lines.push_back("  gridlock schema " + message);
      }
    }
  }
  if (more > 0) {
    part.lines.push_back(fmt::format("and {} fields more", more));
  }
  return part;
}

/// The last member of a path in summary.json: "mean_share" of "utilisation{}.mean_share".
std::string LastMember(const std::string& path) {
  std::string last = path.substr(path.rfind('.') == std::string::npos ? 0 : path.rfind('.') + 1);
  while (last.ends_with("[]") || last.ends_with("{}")) {
    last.resize(last.size() - 2);
  }
  return last;
}

/// Variables of traces and members of summary.json, as gridlock schema --outputs lists them.
Explanation InOutputs(const std::string& wanted) {
  Explanation part{"In outputs", {}};
  std::istringstream in(OutputsMarkdown());
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| ")) {
      continue;
    }
    std::vector<std::string> cells;
    std::istringstream row(line.substr(2));
    for (std::string cell; std::getline(row, cell, '|');) {
      while (cell.ends_with(' ')) {
        cell.pop_back();
      }
      cells.push_back(cell.substr(std::min(cell.size(), cell.find_first_not_of(' '))));
    }
    if (cells.size() < 6) {
      continue;
    }
    const std::string variable = InBackquotes(cells[0]), member = InBackquotes(cells[4]);
    if (LettersOf(variable) == wanted || LettersOf(LastMember(member)) == wanted) {
      const std::string unit = cells[3].empty() || cells[3] == "1" ? "" : ", in " + cells[3];
      part.lines.push_back(fmt::format(
          "{}{}: {}", variable.empty() ? member + " of summary.json" : variable + " of trace.h5",
          unit, cells[5]));
    }
    if (part.lines.size() == kMost) {
      break;
    }
  }
  if (!part.lines.empty()) {
    part.lines.emplace_back("  gridlock schema --outputs");
  }
  return part;
}

/// The head of an entry of the catalogue: what it is and what it is called.
Explanation InCatalogue(const std::string& name) {
  Explanation part{"In the catalogue", {}};
  try {
    std::istringstream in(EntryText(ReadCatalogue({}), name));
    std::string kind, id, title;
    std::getline(in, kind);
    std::getline(in, id);
    std::getline(in, title);
    std::istringstream words(title);
    std::string field;
    words >> field >> std::ws;
    std::getline(words, title);
    part.lines.push_back(field == "title" ? fmt::format("{}: {}", kind, title) : kind);
    part.lines.push_back("  gridlock catalog show " + name);
  } catch (const UserError&) {
    // No entry has this name.
  }
  return part;
}

}  // namespace

std::vector<Explanation> MeaningsOf(const std::string& name) {
  std::vector<Explanation> parts;
  for (Explanation part :
       {InSchema(LettersOf(name)), InOutputs(LettersOf(name)), InCatalogue(name)}) {
    if (!part.lines.empty()) {
      parts.push_back(std::move(part));
    }
  }
  return parts;
}

}  // namespace gridlock
