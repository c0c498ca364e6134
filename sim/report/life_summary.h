#pragma once

// The life of a cluster for people (a screen) and for programs (JSON).

#include <string>

#include "sim/record/life_record.h"
#include "sim/record/trace_header.h"

namespace gridlock {

/// What a planner wants to know first, at most 100 columns wide, with a final newline. Of long
/// lists the first few are shown, and how many there are.
std::string LifeSummaryText(const TraceHeader& header, const LifeRecord& record);

/// The record without its series, and what follows from it, as JSON: numbers in SI units with the
/// unit in the key, `fingerprint` at the top level, null for what never came or is not known.
std::string LifeSummaryJson(const TraceHeader& header, const LifeRecord& record);

}  // namespace gridlock
