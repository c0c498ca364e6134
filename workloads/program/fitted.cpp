#include <algorithm>
#include <vector>

#include "workloads/program/algorithm.h"
#include "workloads/program/steps.h"

namespace gridlock {

bool UsesSwitch(const GroupShape& group, const ServerSpec& server) {
  return server.scale_up.in_switch_efficiency > 0 && group.per_domain > kRingRanksMost;
}

bool JoinsHosts(const GroupShape& group, const ServerSpec& server) {
  return group.domains == 1 && group.ranks > kHostRanksMost && !server.direct &&
         server.network.links == ScaleUpSpec::Links::kSwitch &&
         server.scale_up.in_switch_efficiency <= 0;
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

// What takes the place of rings where few steps count.
const Algorithm& TreesOf(CollectiveKind kind) {
  return kind == CollectiveKind::kAllReduce ? kTree : kAggregatedTrees;
}

// Of a domain that spans hosts the faster of rings and trees.
const Algorithm& QuickestOfHosts(const CollectiveCall& call, bool has_ring, bool has_trees) {
  const Algorithm& trees = TreesOf(call.kind);
  if (!trees.carries(call.kind) || !has_trees) {
    return kRing;
  }
  const CollectiveCost cost = &trees == &kTree ? TreeLoad(call) : AggregatedTreesLoad(call);
  return !has_ring || TimeAlone(cost, call) < TimeAlone(RingCost(call), call) ? trees : kRing;
}

// NCCL 2.23 and later joins one rank of each domain so, where it expects less of it than of rings.
template <typename Has>
bool TakesAggregatedTrees(const CollectiveCall& call, const Has& has) {
  const GroupShape& group = call.group;
  return group.domains > 1 && group.ranks == group.domains && kAggregatedTrees.carries(call.kind) &&
         has(kAggregatedTrees) &&
         (!has(kRing) || ExpectedOfAggregatedTrees(call) < ExpectedOfRing(call));
}

}  // namespace

const Algorithm& LibraryChoice(const CollectiveCall& call,
                               std::span<const Algorithm* const> excluded) {
  const GroupShape& group = call.group;
  // Software of direct networks knows rings alone.
  if (group.ranks <= 1 || call.server.direct) {
    return kRing;
  }
  const auto has = [&excluded](const Algorithm& algorithm) {
    return std::find(excluded.begin(), excluded.end(), &algorithm) == excluded.end();
  };
  if (JoinsHosts(group, call.server)) {
    return QuickestOfHosts(call, has(kRing), has(TreesOf(call.kind)));
  }
  if (call.kind != CollectiveKind::kAllReduce) {
    return TakesAggregatedTrees(call, has) ? kAggregatedTrees : kRing;
  }
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

// Of steps, whose stacks were fitted to runs with earlier libraries: gathers and scatters between
// servers go by rings.
CollectiveCost FittedCost(const CollectiveCall& call) {
  if (call.group.domains > 1 && call.kind != CollectiveKind::kAllReduce) {
    return RingCost(call);
  }
  const Algorithm& choice = LibraryChoice(call);
  if (&choice == &kTree) {
    return TreeLoad(call);
  }
  if (&choice == &kSwitchTree) {
    return SwitchTreeLoad(call);
  }
  if (&choice == &kAggregatedTrees) {
    return AggregatedTreesLoad(call);
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
