#pragma once

// What each link carries in a step, added up from the plan: the evaluators move the same bytes.

#include <cstddef>
#include <cstdint>
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

/// The resources with the highest share of their capacity in use, of those that are links; at most
/// `count`. Of those with the same share the one with the lower number of its link stands first.
std::vector<std::int32_t> HottestResources(const Plan& plan, const std::vector<Bytes>& carried,
                                           std::size_t count);

/// What is reported of a link of the plan, with its mean use over a step that takes `step`.
LinkUse UseOf(const Plan& plan, std::int32_t resource, const Network& network, Bytes carried,
              Seconds step);

}  // namespace gridlock
