#include "sim/oracle/situation.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "sim/base/archive.h"
#include "sim/base/check.h"
#include "sim/engine/step_engine.h"
#include "sim/oracle/canonical.h"
#include "sim/oracle/laid_job.h"
#include "sim/oracle/sharing.h"
#include "sim/plan/fold.h"
#include "sim/process/server.h"
#include "topologies/machine_fields.h"
#include "workloads/training_fields.h"

namespace gridlock {

namespace {

void CheckActors(const Plan& plan, const LaidJob& first) {
  if (plan.agents.size() + plan.groups.size() > kMaxActors) {
    throw UserError(
        first.training.path,
        fmt::format("its step, beside those of the jobs that share links with it, needs {} actors "
                    "and {} is the most; routing SPRAY makes more of them alike than ECMP",
                    plan.agents.size() + plan.groups.size(), kMaxActors));
  }
}

// In a process of its own: SimGrid keeps one clock.
std::vector<StepRate> Simulate(const CanonicalSituation& situation) {
  const Network network(situation.sites, situation.wans);
  std::vector<LaidJob> laid;
  for (std::size_t j = 0; j < situation.trainings.size(); ++j) {
    laid.push_back(LayJob(situation.trainings[j], situation.placements[j], network));
  }
  std::vector<PlacedProgram> placed;
  std::vector<JointJob> jobs;
  for (const LaidJob& job : laid) {
    placed.push_back(job.placed());
    jobs.push_back({&job.program, &job.server});
  }
  const Plan plan = Fold(Expand(placed, network));
  CheckActors(plan, laid.front());
  const std::vector<JointRun> runs = RunJoint(jobs, plan, {});
  std::vector<StepRate> rates;
  for (std::size_t j = 0; j < runs.size(); ++j) {
    const JobOfPlan job{laid[j].program, plan, static_cast<std::int32_t>(j), laid[j].server};
    const JointRun& run = runs[j];
    rates.push_back({run.step_time, EnergyOfJob(job, run.step_time, run.bytes).total(),
                     run.bytes[plan.tiers.wan().value], laid[j].server.accelerator.power.estimate});
  }
  return rates;
}

// The handler of the server: a situation as bytes -> the rates of its jobs as bytes.
std::string Answer(const std::string& request) {
  CanonicalSituation situation;
  ArchiveReader reader(request);
  reader.All(situation.sites, situation.wans, situation.trainings, situation.placements);
  return ToBytes(Simulate(situation));
}

}  // namespace

struct StepOracle::State {
  TaskServer server;
  std::map<std::string, std::vector<StepRate>> known = {};  ///< by canonical key, canonical order
  DemandBook demands = {};

  std::vector<StepRate> Ask(const CanonicalSituation& situation) {
    ArchiveWriter request;
    request.All(situation.sites, situation.wans, situation.trainings, situation.placements);
    return FromBytes<std::vector<StepRate>>(server.Ask(request.bytes));
  }
};

StepOracle::StepOracle(std::function<void()> waiting)
    : state_(std::make_unique<State>(State{TaskServer(&Answer, std::move(waiting))})) {}

StepOracle::~StepOracle() = default;

std::vector<StepRate> StepOracle::RatesOf(const Situation& situation) {
  const Network network(*situation.sites, *situation.wans);
  std::vector<StepRate> rates(situation.jobs.size());
  for (const std::vector<std::size_t>& group : SharingGroups(situation, network, state_->demands)) {
    const CanonicalSituation canonical = Canonical(situation, group, network);
    auto entry = state_->known.find(canonical.key);
    if (entry == state_->known.end()) {
      entry = state_->known.emplace(canonical.key, state_->Ask(canonical)).first;
    }
    for (std::size_t j = 0; j < canonical.order.size(); ++j) {
      rates[canonical.order[j]] = entry->second[j];
    }
  }
  return rates;
}

std::uint64_t StepOracle::simulated() const {
  return state_->known.size();
}

}  // namespace gridlock
