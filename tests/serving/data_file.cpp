#include "tests/serving/data_file.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace gridlock {

namespace {

std::vector<std::string> Cells(std::string line) {
  line.erase(std::remove(line.begin(), line.end(), '\r'), line.end());
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) {
    cells.push_back(cell);
  }
  return cells;
}

}  // namespace

std::string DataFile(const std::string& name) {
  const char* const folder = std::getenv("GRIDLOCK_DATA");
  if (folder == nullptr || !std::filesystem::is_directory(folder)) {
    return "";
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().filename() == name) {
      return entry.path();
    }
  }
  return "";
}

std::vector<std::map<std::string, std::string>> CsvRows(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  const std::vector<std::string> names = Cells(line);
  std::vector<std::map<std::string, std::string>> rows;
  while (std::getline(in, line)) {
    const std::vector<std::string> cells = Cells(line);
    std::map<std::string, std::string> row;
    for (std::size_t i = 0; i < std::min(names.size(), cells.size()); ++i) {
      row[names[i]] = cells[i];
    }
    rows.push_back(row);
  }
  return rows;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

}  // namespace gridlock
