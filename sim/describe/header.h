#pragma once

// What is known of a run before its first step: the head of its trace and of its report.

#include <string>

#include "sim/record/trace_header.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

/// The head of a run: of the step for a scenario without a horizon, else of all its sites and jobs.
/// It lists those estimates of the catalogue that the run reads. The caller adds the program and
/// the command line.
TraceHeader HeaderOf(const Scenario& scenario);

/// A hash of all files of the catalogue, 16 hexadecimal digits: any change of an entry changes it.
std::string CatalogueHash();

}  // namespace gridlock
