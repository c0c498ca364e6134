#include "sim/pages/scenario_fields.h"

#include <map>
#include <sstream>

#include "sim/base/numbers.h"

namespace gridlock {
namespace {

/// One line of a message: a field, or the beginning of a message in it.
struct Entry {
  std::string name;
  std::string value;           ///< of a field
  std::vector<Entry> message;  ///< of a message
  bool is_message = false;
};

std::string Trimmed(const std::string& line) {
  const std::size_t first = line.find_first_not_of(" \t\r");
  const std::size_t last = line.find_last_not_of(" \t\r");
  return first == std::string::npos ? "" : line.substr(first, last - first + 1);
}

std::vector<Entry> Entries(std::istream& in) {
  std::vector<Entry> entries;
  for (std::string line; std::getline(in, line);) {
    line = Trimmed(line);
    if (line == "}") {
      break;
    }
    const std::size_t end = line.find_first_of(": {");
    if (line.empty() || line[0] == '#' || end == std::string::npos) {
      continue;
    }
    Entry entry;
    entry.name = line.substr(0, end);
    entry.is_message = line.back() == '{';
    if (entry.is_message) {
      entry.message = Entries(in);
    } else {
      entry.value = Trimmed(line.substr(end + 1));
    }
    entries.push_back(entry);
  }
  return entries;
}

void AddFields(const std::vector<Entry>& entries, const std::string& before,
               std::vector<std::pair<std::string, std::string>>& fields) {
  std::map<std::string, int> count, seen;
  for (const Entry& entry : entries) {
    ++count[entry.name];
  }
  for (const Entry& entry : entries) {
    std::string path = before + entry.name;
    if (count[entry.name] > 1) {
      path += "[" + std::to_string(seen[entry.name]++) + "]";
    }
    if (!entry.is_message) {
      fields.emplace_back(path, entry.value);
    } else if (entry.message.empty()) {
      fields.emplace_back(path, "{}");
    } else {
      AddFields(entry.message, path + ".", fields);
    }
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> FieldsOfText(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::pair<std::string, std::string>> fields;
  AddFields(Entries(in), "", fields);
  return fields;
}

std::string FieldEndingIn(const std::vector<std::pair<std::string, std::string>>& fields,
                          const std::string& end) {
  for (const auto& [path, value] : fields) {
    if (path.ends_with(end)) {
      return value;
    }
  }
  return "";
}

double NumberEndingIn(const std::vector<std::pair<std::string, std::string>>& fields,
                      const std::string& end, double otherwise) {
  const std::string value = FieldEndingIn(fields, end);
  return ParseNumber(value).value_or(otherwise);
}

}  // namespace gridlock
