#include <algorithm>
#include <string>
#include <vector>

#include "workloads/program/algorithm.h"

namespace gridlock {

namespace {

// The ways that a library has for a call, each as the load of a port and of a NIC.
std::vector<CollectiveCost> Ways(const CollectiveCall& call) {
  std::vector<CollectiveCost> ways{RingCost(call)};
  if (call.kind != CollectiveKind::kAllReduce || call.group.ranks <= 1) {
    return ways;
  }
  ways.push_back(TreeLoad(call));
  if (UsesSwitch(call.group, call.server)) {
    ways.push_back(call.group.domains == 1 ? InSwitchCost(call) : SwitchTreeLoad(call));
  }
  return ways;
}

}  // namespace

bool UsesSwitch(const GroupShape& group, const ServerSpec& server) {
  return server.scale_up.in_switch_efficiency > 0 && group.per_domain > kRingRanksMost;
}

CollectiveCost FittedCost(const CollectiveCall& call) {
  const std::vector<CollectiveCost> ways = Ways(call);
  return *std::min_element(ways.begin(), ways.end(),
                           [&call](const CollectiveCost& a, const CollectiveCost& b) {
                             return TimeAlone(a, call) < TimeAlone(b, call);
                           });
}

const Algorithm kFitted{
    .name = "fitted",
    .words = "the fastest that a library has for the size, over the links of rings",
    .carries = kRing.carries,
    .refuses = RunsAlways,
    .chosen = ChosenNever,
    .shapes =
        [](const GroupShape& group) {
          return std::vector<PhaseShape>{RingShape(group)};
        },
    .costs =
        [](const CollectiveCall& call) {
          return std::vector<CollectiveCost>{FittedCost(call)};
        },
};

}  // namespace gridlock
