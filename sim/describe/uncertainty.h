#pragma once

// How far simulated step times were off published ones, as far as it says something of a run.

#include <optional>
#include <string>
#include <vector>

#include "sim/record/trace_header.h"

namespace gridlock {

/// One line of workloads/validation/uncertainty.csv, which tools/calibrate.py uncertainty writes.
struct UncertaintyRow {
  std::string group;  ///< all, stack, accelerator, pair, without_stack or without_accelerator
  std::string stack, accelerator;  ///< catalogue names; "*": each of them; "": any
  int rows = 0;                    ///< published runs
  double median_pct = 0, p90_pct = 0;
};

/// The rows of the table's text. Throws UserError when a cell is not as expected.
std::vector<UncertaintyRow> ReadUncertainty(const std::string& file, const std::string& text);

/// What to expect of a stack on an accelerator. Where runs of both together are known, their
/// errors; where each is known from other runs, the larger ones of both; where one is not known,
/// the errors of runs whose own stack or accelerator was left out.
std::optional<ExpectedError> ExpectedErrorOf(const std::vector<UncertaintyRow>& table,
                                             const std::string& stack,
                                             const std::string& accelerator);

/// The same by the table that is shipped; nothing without it.
std::optional<ExpectedError> ExpectedErrorOf(const std::string& stack,
                                             const std::string& accelerator);

}  // namespace gridlock
