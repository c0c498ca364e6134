#pragma once

#include <vector>

#include "sim/pages/confirmation.h"
#include "sim/record/dataset.h"

namespace gridlock {

/// Simulates the first step of a trace anew with ten per cent more of each thing that paces it
/// most. None of what is no training step. Throws UserError when the scenario of the trace cannot
/// be read; what cannot be built with ten per cent more has its reason.
std::vector<Confirmation> Confirm(const Dataset& step, bool quiet);

}  // namespace gridlock
