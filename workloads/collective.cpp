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
    case CollectiveKind::kAllToAll:
      return fit.all_to_all_efficiency;
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
    case CollectiveKind::kAllToAll:
      return "all_to_all";
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
  if (kind == CollectiveKind::kAllToAll) {
    return AllToAllCost(payload, group, {}, server);
  }
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
  Seconds steps = in.step_latency * (rounds * hops_in) + out.step_latency * (rounds * hops_out);
  if (kind == CollectiveKind::kAllReduce) {
    const double depth = std::ceil(std::log2(static_cast<double>(group.domains)));
    steps =
        std::min(steps, in.step_latency * (rounds * hops_in) + out.step_latency * (rounds * depth));
  }
  cost.latency = out.base_latency + steps;
  return cost;
}

double TokenCopies::DomainsHit(int domains) const {
  const double reached =
      domains_most > 0 ? std::min(domains_most, domains) : static_cast<double>(domains);
  return reached * (1 - std::pow(1 - 1 / reached, copies));
}

CollectiveCost AllToAllCost(Bytes payload, const GroupShape& group, const TokenCopies& tokens,
                            const ServerSpec& server) {
  CollectiveCost cost;
  if (group.ranks <= 1) {
    return cost;
  }
  const double n = group.ranks;
  const double g = group.per_domain;
  const double inside = group.domain_pairs > 0 ? group.domain_pairs : g - 1;
  const double outside = group.nic_pairs > 0 ? group.nic_pairs : n - g;
  const bool once = tokens.copies > 0 && group.domains > 1;
  const double sent = once ? tokens.DomainsHit(group.domains) / tokens.copies : 1.0;
  const double forwarded = once ? group.domains : 1.0;
  cost.domain_bytes = payload * (inside / n * forwarded / server.scale_up.all_to_all_efficiency);
  cost.nic_bytes = payload * (outside / n * sent / server.scale_out.all_to_all_efficiency);
  const CollectiveFit& fit = group.domains > 1 ? server.scale_out : server.scale_up;
  cost.latency = fit.base_latency + fit.step_latency;
  return cost;
}

}  // namespace gridlock
