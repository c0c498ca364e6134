// All-reduce that the switch of a scale-up domain adds up (NVIDIA's NVLS): a rank sends its buffer
// once and gets the sum once. What was measured so stands in the fit in terms of bus bandwidth,
// that is of the bytes of a ring, and so do its delays.

#include <string>

#include "workloads/program/algorithm.h"

namespace gridlock {

extern const Algorithm kInSwitch;

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
               std::to_string(group.domains);
      }
      if (!server.scale_up.reduces_in_switch) {
        return "nobody measured it on " + server.name + " (scale_up.reduces_in_switch)";
      }
      return "";
    },
    .shapes =
        [](const GroupShape& group) {
          return std::vector<PhaseShape>{RingShape(group)};
        },
    .costs =
        [](const CollectiveCall& call) {
          return std::vector<CollectiveCost>{
              RingCost(call, call.server.scale_up.all_reduce_efficiency)};
        },
};

}  // namespace gridlock
