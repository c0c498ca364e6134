#pragma once

// Runs the collective test of a scenario, by any of the three evaluators.

#include "sim/scenario/scenario.h"
#include "sim/study/evaluate.h"

namespace gridlock {

/// Whether the only job of a scenario without a horizon is a collective test.
bool IsCollectiveTest(const Scenario& scenario);

/// Everything that can be wrong with the test beyond its own text. Throws UserError.
void CheckCollectiveTest(const Scenario& scenario, Fidelity fidelity);

/// Simulates the test; the rows are in StepRecord::tested. Throws UserError as CheckCollectiveTest.
StepRecord EvaluateCollectiveTest(const Scenario& scenario, Fidelity fidelity,
                                  const Progress& progress);

}  // namespace gridlock
