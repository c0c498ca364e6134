#include "sim/study/evaluate.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sim/analytic/analytic_step.h"
#include "sim/measure/link_loads.h"
#include "sim/measure/long_step.h"
#include "sim/oracle/laid_job.h"
#include "sim/plan/fold.h"
#include "sim/plan/sample.h"
#include "sim/study/collective_study.h"
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

// The agents of a sample, about: their step takes some seconds.
constexpr int kSampledAgents = 64;

Plan Sampled(const Setting& setting) {
  const RankGrid& grid = setting.job.program.grid;
  const int replicas = std::max(2, kSampledAgents / grid.pipeline);
  return grid.data <= replicas
             ? FoldedPlan({setting.job.placed()}, setting.network)
             : SamplePlan(ExpandUnlike({setting.job.placed()}, setting.network), grid, replicas);
}

// Full fidelity runs an actor for each agent and each communicator of the plan, as it is laid out:
// there is no other count of them.
Plan LayOut(const Setting& setting, Fidelity fidelity) {
  if (fidelity == Fidelity::kSampled) {
    return Sampled(setting);
  }
  if (fidelity != Fidelity::kFull) {
    return FoldedPlan({setting.job.placed()}, setting.network);
  }
  Plan plan = Expand({setting.job.placed()}, setting.network);
  if (ActorsOf(plan) > kMaxActors) {
    throw UserError(
        setting.job.training.layout.path,
        fmt::format(
            "full fidelity runs one actor per tensor-parallel group and communicator; {} are "
            "needed and {} is the most; use --fidelity folded, which gives the same times",
            ActorsOf(plan), kMaxActors));
  }
  return plan;
}

}  // namespace

bool HasFailures(const Scenario& scenario) {
  return std::any_of(scenario.sites.begin(), scenario.sites.end(), [](const SiteSpec& site) {
    return !site.failed.empty();
  });
}

const char* FidelityName(Fidelity fidelity) {
  switch (fidelity) {
    case Fidelity::kFull:
      return "full";
    case Fidelity::kFolded:
      return "folded";
    case Fidelity::kSampled:
      return "sampled";
    case Fidelity::kAnalytic:
      return "analytic";
  }
  return "";
}

std::optional<Fidelity> FidelityByName(const std::string& name) {
  for (const Fidelity fidelity :
       {Fidelity::kFull, Fidelity::kFolded, Fidelity::kSampled, Fidelity::kAnalytic}) {
    if (name == FidelityName(fidelity)) {
      return fidelity;
    }
  }
  return std::nullopt;
}

void CheckScenario(const Scenario& scenario, Fidelity fidelity) {
  if (IsCollectiveTest(scenario)) {
    return CheckCollectiveTest(scenario, fidelity);
  }
  const Setting setting = SettingOf(scenario);
  if (fidelity == Fidelity::kFull || HasFailures(scenario)) {
    (void)LayOut(setting, fidelity);
  }
}

StepRecord EvaluateStep(const Scenario& scenario, Fidelity fidelity, const Progress& progress) {
  if (IsCollectiveTest(scenario)) {
    return EvaluateCollectiveTest(scenario, fidelity, progress);
  }
  const Setting setting = SettingOf(scenario);
  const ServerSpec& server = setting.job.server;
  const Plan plan = LayOut(setting, fidelity);
  std::optional<StepSimulator> simulator;
  if (fidelity != Fidelity::kAnalytic) {
    simulator.emplace(plan);
  }
  SimulatedStep step = SimulateStep(
      {setting.job.program, plan, 0, server}, setting.job.training, scenario.recording.intervals,
      [&](const StepProgram& program, const StepOptions& options) {
        return simulator ? simulator->Run(program, server, options, progress)
                         : RunAnalyticStep(program, plan, server, options);
      });
  StepRecord record = Summarise(setting.job.training, step.program, plan, server, step.run);
  record.hottest =
      HottestLinks(setting.job.program, plan, server, setting.network, record.step_time);
  record.label = "baseline";
  record.fidelity = FidelityName(fidelity);
  record.classes = plan.folded ? static_cast<std::int64_t>(plan.agents.size()) : 0;
  return record;
}

}  // namespace gridlock
