#pragma once

// Measurements and traces of others, which are not part of the source tree: tests that need them
// are skipped without.

#include <map>
#include <string>
#include <vector>

namespace gridlock {

/// For the message of a skipped test.
inline constexpr const char* kWhereDataIs = "the folder that GRIDLOCK_DATA names";

/// Path of the file of this name in or below the folder in $GRIDLOCK_DATA; "" when there is none.
std::string DataFile(const std::string& name);

/// Rows of a CSV file without quotes, by the names of its first line.
std::vector<std::map<std::string, std::string>> CsvRows(const std::string& path);

/// The middle one; of an even number the upper of the two.
double Median(std::vector<double> values);

}  // namespace gridlock
