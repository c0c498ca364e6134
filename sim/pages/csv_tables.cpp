#include "sim/pages/csv_tables.h"

#include <cmath>
#include <map>

#include <fmt/format.h>

namespace gridlock {
namespace {

std::string CsvQuoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) {
    return text;
  }
  std::string out = "\"";
  for (const char c : text) {
    out += c == '"' ? std::string("\"\"") : std::string(1, c);
  }
  return out + '"';
}

std::string Cell(const DatasetVariable& variable, std::size_t index) {
  if (variable.is_text) {
    return index < variable.texts.size() ? CsvQuoted(variable.texts[index]) : "";
  }
  if (index >= variable.numbers.size() || !std::isfinite(variable.numbers[index])) {
    return "";
  }
  const double value = variable.numbers[index];
  const auto flag = static_cast<std::size_t>(value);
  return flag < variable.flags.size() ? variable.flags[flag] : fmt::format("{}", value);
}

/// What stands at a position along a dimension: its coordinate, or the number.
std::string Label(const Dataset& dataset, const std::string& dimension, std::size_t index) {
  const DatasetVariable* const scale = dataset.Find(dimension);
  return scale == nullptr ? std::to_string(index) : Cell(*scale, index);
}

std::string Table(const Dataset& dataset, const std::vector<const DatasetVariable*>& columns) {
  const DatasetVariable& first = *columns.front();
  std::string out = fmt::format("{}", fmt::join(first.dimensions, ","));
  std::size_t rows = 1;
  for (const std::size_t length : first.shape) {
    rows *= length;
  }
  for (const DatasetVariable* column : columns) {
    out += "," + column->name;
  }
  out += "\n";
  for (std::size_t row = 0; row < rows; ++row) {
    std::size_t rest = row;
    std::string line;
    for (std::size_t d = first.shape.size(); d-- > 0;) {
      const std::string label = Label(dataset, first.dimensions[d], rest % first.shape[d]);
      line = label + (line.empty() && d + 1 == first.shape.size() ? "" : ",") + line;
      rest /= first.shape[d];
    }
    for (const DatasetVariable* column : columns) {
      line += "," + Cell(*column, row);
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> CsvTables(const Dataset& dataset) {
  std::map<std::string, std::vector<const DatasetVariable*>> groups;
  for (const DatasetVariable& variable : dataset.variables) {
    const bool is_scale =
        variable.dimensions.size() == 1 && variable.dimensions[0] == variable.name;
    if (!is_scale && !variable.dimensions.empty()) {
      groups[fmt::format("{}", fmt::join(variable.dimensions, "-"))].push_back(&variable);
    }
  }
  std::vector<std::pair<std::string, std::string>> tables;
  for (const auto& [name, columns] : groups) {
    tables.emplace_back(name, Table(dataset, columns));
  }
  return tables;
}

}  // namespace gridlock
