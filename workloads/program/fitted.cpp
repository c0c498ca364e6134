#include <algorithm>
#include <vector>

#include "workloads/program/algorithm.h"

namespace gridlock {

extern const Algorithm kTree;
extern const Algorithm kInSwitch;
extern const Algorithm kSwitchTree;

bool UsesSwitch(const GroupShape& group, const ServerSpec& server) {
  return server.scale_up.in_switch_efficiency > 0 && group.per_domain > kRingRanksMost;
}

namespace {

// Whether a library takes the switches in place of rings, or of trees. In domains of a board the
// faster of both comes out. In wider ones it follows its own model, which does not know what a
// pipeline through so many ranks costs.
bool PrefersSwitch(const CollectiveCall& call, bool tree) {
  if (call.group.per_domain > kBoardRanks) {
    return ExpectedOfSwitch(call) < (tree ? ExpectedOfTree(call) : ExpectedOfRing(call));
  }
  const CollectiveCost plain = tree ? TreeLoad(call) : RingCost(call);
  const CollectiveCost in_switch =
      call.group.domains == 1 ? InSwitchCost(call) : SwitchTreeLoad(call);
  return TimeAlone(in_switch, call) < TimeAlone(plain, call);
}

}  // namespace

const Algorithm& LibraryChoice(const CollectiveCall& call,
                               std::span<const Algorithm* const> excluded) {
  const GroupShape& group = call.group;
  // Software of direct networks knows rings alone.
  if (call.kind != CollectiveKind::kAllReduce || group.ranks <= 1 || call.server.direct) {
    return kRing;
  }
  const auto has = [&excluded](const Algorithm& algorithm) {
    return std::find(excluded.begin(), excluded.end(), &algorithm) == excluded.end();
  };
  const bool tree = group.domains > 1 && has(kTree) &&
                    (!has(kRing) || ExpectedOfTree(call) < ExpectedOfRing(call));
  const Bytes longest = call.server.scale_up.switch_tree_longest;
  const bool joined = group.domains == 1 || longest <= Bytes(0) || call.payload <= longest;
  const Algorithm& in_switch = group.domains == 1 ? kInSwitch : kSwitchTree;
  if (UsesSwitch(group, call.server) && joined && has(in_switch) && PrefersSwitch(call, tree)) {
    return in_switch;
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
