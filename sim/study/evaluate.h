#pragma once

// From a scenario to the record of its step, by any of the three evaluators.

#include <optional>
#include <string>

#include "sim/engine/step_engine.h"
#include "sim/record/step_record.h"
#include "sim/scenario/scenario.h"

namespace gridlock {

/// Sampled: a few of the replicas of a training job (sim/plan/sample.h). Automatic: folded, or
/// sampled where hardly any accelerators are alike and folding would leave a wait of minutes.
enum class Fidelity { kFull, kFolded, kSampled, kAnalytic, kAutomatic };

/// "full", "folded", "sampled", "analytic", "automatic".
const char* FidelityName(Fidelity fidelity);

/// The fidelity of that name, or nothing. Nobody asks for "automatic" by name.
std::optional<Fidelity> FidelityByName(const std::string& name);

/// Whether links or switches are out of service: then only the routes tell whether all can be
/// reached.
bool HasFailures(const Scenario& scenario);

/// Everything that can be wrong with a scenario beyond its own text: ports of switches, HBM,
/// places. Throws UserError. Cheap; runs no simulation.
void CheckScenario(const Scenario& scenario, Fidelity fidelity);

/// Simulates the step. Full and folded use SimGrid, which runs once per process: see worker.h.
/// Throws UserError like CheckScenario.
StepRecord EvaluateStep(const Scenario& scenario, Fidelity fidelity, const Progress& progress);

}  // namespace gridlock
