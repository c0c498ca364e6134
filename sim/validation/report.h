#pragma once

// A validation as text for people, and as CSV or JSON for programs.

#include <string>

#include "sim/validation/validate.h"

namespace gridlock {

/// Rows, then figures by group, then what the figures mean.
std::string ValidationText(const ValidationReport& report);

/// The rows, with a header line: id,role,published_s,predicted_s,error_pct,status,reason, then
/// stack, accelerator, nearest_id, nearest_s, nearest_error_pct, source and model.
std::string ValidationCsv(const ValidationReport& report);

/// Rows and figures.
std::string ValidationJson(const ValidationReport& report);

}  // namespace gridlock
