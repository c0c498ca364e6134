#pragma once

// What each link carries in a step, added up from the plan: the evaluators move the same bytes.

#include <cstddef>
#include <vector>

#include "sim/plan/plan.h"
#include "sim/record/link_use.h"
#include "workloads/program/program.h"

namespace gridlock {

/// How many of the hottest links a record keeps.
inline constexpr std::size_t kHottestKept = 10;

/// Bytes on each resource of a plan of one job, protocol included; in a folded plan on one of those
/// alike. HBM gets what transfers take of it, without what passes read and write themselves.
std::vector<Bytes> CarriedByResources(const StepProgram& program, const Plan& plan,
                                      const ServerSpec& server);

/// The links with the highest share of their capacity in use, mean over a step that takes `step`;
/// at most kHottestKept. Of links with the same share the one with the lower number stands first.
std::vector<LinkUse> HottestLinks(const StepProgram& program, const Plan& plan,
                                  const ServerSpec& server, const Network& network, Seconds step);

}  // namespace gridlock
