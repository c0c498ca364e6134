#pragma once

// What a test of a collective measured, from the log of its program.

#include <vector>

#include "sim/measure/step_log.h"
#include "sim/record/step_record.h"
#include "workloads/program/collective_test.h"

namespace gridlock {

/// One row for each size and algorithm, in the order of the program. The time of a row is that of
/// the slowest group, mean over the iterations. Of each size the fastest algorithm is marked; of
/// two alike the first.
std::vector<CollectiveResult> CollectiveResults(const CollectiveTestSpec& test,
                                                const StepProgram& program, const Plan& plan,
                                                const ServerSpec& server, const StepLog& log);

}  // namespace gridlock
