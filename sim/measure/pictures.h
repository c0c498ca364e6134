#pragma once

// What pictures of a step are drawn from: the timeline of the pipeline and the costs of kernels.

#include <vector>

#include "sim/measure/step_log.h"
#include "sim/plan/plan.h"
#include "sim/record/step_record.h"
#include "workloads/program/program.h"
#include "workloads/training.h"

namespace gridlock {

/// Spans that a timeline has at most. Beyond, each pass is one span; beyond that, the last spans of
/// every stage are left out. 405B on 16 stages of 8 chunks has some 16,000.
inline constexpr std::size_t kMostSpans = 40'000;

/// What one accelerator of each pipeline stage did when, from a log with action_ends; empty without
/// them. The stage is shown by its first agent in the plan. Of a long step the simulated part.
std::vector<TimelineSpan> TimelineOf(const StepProgram& program, const Plan& plan,
                                     const StepLog& log);

/// Kernel calls of a step on one accelerator, mean over the pipeline stages: those of the forward
/// and the backward passes, in the order in which the layers have them.
std::vector<OperationCost> OperationsOf(const TrainingSpec& job, const ServerSpec& server);

}  // namespace gridlock
