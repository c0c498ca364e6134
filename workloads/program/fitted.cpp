#include <vector>

#include "workloads/program/algorithm.h"

namespace gridlock {

extern const Algorithm kTree;
extern const Algorithm kInSwitch;
extern const Algorithm kSwitchTree;

bool UsesSwitch(const GroupShape& group, const ServerSpec& server) {
  return server.scale_up.in_switch_efficiency > 0 && group.per_domain > kRingRanksMost;
}

const Algorithm& LibraryChoice(const CollectiveCall& call) {
  const GroupShape& group = call.group;
  // Software of direct networks knows rings alone.
  if (call.kind != CollectiveKind::kAllReduce || group.ranks <= 1 || call.server.direct) {
    return kRing;
  }
  const bool tree = group.domains > 1 && ExpectedOfTree(call) < ExpectedOfRing(call);
  const Bytes longest = call.server.scale_up.switch_tree_longest;
  const bool joined = group.domains == 1 || longest <= Bytes(0) || call.payload <= longest;
  if (UsesSwitch(group, call.server) && joined) {
    const CollectiveCost plain = tree ? TreeLoad(call) : RingCost(call);
    const CollectiveCost in_switch = group.domains == 1 ? InSwitchCost(call) : SwitchTreeLoad(call);
    if (TimeAlone(in_switch, call) < TimeAlone(plain, call)) {
      return group.domains == 1 ? kInSwitch : kSwitchTree;
    }
  }
  return tree ? kTree : kRing;
}

CollectiveCost FittedCost(const CollectiveCall& call) {
  const Algorithm& choice = LibraryChoice(call);
  if (&choice == &kTree) {
    return TreeLoad(call);
  }
  if (&choice == &kSwitchTree) {
    return SwitchTreeLoad(call);
  }
  return &choice == &kInSwitch ? InSwitchCost(call) : RingCost(call);
}

const Algorithm kFitted{
    .name = "fitted",
    .words = "what a library takes for the size, over the links of rings",
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
