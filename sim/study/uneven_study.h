#pragma once

// An all-to-all whose parts differ (all_to_allv): every pair of ranks is a message of its own, and
// all messages share the links max-min fairly until the last one is done.

#include <vector>

#include "sim/plan/flow_plan.h"
#include "sim/record/step_record.h"
#include "sim/study/evaluate.h"
#include "topologies/network.h"
#include "workloads/program/collective_test.h"

namespace gridlock {

/// What rank i of a group of n sends to rank j, at [i n + j], over the buffer of a rank in the
/// mean.
std::vector<double> UnevenParts(const CollectiveTestSpec& test, int n);

/// Throws UserError when no evaluator of that fidelity can run the test.
void CheckUneven(const CollectiveTestSpec& test, Fidelity fidelity, bool changes);

/// @param program of the test @param epochs of its network, whose times count from the beginning of
/// the collective @param server with the transports of its protocol
StepRecord EvaluateUneven(const CollectiveTestSpec& test, const StepProgram& program,
                          const std::vector<NetworkEpoch>& epochs, const ServerSpec& server,
                          Fidelity fidelity);

}  // namespace gridlock
