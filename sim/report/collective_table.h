#pragma once

// A test of a collective for people, as nccl-tests prints it.

#include <string>

#include "sim/record/step_record.h"
#include "sim/record/trace_header.h"

namespace gridlock {

/// The table of a record's `tested`, at most 100 columns wide, with a final newline: for each size
/// the fastest algorithm, and, where several were tried, how much longer the second took.
std::string CollectiveTestText(const TraceHeader& header, const StepRecord& record);

/// All rows as JSON, numbers in SI units with the unit in the key, `fingerprint` at the top level.
std::string CollectiveTestJson(const TraceHeader& header, const StepRecord& record);

}  // namespace gridlock
