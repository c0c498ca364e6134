#pragma once

// Tables as RFC 4180 writes them: cells between commas, in double quotes when they hold commas or
// quotes. A cell ends within its line.

#include <string>
#include <string_view>
#include <vector>

#include "sim/schema/problems.h"

namespace gridlock {

struct CsvCell {
  std::string text;  ///< without its quotes
  int column = 0;    ///< from 1, in characters: where the cell begins in its line
};

struct CsvLine {
  int line = 0;                ///< from 1
  std::vector<CsvCell> cells;  ///< none where the line cannot be split
  std::string problem;         ///< why it cannot be; "" where it can
};

/// Splits `text` into lines and cells; empty lines are left out. Quotes that do not close, and text
/// behind closing quotes, go to `problems` with their place in `file`, and the line has no cells.
std::vector<CsvLine> ReadCsv(const std::string& file, std::string_view text, ProblemList& problems);

/// `text` as one cell: in quotes when it must be.
std::string CsvQuoted(std::string_view text);

}  // namespace gridlock
