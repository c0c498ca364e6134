#pragma once

// Folding: the coarsest equitable partition of a plan, and the small plan that stands for it.
//
// Colour refinement starts with equal colours for equal roles, capacities and places in the
// program, and splits colours until every member of a colour sees the same number of members of
// every other colour. Max-min fair rates and the order of events are then equal within a colour, so
// one member with integer weights carries the class: class resource L stands in the route of class
// transfer F as often as F-transfers cross ONE resource of class L. (Grohe, Kersting, Mladenov,
// Schweitzer: "Dimension reduction via colour refinement", ESA 2014.) Unequal pods, odd counts and
// hashed routes make more classes; nothing is refused.

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/plan/changing_plan.h"
#include "sim/plan/plan.h"

namespace gridlock {

struct FoldStatistics {
  int rounds = 0;
  std::int64_t resources = 0, agents = 0, flows = 0, groups = 0;  ///< classes
};

/// Whether a folded plan knows what has become of each link (Plan::link_classes).
enum class Links { kForgotten, kKept };

/// Folds an expanded plan. `statistics` may be null.
Plan Fold(const Plan& plan, FoldStatistics* statistics = nullptr, Links links = Links::kForgotten);

/// The same, unless more than so many agents are unlike.
std::optional<Plan> FoldOfFew(const Plan& plan, std::size_t agents_most, Links links);

/// The same of a plan that changes. What is alike is so in every epoch: of a link that fails, what
/// crosses it and what shares links with that are apart from the others, in their number alike.
ChangingPlan Fold(const ChangingPlan& changing, Links links = Links::kForgotten);

/// The fold of Expand(placed, network), made without laying out what is known to be alike where
/// links are forgotten. Throws as Expand.
Plan FoldedPlan(const std::vector<PlacedProgram>& placed, const Network& network,
                Links links = Links::kForgotten);

}  // namespace gridlock
