#include <algorithm>
#include <string>

#include "sim/base/check.h"
#include "topologies/torus/grid.h"
#include "workloads/program/algorithm.h"
#include "workloads/program/steps.h"

namespace gridlock {

namespace {

double RoundsOf(CollectiveKind kind) {
  return kind == CollectiveKind::kAllReduce ? 2.0 : 1.0;
}

// From one rank to all others, or from all to one: the whole buffer passes every rank.
bool IsRooted(CollectiveKind kind) {
  return kind == CollectiveKind::kBroadcast || kind == CollectiveKind::kReduce;
}

// Bytes that a rank sends, without its own copy.
Bytes WireOf(const CollectiveCall& call) {
  const double n = call.group.ranks;
  return IsRooted(call.kind) ? call.payload : call.payload * (RoundsOf(call.kind) * (n - 1) / n);
}

// A gather copies what the rank itself contributes, a scatter what it keeps.
Bytes CopyOf(const CollectiveCall& call) {
  const bool copies =
      call.kind == CollectiveKind::kAllGather || call.kind == CollectiveKind::kReduceScatter;
  return copies ? call.payload * (call.server.scale_up.local_copy / call.group.ranks) : Bytes(0);
}

// The same of all domains of a group, one after another.
double StepsOfAllDomains(const CollectiveCall& call) {
  const GroupShape& group = call.group;
  return call.server.network.is_torus()
             ? static_cast<double>(group.domains) * StepsInside(call.server, group.per_domain)
             : group.ranks - group.domains;
}

// A chain has passed a chunk through all servers before its last rank has anything, and NICs send a
// chunk of a ring when it is whole: 512 KiB (NVIDIA/nccl: NCCL_BUFFSIZE of 4 MiB in NCCL_STEPS of
// 8, one step at a time in collectives with a root). All other rings begin with what their ranks
// hold.
constexpr Bytes kChunk(524288);

Seconds FillingOf(const CollectiveCall& call, Bytes of_ring) {
  if (!IsRooted(call.kind) || call.server.direct) {
    return Seconds(0);
  }
  return std::min(of_ring, kChunk) / NicShareOf(call) * (call.group.domains - 1);
}

CollectiveCost InsideADomain(const CollectiveCall& call) {
  const CollectiveFit& in = call.server.scale_up;
  CollectiveCost cost =
      CostInside(DomainLoad(call, EfficiencyOf(call.kind, in), WireOf(call) + CopyOf(call)));
  const int steps = call.group.ring_steps > 0 ? call.group.ring_steps
                                              : StepsInside(call.server, call.group.ranks);
  cost.latency += in.base_latency + in.step_latency * (RoundsOf(call.kind) * steps);
  return cost;
}

bool RingCarries(CollectiveKind kind) {
  return kind == CollectiveKind::kAllReduce || kind == CollectiveKind::kAllGather ||
         kind == CollectiveKind::kReduceScatter || IsRooted(kind);
}

}  // namespace

// Chips of a torus pass it on along its axes, cores of a chip one after another.
int StepsInside(const ServerSpec& server, int members) {
  const ScaleUpSpec& inside = server.network;
  if (!inside.is_torus() || server.direct) {
    return members - 1;
  }
  const int chips = (members + inside.cores - 1) / inside.cores;
  return RingSteps(inside.torus, inside.open_axes(), chips) + std::min(members, inside.cores) - 1;
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

CollectiveCost RingCost(const CollectiveCall& call) {
  const GroupShape& group = call.group;
  const ServerSpec& server = call.server;
  if (group.ranks <= 1) {
    return {};
  }
  CHECK(group.per_domain >= 1 && group.domains >= 1);
  if (group.domains == 1) {
    return InsideADomain(call);
  }
  const double rounds = RoundsOf(call.kind);
  const double g = group.per_domain;
  const CollectiveFit& in = server.scale_up;
  const CollectiveFit& out = server.across();
  const Bytes wire = WireOf(call);
  const Load nic = NicLoad(call, EfficiencyOf(call.kind, out), wire / g);
  const Load domain = DomainLoad(call, EfficiencyOf(call.kind, in), wire * ((g - 1) / g));
  const double steps_out = rounds * (group.domains - 1);
  const double fibres = group.domains > group.sites ? group.sites : group.sites - 1;
  // Chunks of a ring follow each other closely: what they wait is in the law of chunks.
  CollectiveCost cost = CostAcross(nic, domain, 0);
  if (group.ring_steps > 0) {
    cost.latency += out.base_latency + out.step_latency * (rounds * group.ring_steps);
    return cost;
  }
  cost.latency += out.base_latency + in.step_latency * (rounds * StepsOfAllDomains(call)) +
                  (out.step_latency + group.ring_hop) * steps_out +
                  group.wan_latency * (rounds * fibres) + FillingOf(call, wire / g);
  return cost;
}

const Algorithm kRing{
    .name = "ring",
    .words = "rings, one through each NIC of a domain",
    .carries = RingCarries,
    .refuses = RunsAlways,
    .chosen = ChosenAlways,
    .shapes =
        [](const GroupShape& group) {
          return std::vector<PhaseShape>{RingShape(group)};
        },
    .costs =
        [](const CollectiveCall& call) {
          return std::vector<CollectiveCost>{RingCost(call)};
        },
};

}  // namespace gridlock
