#pragma once

// A sweep for people: what was run, a table, the verdicts.

#include <string>
#include <vector>

#include "sim/record/trace_header.h"
#include "sim/sweep/run_sweep.h"
#include "sim/sweep/verdict.h"

namespace gridlock {

/// The report for a screen of 100 columns. With two axes or more each output of `show` has
/// tables over the last two; with one axis or none the outputs stand beside the points.
std::string SweepText(const Sweep& sweep, const TraceHeader& header, const SweepOutcome& outcome,
                      const std::vector<VerdictResult>& verdicts, const std::string& journal);

/// The same without the table as JSON; the points themselves are in results.csv.
std::string SweepJson(const Sweep& sweep, const TraceHeader& header, const SweepOutcome& outcome,
                      const std::vector<VerdictResult>& verdicts);

}  // namespace gridlock
