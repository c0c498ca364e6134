#include "workloads/program/program.h"

namespace gridlock {

std::vector<CollectiveCost> CostsOf(const Collective& collective, const GroupShape& group,
                                    const ServerSpec& server) {
  std::vector<CollectiveCost> costs = collective.algorithm->costs(
      {collective.kind, collective.payload, group, server, collective.tokens});
  for (CollectiveCost& cost : costs) {
    cost.domain_bytes = cost.domain_bytes * collective.calls;
    cost.nic_bytes = cost.nic_bytes * collective.calls;
    cost.latency = cost.latency * collective.calls;
  }
  return costs;
}

}  // namespace gridlock
