#pragma once

// What is known of a run before its first step: the head of its trace and of its report.

#include "sim/record/trace_header.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

/// The head of the step of a scenario without a horizon, else of all its sites and jobs. Of the
/// catalogue's estimates it has those that the run reads. Who runs it, and by which command, is
/// left to the caller.
TraceHeader HeaderOf(const Scenario& scenario);

}  // namespace gridlock
