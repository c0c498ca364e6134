#pragma once

// Tables of measurements of any kind: one row is one measured number and what it was measured on.
// A table is a CSV file whose first line names the columns, in any order. Which of them a kind of
// measurement reads is its own matter (collective_cases.h); here every cell is a text. A row that
// makes no sense is reported as a row, with the reason, and never refuses the table.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/schema/problems.h"
#include "sim/validation/case_scenario.h"
#include "sim/validation/statistics.h"

namespace gridlock {

/// One row, by the names of its columns.
struct MeasuredRow {
  std::string file;
  int line = 0;
  std::map<std::string, std::string> cells;
  std::string problem;  ///< why the line is no row: quotes that do not close; else ""

  /// The cell of a column; "" where the table has no such column.
  [[nodiscard]] std::string Text(const std::string& column) const;

  /// The number in a cell; nothing where the cell is blank or no finite number.
  [[nodiscard]] std::optional<double> Number(const std::string& column) const;
};

/// The rows of a table. Throws UserError when the file cannot be read or lacks one of the columns
/// that every row needs: "id" and those of `needed`.
std::vector<MeasuredRow> LoadMeasured(const std::string& file,
                                      const std::vector<std::string>& needed);

/// A row and what came of it.
struct MeasuredResult {
  MeasuredRow row;
  CaseStatus status = CaseStatus::kSimulated;
  std::string reason;  ///< why there is no prediction, or what the row's reader assumed
  std::optional<double> published;  ///< in the unit of the row's metric
  std::optional<double> predicted;  ///< the same
  [[nodiscard]] std::optional<double> error_pct() const;
};

/// Rows that share the text of a column, with their figures.
struct MeasuredGroup {
  std::string by, name, role;
  ErrorStatistics figures;
};

struct MeasuredReport {
  std::vector<std::string> tables;
  std::vector<MeasuredResult> results;
  std::vector<MeasuredGroup> groups;
};

/// Groups over all rows with a known number, by role, and within each role by each of `columns`.
std::vector<MeasuredGroup> GroupMeasured(const std::vector<MeasuredResult>& results,
                                         const std::vector<std::string>& columns);

/// Rows, then figures by group; CSV: id,role,published,predicted,error_pct,status,reason; JSON.
std::string MeasuredText(const MeasuredReport& report);
std::string MeasuredCsv(const MeasuredReport& report);
std::string MeasuredJson(const MeasuredReport& report);

}  // namespace gridlock
