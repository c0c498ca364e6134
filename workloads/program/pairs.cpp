// Algorithms without relays: every byte goes straight from the rank that has it to the rank that
// wants it.

#include <algorithm>
#include <cmath>
#include <string>

#include "workloads/program/algorithm.h"

namespace gridlock {

namespace {

std::vector<PhaseShape> OverRanks(void (*edges)(int nodes, int step, const EdgeSink& sink)) {
  PhaseShape shape;
  shape.over_ranks = {edges};
  return {shape};
}

// What one channel sends to one other rank by the protocol of short messages: all-to-alls of 16 to
// 128 KiB on A100, H100, H200 and B200 grow by a microsecond for each 5.9 to 7.4 KB to each rank,
// whatever the link (NVIDIA aiconfigurator database, NCCL 2.27 and 2.29).
constexpr BytesPerSecond kShortRate(6.5e9);

// What an all-to-all inside a domain waits beside its bytes. Messages to n - 1 others start in
// log2 n steps. Long ones wait for their chunks, and at least for the fence of a chunk; short ones
// go one by one over a slow channel each, where the fit knows that protocol. What a rank copies to
// itself goes on the way of the others.
Seconds PairsDelay(const CollectiveCall& call) {
  const CollectiveFit& in = call.server.scale_up;
  const double n = call.group.ranks;
  const Load port = DomainLoad(call, in.all_to_all_efficiency, call.payload * ((n - 1) / n));
  const Seconds start = in.base_latency + in.step_latency * std::max(1.0, std::log2(n));
  const Seconds fence = in.bulk_step_latency - in.step_latency;
  if (fence <= Seconds(0)) {
    return start + port.chunks();
  }
  const Seconds wire = port.bytes() * WithOwnPart(in, n - 1) / port.bandwidth;
  const Seconds slowly = std::max(Seconds(0), call.payload / n / kShortRate - wire);
  return start + std::min(slowly, std::max(fence, port.chunks()));
}

// Each rank holds S bytes, keeps 1/n of them, and sends 1/n to every other, all at once, across
// domains after one step of latency: with g members in its domain (g-1)/n S through its port and
// (n-g)/n S through its NIC. When tokens go to each domain once, the NIC carries one copy for each
// domain hit instead of one for each expert, and the domain forwards (g-1)/g S, of several experts
// on one rank once (DeepSeek-V3, arXiv:2412.19437, section 3.2.2; deepseek-ai/DeepEP,
// csrc/kernels/intranode.cu, is_token_in_rank): of 8 experts on 8 ranks 5.3 copies.
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
  const double held =
      call.tokens.copies > 0
          ? call.tokens.RanksHit(group.domains, group.ranks / group.domains) / call.tokens.copies
          : 1.0;
  const double forwarded = held * (once ? group.domains : 1.0);
  const CollectiveFit& in = server.scale_up;
  const double own = WithOwnPart(in, group.per_domain - 1);
  cost.domain_bytes = call.payload * (forwarded / n * own / in.all_to_all_efficiency);
  const CollectiveFit& out = server.across();
  const double efficiency = once ? out.forwarded_efficiency : out.all_to_all_efficiency;
  cost.nic_bytes = call.payload * (sent / n / efficiency);
  const Bytes leaving = call.payload * (sent * (n - group.per_domain) / n);
  cost.latency = group.domains > 1 ? out.base_latency + out.step_latency + group.far_hop +
                                         NicLoad(call, efficiency, leaving).chunks()
                                   : PairsDelay(call);
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
  cost.latency += group.wan_latency;  // of messages also the switches beyond the first one
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
