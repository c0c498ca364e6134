#pragma once

// An all-to-all whose parts differ (all_to_allv): every pair of ranks is a message of its own, and
// all messages share the links max-min fairly until the last one is done.

#include "sim/record/step_record.h"
#include "sim/study/evaluate.h"
#include "topologies/network.h"
#include "workloads/program/collective_test.h"

namespace gridlock {

/// What rank i of a group of n sends to rank j, at [i n + j], over the buffer of a rank in the
/// mean.
std::vector<double> UnevenParts(const CollectiveTestSpec& test, int n);

/// Throws UserError when no evaluator of that fidelity can run the test.
void CheckUneven(const CollectiveTestSpec& test, Fidelity fidelity);

/// @param program of the test @param server with the transports of its protocol
StepRecord EvaluateUneven(const CollectiveTestSpec& test, const StepProgram& program,
                          const Network& network, const ServerSpec& server, Fidelity fidelity);

}  // namespace gridlock
