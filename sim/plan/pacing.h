#pragma once

// What the solver of max-min rates has to know of a plan. A ring over 16,384 accelerators crosses
// 100,000 links, and one of them sets its pace: the others need not be told to the solver.

#include <cstdint>
#include <vector>

#include "sim/plan/plan.h"

namespace gridlock {

/// A resource as the solver sees it.
struct PaceSetter {
  /// False: the resource is never the only full one. Then no route needs to list it.
  bool can_be_first = false;
  /// What all weights on it share: the solver takes weight / unit of capacity / unit.
  std::int32_t unit = 1;
};

/// By resource. Of resources that the same routes cross with the same weights (over the unit of
/// each) only the narrowest is kept, the first one where several are: it is full before the others
/// are, whatever runs. Nor are those kept that others guard: where all routes over a link cross
/// another one that is as narrow for each of them, or where the narrowest other links of its routes
/// together let by no more than it carries. The set of possible rates, and so the max-min fair
/// ones, are the same without it. HBM guards no links, because some transfers leave it out.
/// Resources that cannot bind, or that no route crosses, are not kept.
std::vector<PaceSetter> PaceSettersOf(const Plan& plan);

/// The same where routes change: all resources that can bind and that some route crosses, with what
/// all weights on each share.
std::vector<PaceSetter> UnprunedPaceSetters(const Plan& plan);

/// How many links the routes of a plan list for the solver, a link of weight k counting k times.
std::int64_t ListedLinks(const Plan& plan, const std::vector<PaceSetter>& pace_setters);

}  // namespace gridlock
