#include "sim/oracle/situation.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "sim/base/archive.h"
#include "sim/base/check.h"
#include "sim/engine/step_engine.h"
#include "sim/measure/long_step.h"
#include "sim/oracle/canonical.h"
#include "sim/oracle/laid_job.h"
#include "sim/oracle/sharing.h"
#include "sim/plan/fold.h"
#include "sim/process/server.h"
#include "topologies/machine_fields.h"
#include "workloads/schedule.h"
#include "workloads/training_fields.h"

namespace gridlock {

namespace {

// Of a job that shares links with others: its step is simulated many times beside theirs.
constexpr std::int64_t kMostJointMicroBatches = 32768;

void CheckActors(const Plan& plan, const LaidJob& first) {
  if (ActorsOf(plan) > kMaxActors) {
    throw UserError(
        first.training.path,
        fmt::format("its step, beside those of the jobs that share links with it, needs {} actors "
                    "and {} is the most; routing SPRAY makes more of them alike than ECMP",
                    ActorsOf(plan), kMaxActors));
  }
}

StepRate RateOf(const JobOfPlan& job, Seconds step, const std::vector<double>& bytes) {
  return {step, EnergyOfJob(job, step, bytes).total(), bytes[job.plan.tiers.wan().value],
          job.server.accelerator.power.estimate};
}

// A job by itself, whose step may be long.
StepRate SimulateAlone(const LaidJob& laid, const Plan& plan) {
  StepSimulator simulator(plan);
  constexpr int kIntervals = 1;  // only the sums are looked at
  const SimulatedStep step =
      SimulateStep({laid.program, plan, PlanJobIndex{0}, laid.server}, laid.training, kIntervals,
                   [&](const StepProgram& program, const StepOptions& options) {
                     return simulator.Run(program, laid.server, options, {});
                   });
  std::vector<double> bytes;
  for (int t = 0; t < plan.tiers.size(); ++t) {
    bytes.push_back(step.run.series.Total(t));
  }
  return RateOf({step.program, plan, PlanJobIndex{0}, laid.server, &step.run.log.cycle},
                Seconds(step.run.log.StepTime()), bytes);
}

// Jobs side by side do each step whole: two that drift past each other repeat nothing.
void WriteWholePrograms(std::vector<LaidJob>& laid) {
  for (LaidJob& job : laid) {
    const std::int64_t all = MicroBatches(job.training);
    if (job.program.micro_batches == all) {
      continue;
    }
    if (all > kMostJointMicroBatches) {
      throw UserError(job.training.path + ".global_batch",
                      fmt::format("the batch makes {} micro-batches on each replica, and the job "
                                  "shares links with others, so that each is simulated; expected "
                                  "at most {}",
                                  all, kMostJointMicroBatches));
    }
    job.program = BuildStepProgram(job.training, job.server);
  }
}

// In a process of its own: SimGrid keeps one clock.
std::vector<StepRate> Simulate(const CanonicalSituation& situation) {
  const Network network(situation.sites, situation.wans);
  std::vector<LaidJob> laid;
  for (std::size_t j = 0; j < situation.trainings.size(); ++j) {
    laid.push_back(LayJob(situation.trainings[j], situation.placements[j], network));
  }
  if (laid.size() > 1) {
    WriteWholePrograms(laid);
  }
  std::vector<PlacedProgram> placed;
  std::vector<JointJob> jobs;
  for (const LaidJob& job : laid) {
    placed.push_back(job.placed());
    jobs.push_back({&job.program, &job.server});
  }
  const Plan plan = FoldedPlan(placed, network);
  CheckActors(plan, laid.front());
  if (laid.size() == 1) {
    return {SimulateAlone(laid.front(), plan)};
  }
  const std::vector<JointRun> runs = RunJoint(jobs, plan, {});
  std::vector<StepRate> rates;
  for (std::size_t j = 0; j < runs.size(); ++j) {
    rates.push_back(RateOf({laid[j].program, plan, IndexOf<PlanJobIndex>(j), laid[j].server},
                           runs[j].step_time, runs[j].bytes));
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
  for (const std::vector<PlacedIndex>& group : SharingGroups(situation, network, state_->demands)) {
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
