// Algorithms without relays: every byte goes straight from the rank that has it to the rank that
// wants it.

#include <string>

#include "workloads/program/algorithm.h"

namespace gridlock {

extern const Algorithm kNeighbours;

namespace {

std::vector<PhaseShape> OverRanks(void (*edges)(int nodes, int step, const EdgeSink& sink)) {
  PhaseShape shape;
  shape.over_ranks = {edges};
  return {shape};
}

// Each rank holds S bytes, keeps 1/n of them, and sends 1/n to every other, all at once, after one
// step of latency: with g members in its domain (g-1)/n S through its port and (n-g)/n S through
// its NIC. When tokens go to each domain once, the NIC carries one copy for each domain hit instead
// of one for each expert, and the domain forwards (g-1)/g S (DeepSeek-V3, arXiv:2412.19437, section
// 3.2.2).
CollectiveCost PairsCost(const CollectiveCall& call) {
  const GroupShape& group = call.group;
  CollectiveCost cost;
  if (group.ranks <= 1) {
    return cost;
  }
  const ServerSpec& server = call.server;
  const double n = group.ranks;
  const bool once = call.tokens.copies > 0 && group.domains > 1;
  const double sent = once ? call.tokens.DomainsHit(group.domains) / call.tokens.copies : 1.0;
  const double forwarded = once ? group.domains : 1.0;
  cost.domain_bytes = call.payload * (forwarded / n / server.scale_up.all_to_all_efficiency);
  const CollectiveFit& out = server.across();
  const double efficiency = once ? out.forwarded_efficiency : out.all_to_all_efficiency;
  cost.nic_bytes = call.payload * (sent / n / efficiency);
  const CollectiveFit& fit = group.domains > 1 ? out : server.scale_up;
  const Bytes leaving = call.payload * (sent * (n - group.per_domain) / n);
  cost.latency = fit.base_latency + fit.step_latency +
                 (group.domains > 1 ? NicLoad(call, efficiency, leaving).chunks()
                                    : DomainLoad(call, 1, call.payload * ((n - 1) / n)).chunks());
  return cost;
}

// Each rank sends its whole buffer to the next rank and receives that of the one before.
CollectiveCost NeighbourCost(const CollectiveCall& call) {
  const GroupShape& group = call.group;
  CollectiveCost cost;
  if (group.ranks <= 1) {
    return cost;
  }
  const CollectiveFit& in = call.server.scale_up;
  const CollectiveFit& out = call.server.across();
  cost.domain_bytes = call.payload / in.send_efficiency;
  cost.nic_bytes = call.payload / out.send_efficiency;
  const CollectiveFit& slowest = group.domains > 1 ? out : in;
  cost.latency = slowest.send_latency > Seconds(0) ? slowest.send_latency
                                                   : slowest.base_latency + slowest.step_latency;
  return cost;
}

}  // namespace

void PairEdges(int nodes, int /*step*/, const EdgeSink& sink) {
  for (int from = 0; from < nodes; ++from) {
    for (int to = 0; to < nodes; ++to) {
      if (from != to) {
        sink(from, to);
      }
    }
  }
}

const Algorithm kPairs{
    .name = "pairs",
    .words = "every rank sends its part straight to every other",
    .carries =
        [](CollectiveKind kind) {
          return kind == CollectiveKind::kAllToAll;
        },
    .refuses = RunsAlways,
    .chosen = ChosenAlways,
    .shapes =
        [](const GroupShape& /*group*/) {
          return OverRanks(PairEdges);
        },
    .costs =
        [](const CollectiveCall& call) {
          return std::vector<CollectiveCost>{PairsCost(call)};
        },
};

const Algorithm kNeighbours{
    .name = "neighbours",
    .words = "every rank sends to the next one",
    .carries =
        [](CollectiveKind kind) {
          return kind == CollectiveKind::kSendReceive;
        },
    .refuses = RunsAlways,
    .chosen = ChosenAlways,
    .shapes =
        [](const GroupShape& /*group*/) {
          return OverRanks(RingEdges);
        },
    .costs =
        [](const CollectiveCall& call) {
          return std::vector<CollectiveCost>{NeighbourCost(call)};
        },
};

}  // namespace gridlock
