#include <algorithm>
#include <string>

#include "sim/base/check.h"
#include "workloads/program/algorithm.h"

namespace gridlock {

namespace {

double RoundsOf(CollectiveKind kind) {
  return kind == CollectiveKind::kAllReduce ? 2.0 : 1.0;
}

CollectiveCost InsideADomain(const CollectiveCall& call, double efficiency) {
  const double rounds = RoundsOf(call.kind);
  const double n = call.group.ranks;
  const CollectiveFit& in = call.server.scale_up;
  const double share = WithLocalCopy((n - 1) / n, in);
  const Sent sent = FasterProtocol(call.payload * (rounds * share),
                                   {in, call.server.RingBandwidth(call.group.ranks), efficiency});
  CollectiveCost cost;
  cost.domain_bytes = sent.bytes;
  cost.latency = in.base_latency + in.step_latency * (rounds * (n - 1)) + sent.later;
  return cost;
}

bool Carries(CollectiveKind kind) {
  return kind == CollectiveKind::kAllReduce || kind == CollectiveKind::kAllGather ||
         kind == CollectiveKind::kReduceScatter;
}

}  // namespace

double RingEfficiency(CollectiveKind kind, const CollectiveFit& in) {
  if (kind == CollectiveKind::kAllReduce && in.reduces_in_switch) {
    return 2 / (1 / in.reduce_scatter_efficiency + 1 / in.all_gather_efficiency);
  }
  return EfficiencyOf(kind, in);
}

void RingEdges(int nodes, int /*step*/, const EdgeSink& sink) {
  for (int node = 0; node < nodes; ++node) {
    sink(node, (node + 1) % nodes);
  }
}

PhaseShape RingShape(const GroupShape& group) {
  PhaseShape shape;
  shape.ports = group.ranks > group.domains;
  if (group.domains > 1) {
    shape.over_domains = {RingEdges};
  }
  return shape;
}

CollectiveCost RingCost(const CollectiveCall& call, double efficiency, Seconds steps_most) {
  const GroupShape& group = call.group;
  const ServerSpec& server = call.server;
  if (group.ranks <= 1) {
    return {};
  }
  CHECK(group.per_domain >= 1 && group.domains >= 1);
  if (group.domains == 1) {
    return InsideADomain(call, efficiency);
  }
  const double rounds = RoundsOf(call.kind);
  const double n = group.ranks;
  const double g = group.per_domain;
  const CollectiveFit& in = server.scale_up;
  const CollectiveFit& out = server.across();
  const Bytes ring = call.payload * (rounds * (n - 1) / n);
  const Sent sent =
      FasterProtocol(ring / g, {out, server.across_bandwidth(), EfficiencyOf(call.kind, out)});
  const double hops_in = n / group.domains - 1;
  const double hops_out = group.domains - 1;
  const double fibres = group.domains > group.sites ? group.sites : group.sites - 1;
  CollectiveCost cost;
  cost.nic_bytes = sent.bytes;
  cost.domain_bytes = ring * ((g - 1) / g) / efficiency;
  const Seconds steps = in.step_latency * (rounds * hops_in) +
                        out.step_latency * (rounds * hops_out) +
                        group.wan_latency * (rounds * fibres);
  cost.latency = out.base_latency + std::min(steps, steps_most) + sent.later;
  return cost;
}

const Algorithm kRing{
    .name = "ring",
    .words = "rings, one through each NIC of a domain",
    .carries = Carries,
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
          return std::vector<CollectiveCost>{
              RingCost(call, RingEfficiency(call.kind, call.server.scale_up))};
        },
};

}  // namespace gridlock
