#pragma once

// What every trace says of its run, as attributes of the file.

#include <string>

#include "sim/record/hdf5_file.h"
#include "sim/record/trace_header.h"

namespace gridlock {

/// Version of the layouts in trace.h and life_trace.h; the root attribute `schema_version`.
inline constexpr int kTraceSchemaVersion = 1;

/// Writes the header as root attributes. @param kind of the trace: "step" or "life"
void WriteHeaderAttributes(Hdf5File& file, const TraceHeader& header, const std::string& kind);

}  // namespace gridlock
