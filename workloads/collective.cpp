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

// What one call sends over one link, and what its protocol takes longer than the other.
struct Sent {
  Bytes bytes;
  Seconds later;
};

// The protocol that is faster on a link of its own. `wire` is before protocol overheads.
Sent FasterProtocol(CollectiveKind kind, Bytes wire, const CollectiveFit& fit,
                    BytesPerSecond link) {
  const Sent bulk{wire / Efficiency(kind, fit), fit.bulk_latency};
  if (fit.low_latency_efficiency <= 0) {
    return bulk;
  }
  const Sent quick{wire / fit.low_latency_efficiency, Seconds(0)};
  return quick.bytes / link <= bulk.bytes / link + bulk.later ? quick : bulk;
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
  const CollectiveFit& in = server.scale_up;
  const CollectiveFit& out = server.scale_out;
  if (group.domains == 1) {
    const double share = ((n - 1) / n + in.local_copy) / (1 + in.local_copy);
    const Sent sent =
        FasterProtocol(kind, payload * (rounds * share), in, server.accelerator.scale_up_bandwidth);
    cost.domain_bytes = sent.bytes;
    cost.latency = in.base_latency + in.step_latency * (rounds * (n - 1)) + sent.later;
    return cost;
  }
  const double g = group.per_domain;
  const Bytes ring = payload * (rounds * (n - 1) / n);
  const Sent sent = FasterProtocol(kind, ring / g, out, server.nic_bandwidth);
  cost.nic_bytes = sent.bytes;
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
  cost.latency = out.base_latency + steps + sent.later;
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
