#include "sim/study/evaluate.h"

#include <fmt/format.h>

#include "sim/analytic/analytic_step.h"
#include "sim/fold/fold.h"
#include "topologies/fabric.h"
#include "workloads/step_program.h"

namespace gridlock {

namespace {

// An actor per tensor-parallel group and per communicator.
void CheckActors(const Scenario& scenario) {
  const Layout& layout = scenario.training().layout;
  const std::int64_t agents = static_cast<std::int64_t>(layout.pipeline) * layout.data;
  const int copies = layout.data / layout.shards();
  std::int64_t communicators = static_cast<std::int64_t>(layout.pipeline) * layout.tensor *
                               (copies + (copies > 1 ? layout.shards() : 0));
  if (scenario.training().model.tied_embeddings && layout.pipeline > 1) {
    communicators += static_cast<std::int64_t>(layout.data) * layout.tensor;
  }
  if (agents + communicators > static_cast<std::int64_t>(kMaxActors)) {
    throw UserError(
        layout.path,
        fmt::format(
            "full fidelity runs one actor per tensor-parallel group and communicator; {} are "
            "needed and {} is the most; use --fidelity folded, which gives the same times",
            agents + communicators, kMaxActors));
  }
}

}  // namespace

const char* FidelityName(Fidelity fidelity) {
  switch (fidelity) {
    case Fidelity::kFull:
      return "full";
    case Fidelity::kFolded:
      return "folded";
    case Fidelity::kAnalytic:
      return "analytic";
  }
  return "";
}

std::optional<Fidelity> FidelityByName(const std::string& name) {
  for (const Fidelity fidelity : {Fidelity::kFull, Fidelity::kFolded, Fidelity::kAnalytic}) {
    if (name == FidelityName(fidelity)) {
      return fidelity;
    }
  }
  return std::nullopt;
}

void CheckScenario(const Scenario& scenario, Fidelity fidelity) {
  const Fabric fabric(scenario.site());
  const StepProgram program = BuildStepProgram(scenario.training(), scenario.site().server);
  CheckPlacement(program, fabric);
  if (fidelity == Fidelity::kFull) {
    CheckActors(scenario);
  }
}

StepRecord EvaluateStep(const Scenario& scenario, Fidelity fidelity, const Progress& progress) {
  CheckScenario(scenario, fidelity);
  const Fabric fabric(scenario.site());
  const ServerSpec& server = scenario.site().server;
  const StepProgram program = BuildStepProgram(scenario.training(), server);
  Plan plan = Expand(program, fabric);
  if (fidelity != Fidelity::kFull) {
    plan = Fold(plan);
  }
  const int intervals = scenario.recording.intervals;
  StepRun run = fidelity == Fidelity::kAnalytic
                    ? RunAnalyticStep(program, plan, server, intervals)
                    : RunStep(program, plan, server, intervals, progress);
  StepRecord record = Summarise(scenario.training(), program, plan, server, run);
  record.label = "baseline";
  record.fidelity = FidelityName(fidelity);
  record.classes = plan.folded ? static_cast<std::int64_t>(plan.agents.size()) : 0;
  return record;
}

}  // namespace gridlock
