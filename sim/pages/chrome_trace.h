#pragma once

#include <string>

#include "sim/record/dataset.h"

namespace gridlock {

/// The timeline of a step (its first row), or the jobs of a life, in the trace event format that
/// ui.perfetto.dev and chrome://tracing open: a track per pipeline stage, or per site, and a
/// counter per series. Times are in microseconds. Throws UserError for files without a time axis.
std::string ChromeTraceJson(const Dataset& dataset);

}  // namespace gridlock
