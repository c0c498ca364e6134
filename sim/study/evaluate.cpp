#include "sim/study/evaluate.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sim/analytic/analytic_step.h"
#include "sim/measure/long_step.h"
#include "sim/measure/recorded_links.h"
#include "sim/oracle/laid_job.h"
#include "sim/plan/fold.h"
#include "sim/plan/sample.h"
#include "sim/study/changing_network.h"
#include "sim/study/collective_study.h"
#include "topologies/network.h"
#include "workloads/schedule.h"

namespace gridlock {

namespace {

// The machine and the only job of a scenario without a horizon.
struct Setting {
  ChangingNetwork networks;
  LaidJob job;

  /// As it is when the step begins.
  [[nodiscard]] const Network& network() const { return *networks.epochs().front().network; }
};

Setting SettingOf(const Scenario& scenario) {
  const JobSpec& job = scenario.jobs[0];
  ChangingNetwork networks(scenario, job.spans);
  const Network& network = *networks.epochs().front().network;
  if (!job.spans) {
    LaidJob laid = LayJob(scenario.training(), WholeSite(network, 0), network);
    return {std::move(networks), std::move(laid)};
  }
  Placement placement;
  for (int site = 0; site < network.sites(); ++site) {
    const bool listed = std::find(job.sites.begin(), job.sites.end(), site) != job.sites.end();
    if (listed || job.sites.empty()) {
      placement.push_back(WholeSite(network, site).front());
    }
  }
  LaidJob laid = LayJob(scenario.training(), placement, network);
  return {std::move(networks), std::move(laid)};
}

// The agents of a sample, about. Of 405B on a slim fly, a Jellyfish, a torus and hashed Clos of
// 2,048 to 102,400 accelerators the step with half of them is within 0.2 % of that with 64, in a
// third of the time.
constexpr int kSampledAgents = 32;

int SampledReplicas(const RankGrid& grid) {
  return std::max(2, kSampledAgents / grid.pipeline);
}

Plan Sampled(const Setting& setting, Links links) {
  const RankGrid& grid = setting.job.program.grid;
  const int replicas = SampledReplicas(grid);
  return grid.data <= replicas
             ? FoldedPlan({setting.job.placed()}, setting.network(), links)
             : SamplePlan(ExpandUnlike({setting.job.placed()}, setting.network()), grid, replicas);
}

// The most agents of a folded plan that are simulated unasked: 405B on 2,048 accelerators under
// hashed flows keeps 256 and takes 12 s, and four times as many agents take 20 times as long.
constexpr std::size_t kAlikeMost = 256;

// Folded where that leaves few agents, otherwise sampled.
Plan FoldedOrSampled(const Setting& setting, Links links, Fidelity& fidelity) {
  fidelity = Fidelity::kFolded;
  const RankGrid& grid = setting.job.program.grid;
  const int replicas = SampledReplicas(grid);
  if (grid.data <= replicas) {
    return FoldedPlan({setting.job.placed()}, setting.network(), links);
  }
  const bool kept = links == Links::kKept;
  const Plan expanded = kept ? ExpandEach({setting.job.placed()}, setting.network())
                             : ExpandUnlike({setting.job.placed()}, setting.network());
  if (std::optional<Plan> folded = FoldOfFew(expanded, kAlikeMost, links)) {
    return std::move(*folded);
  }
  fidelity = Fidelity::kSampled;
  return kept ? Sampled(setting, links) : SamplePlan(expanded, grid, replicas);
}

// Full fidelity runs an actor for each agent and each communicator of the plan, as it is laid out:
// there is no other count of them.
// Automatic becomes what it chooses.
ChangingPlan LayOut(const Setting& setting, Fidelity& fidelity,
                    const std::vector<std::string>& recorded) {
  const Links links = NamesLinks(recorded, setting.network()) ? Links::kKept : Links::kForgotten;
  ChangingPlan laid;
  Plan& plan = laid.plan;
  if (fidelity == Fidelity::kSampled) {
    plan = Sampled(setting, links);
    return laid;
  }
  const bool changes = setting.networks.epochs().size() > 1;
  if (fidelity == Fidelity::kAutomatic && !changes) {
    plan = FoldedOrSampled(setting, links, fidelity);
    return laid;
  }
  if (changes) {
    laid = ExpandChanging({setting.job.placed()}, setting.networks.epochs());
  }
  if (fidelity != Fidelity::kFull) {
    if (changes) {
      fidelity = fidelity == Fidelity::kAutomatic ? Fidelity::kFolded : fidelity;
      return Fold(laid, links);
    }
    plan = FoldedPlan({setting.job.placed()}, setting.network(), links);
    return laid;
  }
  if (!changes) {
    plan = Expand({setting.job.placed()}, setting.network());
  }
  if (ActorsOf(plan) > kMaxActors) {
    throw UserError(
        setting.job.training.layout.path,
        fmt::format(
            "full fidelity runs one actor per tensor-parallel group and communicator; {} are "
            "needed and {} is the most; {}",
            ActorsOf(plan), kMaxActors, "use --fidelity folded, which gives the same times"));
  }
  return laid;
}

// A step whose links fail at a time is simulated whole: nothing in it repeats.
void CheckNotLong(const StepProgram& program, const TrainingSpec& job) {
  if (program.micro_batches < MicroBatches(job)) {
    throw UserError(job.path + ".global_batch",
                    fmt::format("the step has {} micro-batches, of which {} are simulated and the "
                                "others repeat them; where links fail within a step, nothing does; "
                                "expected a batch of at most {} for each replica",
                                MicroBatches(job), program.micro_batches,
                                kWholeMicroBatches * job.micro_batch));
  }
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
    case Fidelity::kAutomatic:
      return "automatic";
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
  fidelity = FidelityOf(scenario, fidelity);
  const Setting setting = SettingOf(scenario);
  if (ChangesWithin(scenario)) {
    CheckNotLong(setting.job.program, scenario.training());
  }
  const std::vector<std::string>& links = scenario.recording.links;
  if (fidelity == Fidelity::kFull || HasFailures(scenario) || !links.empty()) {
    const ChangingPlan laid = LayOut(setting, fidelity, scenario.recording.links);
    (void)RecordedLinks(links, setting.job.program, laid, setting.job.server, setting.network());
  }
}

StepRecord EvaluateStep(const Scenario& scenario, Fidelity asked, const Progress& progress) {
  if (IsCollectiveTest(scenario)) {
    return EvaluateCollectiveTest(
        scenario, asked == Fidelity::kAutomatic ? Fidelity::kFolded : asked, progress);
  }
  Fidelity fidelity = FidelityOf(scenario, asked);
  const Setting setting = SettingOf(scenario);
  const ServerSpec& server = setting.job.server;
  const ChangingPlan laid = LayOut(setting, fidelity, scenario.recording.links);
  const Plan& plan = laid.plan;
  std::optional<StepSimulator> simulator;
  if (!laid.epochs.empty()) {
    CheckNotLong(setting.job.program, scenario.training());
    simulator.emplace(laid);
  } else if (fidelity != Fidelity::kAnalytic) {
    simulator.emplace(plan);
  }
  const RecordedLinks recorded(scenario.recording.links, setting.job.program, laid, server,
                               setting.network());
  SimulatedStep step = SimulateStep(
      {setting.job.program, plan, 0, server}, setting.job.training, scenario.recording.intervals,
      [&](const StepProgram& program, StepOptions options) {
        recorded.AddTo(options);
        return simulator ? simulator->Run(program, server, options, progress)
                         : RunAnalyticStep(program, plan, server, options);
      });
  StepRecord record = Summarise(setting.job.training, step.program, plan, server, step.run);
  recorded.Fill(step.run, record);
  record.label = "baseline";
  record.fidelity = FidelityName(fidelity);
  record.classes = plan.folded ? static_cast<std::int64_t>(plan.agents.size()) : 0;
  return record;
}

}  // namespace gridlock
