#include "sim/oracle/situation.h"

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "sim/base/archive.h"
#include "sim/base/check.h"
#include "sim/engine/step_engine.h"
#include "sim/measure/long_step.h"
#include "sim/oracle/canonical.h"
#include "sim/oracle/laid_job.h"
#include "sim/oracle/shape.h"
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
  if (job.program.passes.empty()) {  // caches on their way: their energy is the network's
    return {step, Joules(0), bytes[job.plan.tiers.wan().value], true};
  }
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
    if (job.program.passes.empty()) {
      continue;
    }
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
    laid.push_back(LayPlaced(
        {&situation.trainings[j], situation.placements[j], Seconds(0), 1, situation.streams[j]},
        network));
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
  if (laid.size() == 1 && !laid.front().program.passes.empty()) {
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

// The sites with their boards' own limits; empty where they have these.
std::vector<SiteSpec> AtOwnLimits(const std::vector<SiteSpec>& sites) {
  std::vector<SiteSpec> own = sites;
  bool lowered = false;
  for (SiteSpec& site : own) {
    PowerSpec& power = site.server.accelerator.power;
    lowered = lowered || power.limit < power.rated();
    power.limit = power.rated();
  }
  return lowered ? own : std::vector<SiteSpec>();
}

// A rate that is to `rate` as `a` is to `b`.
StepRate Times(StepRate rate, const StepRate& a, const StepRate& b) {
  rate.step_time = rate.step_time * (a.step_time / b.step_time);
  rate.energy = b.energy > Joules(0) ? rate.energy * (a.energy / b.energy) : rate.energy;
  return rate;
}

// The handler of the server: a situation as bytes -> the rates of its jobs as bytes.
std::string Answer(const std::string& request) {
  CanonicalSituation situation;
  ArchiveReader reader(request);
  reader.All(situation.sites, situation.wans, situation.trainings, situation.streams,
             situation.placements);
  return ToBytes(Simulate(situation));
}

}  // namespace

struct StepOracle::State {
  TaskServer server;
  StepMemory known = {};
  DemandBook demands = {};
  std::map<std::string, ShapeRates> shapes = {};  ///< by KeyOfShape
  std::string machine = {};                       ///< what `network` was made of
  std::unique_ptr<Network> network = {};

  std::vector<StepRate> Ask(const CanonicalSituation& situation) {
    ArchiveWriter request;
    request.All(situation.sites, situation.wans, situation.trainings, situation.streams,
                situation.placements);
    return FromBytes<std::vector<StepRate>>(server.Ask(request.bytes));
  }

  const Network& NetworkOf(const Situation& situation) {
    ArchiveWriter key(ArchiveWriter::What::kBearing);
    key.All(*situation.sites, *situation.wans);
    if (!network || key.bytes != machine) {
      network = std::make_unique<Network>(*situation.sites, *situation.wans);
      machine = std::move(key.bytes);
    }
    return *network;
  }

  const std::vector<StepRate>& Known(const CanonicalSituation& canonical) {
    auto entry = known.find(canonical.key);
    if (entry == known.end()) {
      entry = known.emplace(canonical.key, Ask(canonical)).first;
    }
    return entry->second;
  }

  // By the shape of its placement; nothing where each is simulated as it lies. Boards under a lower
  // limit compute longer, and their messages take as long as before: what is alike at the own
  // limit is taken to be so under it.
  std::optional<StepRate> OfShape(const Situation& situation, PlacedIndex job, const Network& on) {
    const std::optional<Shape> shape = ShapeOf(situation.jobs[job].placement, on);
    if (!shape) {
      return std::nullopt;
    }
    const auto simulate_on = [&](const std::vector<SiteSpec>& sites) {
      return [&](const Placement& placement) {
        const Situation alone{&sites, situation.wans, {{situation.jobs[job].training, placement}}};
        return Known(Canonical(alone, {PlacedIndex{0}}, on)).front();
      };
    };
    if (const std::vector<SiteSpec> own = AtOwnLimits(*situation.sites); !own.empty()) {
      const Situation full{&own, situation.wans, situation.jobs};
      const auto alike =
          shapes[KeyOfShape(full, job, *shape)].AlikeOf(*shape, on, simulate_on(own));
      if (alike) {
        const StepRate packed = simulate_on(*situation.sites)(shape->Spread(0, on));
        return Times(packed, alike->one, alike->packed);
      }
    }
    return shapes[KeyOfShape(situation, job, *shape)].Of(situation.jobs[job].placement, *shape, on,
                                                         simulate_on(*situation.sites));
  }
};

StepOracle::StepOracle(std::function<void()> waiting)
    : state_(std::make_unique<State>(State{TaskServer(&Answer, std::move(waiting))})) {}

StepOracle::~StepOracle() = default;

std::vector<StepRate> StepOracle::RatesOf(const Situation& situation) {
  const Network& network = state_->NetworkOf(situation);
  std::vector<StepRate> rates(situation.jobs.size());
  for (const std::vector<PlacedIndex>& group : SharingGroups(situation, network, state_->demands)) {
    if (group.size() == 1 && !situation.jobs[group.front()].stream.flows()) {
      if (const auto rate = state_->OfShape(situation, group.front(), network)) {
        rates[group.front()] = *rate;
        continue;
      }
    }
    const CanonicalSituation canonical = Canonical(situation, group, network);
    const std::vector<StepRate>& known = state_->Known(canonical);
    for (std::size_t j = 0; j < canonical.order.size(); ++j) {
      rates[canonical.order[j]] = known[j];
    }
  }
  return rates;
}

std::uint64_t StepOracle::simulated() const {
  return state_->known.size();
}

const StepMemory& StepOracle::memory() const {
  return state_->known;
}

void StepOracle::Remember(StepMemory known) {
  state_->known.merge(known);
}

}  // namespace gridlock
