#include <string>

#include "workloads/program/algorithm.h"

namespace gridlock {

CollectiveCost FittedCost(const CollectiveCall& call) {
  const double efficiency = EfficiencyOf(call.kind, call.server.scale_up);
  // The bytes of rings either way: a short message is all delay, a long one is all bytes.
  return call.kind == CollectiveKind::kAllReduce
             ? RingCost(call, efficiency, TreeDelay(call.group, call.server))
             : RingCost(call, efficiency);
}

const Algorithm kFitted{
    .name = "fitted",
    .words = "as the fits were measured: rings, with the delay of a tree where that is shorter",
    .carries =
        [](CollectiveKind kind) {
          return kind == CollectiveKind::kAllReduce || kind == CollectiveKind::kAllGather ||
                 kind == CollectiveKind::kReduceScatter;
        },
    .refuses =
        [](const GroupShape& /*group*/, const ServerSpec& /*server*/) {
          return std::string();
        },
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
