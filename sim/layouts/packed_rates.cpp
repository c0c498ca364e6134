#include "sim/layouts/packed_rates.h"

#include <utility>

#include "sim/analytic/analytic_step.h"
#include "sim/base/archive.h"
#include "sim/measure/long_step.h"
#include "sim/oracle/laid_job.h"
#include "sim/plan/fold.h"
#include "topologies/machine_fields.h"
#include "topologies/network.h"
#include "workloads/training_fields.h"

namespace gridlock {

namespace {

Placement Packed(const Placement& placement) {
  Placement packed;
  for (const SiteIndex site : SitesOf(placement)) {
    ServerRun all{site, ServerIndex{0}, 0};
    for (const ServerRun& run : placement) {
      all.count += run.site == site ? run.count : 0;
    }
    packed.push_back(all);
  }
  return packed;
}

StepRate ClosedForm(const PlacedJob& job, const Network& network) {
  const LaidJob laid = LayPlaced(job, network);
  const Plan plan = FoldedPlan({laid.placed()}, network);
  const auto evaluate = [&](const StepProgram& program, const StepOptions& options) {
    return RunAnalyticStep(program, plan, laid.server, options);
  };
  if (job.stream.flows()) {
    return {Seconds(evaluate(laid.program, {}).log.StepTime()), Joules(0), 0, true};
  }
  const SimulatedStep step =
      SimulateStep({laid.program, plan, PlanJobIndex{0}, laid.server}, laid.training, 1, evaluate);
  std::vector<double> bytes;
  for (int t = 0; t < plan.tiers.size(); ++t) {
    bytes.push_back(step.run.series.Total(t));
  }
  const Seconds time(step.run.log.StepTime());
  const StepEnergy energy = EnergyOfJob(
      {step.program, plan, PlanJobIndex{0}, laid.server, &step.run.log.cycle}, time, bytes);
  return {time, energy.total(), bytes[plan.tiers.wan().value],
          laid.server.accelerator.power.estimate};
}

}  // namespace

// Runs live through many situations; writing down what bears on a step takes longer than the rest.
const std::string& PackedRates::KeyOf(const TrainingSpec& training) {
  const auto [entry, added] = keys_.try_emplace(&training);
  if (added) {
    ArchiveWriter key(ArchiveWriter::What::kBearing);
    key.All(training);
    entry->second = std::move(key.bytes);
  }
  return entry->second;
}

std::vector<StepRate> PackedRates::RatesOf(const Situation& situation) {
  ArchiveWriter machine(ArchiveWriter::What::kBearing);
  machine.All(*situation.sites, *situation.wans);
  std::vector<StepRate> rates;
  for (const PlacedJob& job : situation.jobs) {
    PlacedJob packed = job;
    ArchiveWriter key(ArchiveWriter::What::kBearing);
    if (job.stream.flows()) {
      key.All(job.stream);
    } else {
      packed.placement = Packed(job.placement);
      key.bytes += KeyOf(*job.training);
    }
    for (const ServerRun& run : packed.placement) {
      key.All(run.site, run.first, run.count);
    }
    const auto [entry, added] = known_.try_emplace(machine.bytes + key.bytes);
    if (added) {
      entry->second = ClosedForm(packed, Network(*situation.sites, *situation.wans));
    }
    rates.push_back(entry->second);
  }
  return rates;
}

}  // namespace gridlock
