#include "sim/layouts/score.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sim/analytic/analytic_step.h"
#include "sim/measure/long_step.h"
#include "sim/oracle/laid_job.h"
#include "sim/plan/fold.h"

namespace gridlock {

namespace {

void AddAxes(const std::vector<Axis>& axes, std::string& key) {
  for (const Axis& axis : axes) {
    key += fmt::format("{}x{} ", axis.count, axis.stride);
  }
  key += ';';
}

// All that a plan takes from a training program: its ranks, whether messages go round, the families
// that communicate, and the algorithms of each.
std::string KeyOf(const StepProgram& program) {
  const RankGrid& grid = program.grid;
  std::string key =
      fmt::format("{} {} {} {} {} {} {}|", grid.tensor, grid.context, grid.data, grid.pipeline,
                  static_cast<int>(grid.order), grid.domain_ranks, program.message_ring);
  for (std::size_t f = 0; f < program.families.size(); ++f) {
    std::vector<const Algorithm*> algorithms;
    for (const Collective& collective : program.collectives) {
      if (collective.family == FamilyIndex{static_cast<std::int32_t>(f)} &&
          std::find(algorithms.begin(), algorithms.end(), collective.algorithm) ==
              algorithms.end()) {
        algorithms.push_back(collective.algorithm);
      }
    }
    for (const Algorithm* algorithm : algorithms) {
      key += fmt::format("{} ", algorithm->name);
    }
    if (!algorithms.empty()) {
      AddAxes(program.families[f].groups, key);
      AddAxes(program.families[f].members, key);
    }
    key += '|';
  }
  return key;
}

}  // namespace

const Plan& Scorer::PlanOf(const PlacedProgram& placed) {
  std::string key = KeyOf(*placed.program);
  if (key != key_) {
    plan_ = FoldedPlan({placed}, network_);
    key_ = std::move(key);
  }
  return plan_;
}

Seconds Scorer::StepTime(const TrainingSpec& job) {
  const LaidJob laid = LayJob(job, WholeSite(network_, 0), network_);
  const Plan& plan = PlanOf(laid.placed());
  const SimulatedStep step =
      SimulateStep({laid.program, plan, PlanJobIndex{0}, laid.server}, laid.training, 1,
                   [&](const StepProgram& program, const StepOptions& options) {
                     return RunAnalyticStep(program, plan, laid.server, options);
                   });
  return Seconds(step.run.log.StepTime());
}

}  // namespace gridlock
