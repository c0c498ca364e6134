#include "sim/study/collective_study.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/analytic/analytic_step.h"
#include "sim/measure/collective_results.h"
#include "sim/measure/link_loads.h"
#include "sim/plan/fold.h"
#include "sim/plan/pacing.h"
#include "sim/study/uneven_study.h"
#include "topologies/network.h"

namespace gridlock {

namespace {

/// A route of the engine lists a link as often as its weight: what all lists together may hold.
constexpr std::int64_t kRouteEntriesMost = 50'000'000;

struct CollectiveSetting {
  CollectiveTestSpec test;
  ServerSpec server;  ///< with transports that know the test's protocol alone
  StepProgram program;
  Network network;
};

CollectiveSetting CollectiveSettingOf(const Scenario& scenario) {
  Network network(scenario.site());
  CollectiveTestSpec test =
      OnSite(std::get<CollectiveTestSpec>(scenario.jobs[0].kind), scenario.site());
  const ServerSpec& machine = scenario.site().server;
  StepProgram program = BuildCollectiveTest(test, machine);
  ServerSpec server = AtProtocol(machine, test.protocol);
  return {std::move(test), std::move(server), std::move(program), std::move(network)};
}

void CheckFullSize(const CollectiveSetting& setting, const Plan& plan) {
  const std::string path = setting.test.path + ".ranks";
  const std::size_t actors = ActorsOf(plan);
  if (actors > kMaxActors) {
    throw UserError(path, fmt::format("full fidelity runs one actor per group and one for its "
                                      "ranks; {} are needed and {} is the most; use --fidelity "
                                      "folded, which gives the same times",
                                      actors, kMaxActors));
  }
  const std::int64_t entries = ListedLinks(plan, PaceSettersOf(plan));
  if (entries > kRouteEntriesMost) {
    throw UserError(path, fmt::format("full fidelity walks every link of every pair; these routes "
                                      "have {} links and {} is the most; use --fidelity folded, "
                                      "which gives the same times",
                                      entries, kRouteEntriesMost));
  }
}

Plan PlanOf(const CollectiveSetting& setting, Fidelity fidelity) {
  const std::vector<PlacedProgram> placed{{&setting.program, WholeSite(setting.network, 0)}};
  if (fidelity != Fidelity::kFull) {
    return FoldedPlan(placed, setting.network);
  }
  Plan plan = Expand(placed, setting.network);
  CheckFullSize(setting, plan);
  return plan;
}

}  // namespace

bool IsCollectiveTest(const Scenario& scenario) {
  return scenario.horizon <= Seconds(0) && !scenario.jobs.empty() &&
         std::holds_alternative<CollectiveTestSpec>(scenario.jobs[0].kind);
}

void CheckCollectiveTest(const Scenario& scenario, Fidelity fidelity) {
  if (fidelity == Fidelity::kSampled) {
    throw UserError("fidelity",
                    "sampled keeps some of the replicas of a training job, and a collective has "
                    "none; expected full, folded or analytic");
  }
  const CollectiveSetting setting = CollectiveSettingOf(scenario);
  if (setting.test.uneven) {
    return CheckUneven(setting.test, fidelity);
  }
  if (fidelity == Fidelity::kFull || HasFailures(scenario)) {
    (void)PlanOf(setting, fidelity);
  }
}

StepRecord EvaluateCollectiveTest(const Scenario& scenario, Fidelity fidelity,
                                  const Progress& progress) {
  const CollectiveSetting setting = CollectiveSettingOf(scenario);
  const ServerSpec& server = setting.server;
  if (setting.test.uneven) {
    CheckUneven(setting.test, fidelity);
    return EvaluateUneven(setting.test, setting.program, setting.network, server, fidelity);
  }
  const Plan plan = PlanOf(setting, fidelity);
  const int intervals = scenario.recording.intervals;
  StepRun run = fidelity == Fidelity::kAnalytic
                    ? RunAnalyticStep(setting.program, plan, server, {intervals})
                    : RunStep(setting.program, plan, server, intervals, progress);
  StepRecord record = SummariseProgram(setting.program, plan, server, run);
  record.tested = CollectiveResults(setting.test, setting.program, plan, server, run.log);
  record.hottest = HottestLinks(setting.program, plan, server, setting.network, record.step_time);
  record.label = "baseline";
  record.fidelity = FidelityName(fidelity);
  record.classes = plan.folded ? static_cast<std::int64_t>(plan.agents.size()) : 0;
  return record;
}

}  // namespace gridlock
