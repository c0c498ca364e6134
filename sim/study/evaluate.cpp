#include "sim/study/evaluate.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/analytic/analytic_step.h"
#include "sim/oracle/laid_job.h"
#include "sim/plan/fold.h"
#include "topologies/network.h"

namespace gridlock {

namespace {

// The machine and the only job of a scenario without a horizon.
struct Setting {
  Network network;
  LaidJob job;
};

Setting SettingOf(const Scenario& scenario) {
  const JobSpec& job = scenario.jobs[0];
  if (!job.spans) {
    Network network(scenario.site());
    LaidJob laid = LayJob(scenario.training(), WholeSite(network, 0), network);
    return {std::move(network), std::move(laid)};
  }
  Network network(scenario.sites, scenario.wans);
  Placement placement;
  for (int site = 0; site < network.sites(); ++site) {
    const bool listed = std::find(job.sites.begin(), job.sites.end(), site) != job.sites.end();
    if (listed || job.sites.empty()) {
      placement.push_back(WholeSite(network, site).front());
    }
  }
  LaidJob laid = LayJob(scenario.training(), placement, network);
  return {std::move(network), std::move(laid)};
}

// An actor per tensor-parallel group and per communicator.
void CheckActors(const TrainingSpec& training) {
  const Layout& layout = training.layout;
  const std::int64_t agents = static_cast<std::int64_t>(layout.pipeline) * layout.data;
  const int copies = layout.data / layout.sharing_replicas();
  std::int64_t communicators = static_cast<std::int64_t>(layout.pipeline) * layout.tensor *
                               (copies + (copies > 1 ? layout.shards() : 0));
  if (training.model.tied_embeddings && layout.pipeline > 1) {
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
  const Setting setting = SettingOf(scenario);
  if (fidelity == Fidelity::kFull) {
    CheckActors(setting.job.training);
  }
}

StepRecord EvaluateStep(const Scenario& scenario, Fidelity fidelity, const Progress& progress) {
  CheckScenario(scenario, fidelity);
  const Setting setting = SettingOf(scenario);
  const StepProgram& program = setting.job.program;
  const ServerSpec& server = setting.job.server;
  Plan plan = Expand({setting.job.placed()}, setting.network);
  if (fidelity != Fidelity::kFull) {
    plan = Fold(plan);
  }
  const int intervals = scenario.recording.intervals;
  StepRun run = fidelity == Fidelity::kAnalytic
                    ? RunAnalyticStep(program, plan, server, intervals)
                    : RunStep(program, plan, server, intervals, progress);
  StepRecord record = Summarise(setting.job.training, program, plan, server, run);
  record.label = "baseline";
  record.fidelity = FidelityName(fidelity);
  record.classes = plan.folded ? static_cast<std::int64_t>(plan.agents.size()) : 0;
  return record;
}

}  // namespace gridlock
