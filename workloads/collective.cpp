#include "workloads/collective.h"

#include <algorithm>
#include <cmath>

#include "sim/base/check.h"

namespace gridlock {

namespace {

double Efficiency(CollectiveKind kind, const CollectiveFit& fit) {
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return fit.all_reduce_efficiency;
    case CollectiveKind::kAllGather:
      return fit.all_gather_efficiency;
    case CollectiveKind::kReduceScatter:
      return fit.reduce_scatter_efficiency;
  }
  return 1.0;
}

}  // namespace

const char* CollectiveName(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return "all_reduce";
    case CollectiveKind::kAllGather:
      return "all_gather";
    case CollectiveKind::kReduceScatter:
      return "reduce_scatter";
  }
  return "";
}

CollectiveCost CostOf(CollectiveKind kind, Bytes payload, const GroupShape& group,
                      const ServerSpec& server) {
  CollectiveCost cost;
  if (group.ranks <= 1) {
    return cost;
  }
  CHECK(group.per_domain >= 1 && group.domains >= 1);
  const double rounds = kind == CollectiveKind::kAllReduce ? 2.0 : 1.0;
  const double n = group.ranks;
  const Bytes ring = payload * (rounds * (n - 1) / n);
  const CollectiveFit& in = server.scale_up;
  const CollectiveFit& out = server.scale_out;
  if (group.domains == 1) {
    cost.domain_bytes = ring / Efficiency(kind, in);
    cost.latency = in.base_latency + in.step_latency * (rounds * (n - 1));
    return cost;
  }
  const double g = group.per_domain;
  cost.nic_bytes = ring / (g * Efficiency(kind, out));
  cost.domain_bytes = ring * ((g - 1) / g) / Efficiency(kind, in);
  const double hops_in = n / group.domains - 1;
  const double hops_out = group.domains - 1;
  const double fibres = group.domains > group.sites ? group.sites : group.sites - 1;
  Seconds steps = in.step_latency * (rounds * hops_in) + out.step_latency * (rounds * hops_out) +
                  group.wan_latency * (rounds * fibres);
  if (kind == CollectiveKind::kAllReduce) {
    const double depth = std::ceil(std::log2(static_cast<double>(group.domains)));
    const double tree_fibres = std::ceil(std::log2(static_cast<double>(group.sites)));
    steps =
        std::min(steps, in.step_latency * (rounds * hops_in) + out.step_latency * (rounds * depth) +
                            group.wan_latency * (rounds * tree_fibres));
  }
  cost.latency = out.base_latency + steps;
  return cost;
}

}  // namespace gridlock
