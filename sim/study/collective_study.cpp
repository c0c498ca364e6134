#include "sim/study/collective_study.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/analytic/analytic_step.h"
#include "sim/measure/collective_results.h"
#include "sim/measure/recorded_links.h"
#include "sim/plan/fold.h"
#include "sim/plan/pacing.h"
#include "sim/study/changing_network.h"
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
  ChangingNetwork networks;

  /// As it is when a collective begins.
  [[nodiscard]] const Network& network() const { return *networks.epochs().front().network; }
};

CollectiveSetting CollectiveSettingOf(const Scenario& scenario) {
  ChangingNetwork networks(scenario, /*all=*/false);
  CollectiveTestSpec test =
      OnSite(std::get<CollectiveTestSpec>(scenario.jobs[0].kind), scenario.site());
  const ServerSpec& machine = scenario.site().server;
  StepProgram program = BuildCollectiveTest(test, machine);
  ServerSpec server = AtProtocol(machine, test.protocol);
  return {std::move(test), std::move(server), std::move(program), std::move(networks)};
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

ChangingPlan PlanOf(const CollectiveSetting& setting, Fidelity fidelity,
                    const std::vector<std::string>& recorded) {
  const Links links = NamesLinks(recorded, setting.network()) ? Links::kKept : Links::kForgotten;
  const std::vector<PlacedProgram> placed{{&setting.program, WholeSite(setting.network(), 0)}};
  ChangingPlan laid;
  const bool changes = setting.networks.epochs().size() > 1;
  if (changes) {
    laid = ExpandChanging(placed, setting.networks.epochs());
  }
  if (fidelity != Fidelity::kFull) {
    if (changes) {
      return Fold(laid, links);
    }
    laid.plan = FoldedPlan(placed, setting.network(), links);
    return laid;
  }
  if (!changes) {
    laid.plan = Expand(placed, setting.network());
  }
  CheckFullSize(setting, laid.plan);
  return laid;
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
  fidelity = FidelityOf(scenario, fidelity);
  const CollectiveSetting setting = CollectiveSettingOf(scenario);
  if (setting.test.uneven || SampledPairs(setting.test) > 1) {
    return CheckUneven(setting.test, fidelity, ChangesWithin(scenario));
  }
  const std::vector<std::string>& links = scenario.recording.links;
  if (fidelity == Fidelity::kFull || HasFailures(scenario) || !links.empty()) {
    const ChangingPlan laid = PlanOf(setting, fidelity, scenario.recording.links);
    (void)RecordedLinks(links, setting.program, laid, setting.server, setting.network());
  }
}

StepRecord EvaluateCollectiveTest(const Scenario& scenario, Fidelity asked,
                                  const Progress& progress) {
  const Fidelity fidelity = FidelityOf(scenario, asked);
  const CollectiveSetting setting = CollectiveSettingOf(scenario);
  const ServerSpec& server = setting.server;
  if (setting.test.uneven || SampledPairs(setting.test) > 1) {
    CheckUneven(setting.test, fidelity, ChangesWithin(scenario));
    return EvaluateUneven(setting.test, setting.program, setting.networks.epochs(), server,
                          fidelity);
  }
  const ChangingPlan laid = PlanOf(setting, fidelity, scenario.recording.links);
  const Plan& plan = laid.plan;
  const RecordedLinks recorded(scenario.recording.links, setting.program, laid, server,
                               setting.network());
  StepOptions options{scenario.recording.intervals};
  recorded.AddTo(options);
  options.rows_of_changes = RowsOf(setting.program);
  StepRun run;
  if (fidelity == Fidelity::kAnalytic) {
    run = RunAnalyticStep(setting.program, plan, server, options);
  } else if (laid.epochs.empty()) {
    run = StepSimulator(plan).Run(setting.program, server, options, progress);
  } else {
    run = StepSimulator(laid).Run(setting.program, server, options, progress);
  }
  StepRecord record = SummariseProgram(setting.program, plan, server, run);
  record.tested = CollectiveResults(setting.test, setting.program, plan, server, run.log);
  recorded.Fill(run, record);
  record.label = "baseline";
  record.fidelity = FidelityName(fidelity);
  record.classes = plan.folded ? static_cast<std::int64_t>(plan.agents.size()) : 0;
  return record;
}

}  // namespace gridlock
