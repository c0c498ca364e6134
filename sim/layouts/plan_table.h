#pragma once

// A plan for people and for programs.

#include <string>

#include "sim/layouts/plan.h"

namespace gridlock {

/// What stands above the table.
struct PlanHead {
  std::string scenario;  ///< its name
  std::string model, stack, accelerator;
  std::int64_t global_batch = 0, sequence_length = 0;
  std::vector<std::string> notes;  ///< what was assumed
};

PlanHead HeadOf(const Scenario& scenario);

/// The ranked table, what binds, the refusals and the warnings. @param explain says of each layout
/// but the first why it lost to the one before
std::string PlanText(const PlanHead& head, const LayoutPlan& plan, bool explain);

/// One row per proposal.
std::string PlanCsv(const LayoutPlan& plan);

std::string PlanJson(const PlanHead& head, const LayoutPlan& plan);

/// The fastest layouts of a search that was interrupted, one a line; "" when there are none.
std::string SoFar(const std::vector<ScoredLayout>& best);

/// "the second one is 0.12 s slower: 0.2 s more of compute, 0.08 s less of launch".
std::string WhyItLost(const StepRecord& winner, const StepRecord& loser);

}  // namespace gridlock
