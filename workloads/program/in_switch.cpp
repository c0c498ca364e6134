// All-reduce that the switch of a scale-up domain adds up (NVIDIA's NVLS). The switch reads all n
// buffers once, and every rank gets its nth of the sum (multimem.ld_reduce). A rank then sends its
// nth, which the switch hands to all (multimem.st). So (1 + 1/n) S go each way through a port.

#include <string>

#include "workloads/program/algorithm.h"

namespace gridlock {

extern const Algorithm kInSwitch;

CollectiveCost InSwitchCost(const CollectiveCall& call) {
  const CollectiveFit& in = call.server.scale_up;
  const double own = 1.0 / call.group.ranks;
  const Load port = DomainLoad(call, in.in_switch_efficiency, call.payload * (1 + own));
  CollectiveCost cost;
  cost.domain_bytes = port.bytes();
  cost.latency = port.chunks() + in.base_latency + in.in_switch_latency;
  return cost;
}

std::string SwitchAddsNothing(const ServerSpec& server) {
  return server.scale_up.in_switch_efficiency > 0
             ? ""
             : "no switch of " + server.name + " adds up (scale_up.in_switch_efficiency)";
}

const Algorithm kInSwitch{
    .name = "in_switch",
    .words = "the switch of the scale-up domain adds up",
    .carries =
        [](CollectiveKind kind) {
          return kind == CollectiveKind::kAllReduce;
        },
    .refuses = [](const GroupShape& group, const ServerSpec& server) -> std::string {
      if (group.domains > 1) {
        return "it adds up inside one scale-up domain, and a group lies in " +
               std::to_string(group.domains) + "; \"in_switch_tree\" joins domains";
      }
      return SwitchAddsNothing(server);
    },
    .chosen = UsesSwitch,
    .shapes =
        [](const GroupShape& group) {
          return std::vector<PhaseShape>{RingShape(group)};
        },
    .costs =
        [](const CollectiveCall& call) {
          return std::vector<CollectiveCost>{InSwitchCost(call)};
        },
};

}  // namespace gridlock
