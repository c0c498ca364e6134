#pragma once

// A test of a collective for people, as nccl-tests prints it.

#include <string>

#include "sim/record/step_record.h"
#include "sim/record/trace_header.h"

namespace gridlock {

/// The table of a record's `tested`, at most 100 columns wide, with a final newline: for each size
/// the algorithm that a library takes, and, where several were tried, the fastest other one.
std::string CollectiveTestText(const TraceHeader& header, const StepRecord& record);

/// All rows as CSV: size_bytes,algorithm,time_us,algbw_gbs,busbw_gbs,wall,busiest,utilisation,
/// fastest,chosen (1 or 0), with a header line.
std::string CollectiveTestCsv(const StepRecord& record);

/// "64 MiB" or "1 GB": the shorter one of those that are exact.
std::string FormatBuffer(Bytes size);

/// All rows as JSON, numbers in SI units with the unit in the key, `fingerprint` at the top level.
std::string CollectiveTestJson(const TraceHeader& header, const StepRecord& record);

}  // namespace gridlock
