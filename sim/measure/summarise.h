#pragma once

#include "sim/fold/plan.h"
#include "sim/measure/step_log.h"
#include "sim/record/step_record.h"
#include "workloads/step_program.h"
#include "workloads/training.h"

namespace gridlock {

/// What an evaluator hands over.
struct StepRun {
  StepLog log;
  UtilisationAccumulator series;
};

/// Derives everything that is reported of a step from the log and the series.
StepRecord Summarise(const TrainingSpec& job, const StepProgram& program, const Plan& plan,
                     const ServerSpec& server, StepRun& run);

}  // namespace gridlock
