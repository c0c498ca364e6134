#pragma once

// The trace of a test of a collective: one row per size and algorithm along the dimension `row`, in
// the order in which they ran. The root attribute `kind` is "collective_test".

#include <string>

#include "sim/record/step_record.h"
#include "sim/record/trace_header.h"

namespace gridlock {

/// Writes `record.tested` to `path`. Throws RecordError.
void WriteCollectiveTrace(const std::string& path, const TraceHeader& header,
                          const StepRecord& record);

}  // namespace gridlock
