#pragma once

// JSON as CSV: a column for each number, a row for each point.

#include <string>

namespace gridlock {

/// Members of objects become columns "outer.inner". Where the object has a list of objects called
/// `rows`, each is a row, with the other columns repeated; other lists are left out.
/// @pre json is an object that JsonWriter wrote
std::string CsvOfJson(const std::string& json, const std::string& rows);

}  // namespace gridlock
