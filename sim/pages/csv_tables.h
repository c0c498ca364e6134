#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sim/record/dataset.h"

namespace gridlock {

/// The variables of a dataset as tables: one for each set of dimensions that some variables share,
/// named after them ("cap-resource"), with a line for each position. Numbers read back to the same
/// bits; what is not there is empty.
std::vector<std::pair<std::string, std::string>> CsvTables(const Dataset& dataset);

}  // namespace gridlock
