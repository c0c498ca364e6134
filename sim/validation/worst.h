#pragma once

// The rows with the largest errors, and what the simulated step says of each.

#include <string>
#include <vector>

#include "sim/record/step_record.h"
#include "sim/validation/validate.h"

namespace gridlock {

/// Of a simulated step.
StepSplit SplitOf(const StepRecord& record);

/// Rows of each role that the report tells of.
inline constexpr int kWorst = 10;

/// The simulated rows of a role with the largest errors, the largest first.
std::vector<const CaseResult*> WorstOf(const std::vector<CaseResult>& results,
                                       const std::string& role);

/// Why the two times may differ, from the row's own numbers: "the kernels alone take 5.9 s, longer
/// than the published step; ...". Empty where nothing was simulated.
std::string Explained(const CaseResult& result);

/// The table of a report. Empty for fewer rows than it would have lines.
std::string WorstText(const std::vector<CaseResult>& results);

}  // namespace gridlock
