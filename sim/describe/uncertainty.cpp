#include "sim/describe/uncertainty.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "sim/base/numbers.h"
#include "sim/catalogue/folders.h"
#include "sim/schema/csv.h"
#include "sim/schema/files.h"

namespace gridlock {

namespace {

constexpr const char* kColumns[] = {"group",   "stack",      "accelerator", "rows",
                                    "refused", "median_pct", "p90_pct"};

double NumberIn(const CsvLine& line, std::size_t column, const std::string& file,
                ProblemList& problems) {
  const CsvCell& cell = line.cells[column];
  const double value = ParseNumber(cell.text).value_or(-1);
  if (value < 0) {
    problems.Add({file, line.line, cell.column}, "",
                 fmt::format("{} is \"{}\"; expected a number of zero or more", kColumns[column],
                             cell.text));
  }
  return value;
}

const UncertaintyRow* Find(const std::vector<UncertaintyRow>& table, const std::string& group,
                           const std::string& stack, const std::string& accelerator) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const UncertaintyRow& row) {
    return row.group == group && row.stack == stack && row.accelerator == accelerator;
  });
  return found == table.end() ? nullptr : &*found;
}

ExpectedError Of(const UncertaintyRow& row, const std::string& basis) {
  return {row.rows, row.median_pct, row.p90_pct, basis};
}

// The one of both that errs more.
ExpectedError Larger(const UncertaintyRow& a, const UncertaintyRow& b, const std::string& basis) {
  return Of(a.p90_pct >= b.p90_pct ? a : b, basis);
}

}  // namespace

std::vector<UncertaintyRow> ReadUncertainty(const std::string& file, const std::string& text) {
  ProblemList problems;
  std::vector<UncertaintyRow> table;
  const std::vector<CsvLine> lines = ReadCsv(file, text, problems);
  for (const CsvLine& line : lines) {
    if (&line == &lines.front()) {
      for (std::size_t i = 0; i < std::size(kColumns); ++i) {
        if (line.cells.size() <= i || line.cells[i].text != kColumns[i]) {
          problems.Add({file, line.line, 0}, "",
                       fmt::format("expected the columns {}", fmt::join(kColumns, ", ")));
          break;
        }
      }
      problems.ThrowIfAny();
      continue;
    }
    if (line.cells.size() < std::size(kColumns)) {
      problems.Add(
          {file, line.line, 0}, "",
          fmt::format("{} cells; expected {} or more", line.cells.size(), std::size(kColumns)));
      continue;
    }
    UncertaintyRow& row = table.emplace_back();
    row.group = line.cells[0].text;
    row.stack = line.cells[1].text;
    row.accelerator = line.cells[2].text;
    row.rows = static_cast<int>(NumberIn(line, 3, file, problems));
    row.median_pct = NumberIn(line, 5, file, problems);
    row.p90_pct = NumberIn(line, 6, file, problems);
  }
  problems.ThrowIfAny();
  return table;
}

std::optional<ExpectedError> ExpectedErrorOf(const std::vector<UncertaintyRow>& table,
                                             const std::string& stack,
                                             const std::string& accelerator) {
  if (const UncertaintyRow* pair = Find(table, "pair", stack, accelerator)) {
    return Of(*pair, fmt::format("published runs of {} on {}", stack, accelerator));
  }
  const UncertaintyRow* const of_stack = Find(table, "stack", stack, "");
  const UncertaintyRow* const of_part = Find(table, "accelerator", "", accelerator);
  const UncertaintyRow* const any_stack = Find(table, "without_stack", "*", "");
  const UncertaintyRow* const any_part = Find(table, "without_accelerator", "", "*");
  if (of_stack != nullptr && of_part != nullptr) {
    const bool stack_errs = of_stack->p90_pct >= of_part->p90_pct;
    return Larger(*of_stack, *of_part,
                  fmt::format("published runs of {}; too few of {} on {} are known",
                              stack_errs ? stack : accelerator, stack, accelerator));
  }
  if (any_stack == nullptr || any_part == nullptr) {
    return std::nullopt;
  }
  if (of_stack != nullptr) {
    return Of(*any_part,
              fmt::format("published runs, the accelerator of each left out: none of {} is known",
                          accelerator));
  }
  if (of_part != nullptr) {
    return Of(
        *any_stack,
        fmt::format("published runs, the stack of each left out: none of {} is known", stack));
  }
  return Larger(*any_stack, *any_part,
                fmt::format("published runs, the stack or accelerator of each left out: none of {} "
                            "or {} is known",
                            stack, accelerator));
}

std::optional<ExpectedError> ExpectedErrorOf(const std::string& stack,
                                             const std::string& accelerator) {
  const std::string file =
      (std::filesystem::path(ShippedRoot()) / "workloads/validation/uncertainty.csv").string();
  ProblemList problems;
  std::string text;
  std::error_code error;
  if (!std::filesystem::exists(file, error) || !ReadFile(file, {file, 0, 0}, text, problems)) {
    return std::nullopt;
  }
  return ExpectedErrorOf(ReadUncertainty(file, text), stack, accelerator);
}

}  // namespace gridlock
