// All-reduce that the switch of a scale-up domain adds up (NVIDIA's NVLS). The switch reads all n
// buffers once, and every rank gets its nth of the sum (multimem.ld_reduce). A rank then sends its
// nth, which the switch hands to all (multimem.st). So (1 + 1/n) S go each way through a port.
//
// Up to eight ranks that is what the ports wait for. In wider domains it is not: 72 GB200 of one
// rack add up 8 GiB at the same bus bandwidth as 8 B200, 835 and 838 GB/s (coreweave/nccl-tests,
// README; stas00/ml-engineering, network), which is also what NCCL's own model says of any number
// of ranks (src/graph/tuning.cc). So from there on the bus bandwidth stays, and 2 (n-1)/n grows.

#include <algorithm>
#include <string>

#include "workloads/program/algorithm.h"

namespace gridlock {

double InSwitchWire(int ranks) {
  const double n = ranks;
  if (ranks <= kBoardRanks) {
    return 1 + 1 / n;
  }
  const double board = kBoardRanks;
  return (1 + 1 / board) * ((1 - 1 / n) / (1 - 1 / board));
}

Seconds PipelineFill(const CollectiveCall& call, const Load& port, double steps) {
  const int more = std::max(0, call.group.per_domain - kBoardRanks);
  const Seconds full = call.server.scale_up.in_switch_rank_latency * (more * (1 + steps));
  return std::min(full, port.bytes() / port.bandwidth * (2 * (1 + steps)));
}

CollectiveCost InSwitchCost(const CollectiveCall& call) {
  const CollectiveFit& in = call.server.scale_up;
  const Load port =
      DomainLoad(call, in.in_switch_efficiency, call.payload * InSwitchWire(call.group.ranks));
  CollectiveCost cost;
  cost.domain_bytes = port.bytes();
  cost.latency =
      port.chunks() + in.base_latency + in.in_switch_latency + PipelineFill(call, port, 0);
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
