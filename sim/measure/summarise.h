#pragma once

#include <cstdint>
#include <vector>

#include "sim/energy/energy.h"
#include "sim/measure/step_log.h"
#include "sim/plan/plan.h"
#include "sim/record/step_record.h"
#include "workloads/program/program.h"
#include "workloads/training.h"

namespace gridlock {

/// What an evaluator hands over.
struct StepRun {
  StepLog log;
  UtilisationAccumulator series{1, 1};
  LinkTally links{};
};

/// What an evaluator is asked to write down.
struct StepOptions {
  int intervals = 1;         ///< that the utilisation series has at most
  bool action_ends = false;  ///< see StepLog::action_ends
  /// Resources of the plan that get a series of their own, and whether what each carries is
  /// counted.
  std::vector<std::int32_t> links = {};
  bool counts_links = false;
  /// Of a plan that changes: the times of its epochs count from the beginning of each collective
  /// below this number; 0: from the beginning of the step.
  std::int32_t rows_of_changes = 0;
};

/// The tally that the options ask for.
LinkTally TallyOf(const StepOptions& options, const Plan& plan);

/// A job of a plan and what it runs.
struct JobOfPlan {
  const StepProgram& program;
  const Plan& plan;
  PlanJobIndex job;
  const ServerSpec& server;
  const Cycle* cycle = nullptr;  ///< of its log; null: all of the step was simulated
};

/// Energy of a step of a job that took `step` and put so many bytes on each tier.
StepEnergy EnergyOfJob(const JobOfPlan& of, Seconds step, const std::vector<double>& bytes);

/// Derives what is reported of the program of a plan's only job from the log and the series: all
/// but what HBM holds.
StepRecord SummariseProgram(const StepProgram& program, const Plan& plan, const ServerSpec& server,
                            StepRun& run);

/// The same of a training step, with its memory.
StepRecord Summarise(const TrainingSpec& job, const StepProgram& program, const Plan& plan,
                     const ServerSpec& server, StepRun& run);

}  // namespace gridlock
