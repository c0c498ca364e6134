// All-gather and reduce-scatter by aggregated trees (S. Jeaugey 2025, "PAT: a new algorithm for
// all-gather and reduce-scatter operations at scale", arXiv:2506.20252; NCCL 2.23 and later). Each
// rank's part goes to all others down a binomial tree of its own. All trees move together: in a
// round every rank sends to the one `distance` behind it what it holds of the others. The farthest
// come first, so that few bytes go far. A scatter runs the rounds backwards, which takes as long.
// Inside a switched domain of many hosts such rounds stand for the nonuniform trees of HCCL, too,
// whose number of steps is as small and whose bytes are the same.

#include <algorithm>
#include <string>
#include <vector>

#include "workloads/program/algorithm.h"
#include "workloads/program/steps.h"

namespace gridlock {

namespace {

// What NCCL expects of it (src/graph/tuning.cc, 2.24 and later): a share of the bandwidth of rings,
// and a time for each rank, beside the rounds. Nobody published measurements.
constexpr double kTreesShare = 0.75;
constexpr Seconds kTreesPerRank(2.8e-6);

void SendFar(int nodes, int distance, const EdgeSink& sink) {
  for (int node = 0; node < nodes; ++node) {
    sink(node, (node + distance) % nodes);
  }
}

// Distances of the rounds, the farthest first.
std::vector<int> DistancesOf(int nodes) {
  std::vector<int> distances;
  for (int distance = 1; distance < nodes; distance *= 2) {
    distances.insert(distances.begin(), distance);
  }
  return distances;
}

// Parts that a rank sends in a round: those of ranks that are a multiple of twice the distance
// before it, as far as there are ranks behind it that lack them.
int PartsSent(int nodes, int distance) {
  return (nodes - 1 - distance) / (2 * distance) + 1;
}

// Nodes are ranks of one domain, or domains with a rank each.
bool InOneDomain(const GroupShape& group) {
  return group.domains == 1;
}

bool OneOfEachDomain(const GroupShape& group) {
  return group.domains > 1 && group.ranks == group.domains;
}

std::vector<PhaseShape> TreesShapes(const GroupShape& group) {
  std::vector<PhaseShape> rounds;
  for (const int distance : DistancesOf(group.ranks)) {
    PhaseShape& round = rounds.emplace_back();
    (InOneDomain(group) ? round.over_ranks : round.over_domains) = {SendFar, distance};
  }
  return rounds;
}

// Inside a domain by ports, at the efficiency of its rings.
std::vector<CollectiveCost> InsideCosts(const CollectiveCall& call) {
  std::vector<CollectiveCost> costs;
  const int ranks = call.group.ranks;
  const CollectiveFit& in = call.server.scale_up;
  const double share = (ranks - 1.0) / ranks;
  const CollectiveCost sent =
      CostInside(DomainLoad(call, EfficiencyOf(call.kind, in), call.payload * share));
  for (const int distance : DistancesOf(ranks)) {
    CollectiveCost& round = costs.emplace_back();
    round.domain_bytes = sent.domain_bytes * (PartsSent(ranks, distance) / (ranks - 1.0));
    round.latency = in.step_latency;
  }
  if (!costs.empty()) {
    costs.front().latency += in.base_latency + sent.latency;
  }
  return costs;
}

std::vector<CollectiveCost> TreesCosts(const CollectiveCall& call) {
  const GroupShape& group = call.group;
  if (InOneDomain(group)) {
    return InsideCosts(call);
  }
  const CollectiveFit& out = call.server.across();
  std::vector<CollectiveCost> costs;
  const Load part =
      NicLoad(call, EfficiencyOf(call.kind, out) * kTreesShare, call.payload / group.domains);
  for (const int distance : DistancesOf(group.domains)) {
    CollectiveCost& round = costs.emplace_back();
    round.nic_bytes = part.bytes() * PartsSent(group.domains, distance);
    round.latency = std::max(out.step_latency, out.bulk_step_latency);
  }
  if (!costs.empty()) {
    costs.front().latency += out.base_latency + group.tree_hops + kTreesPerRank * group.ranks;
  }
  return costs;
}

std::string TreesRefuse(const GroupShape& group, const ServerSpec& server) {
  if (server.direct) {
    return "its trees go over NICs, and the accelerators of this network are its routers";
  }
  return JoinsHosts(group, server) || OneOfEachDomain(group)
             ? ""
             : "it joins one rank of each scale-up domain, and a group has " +
                   std::to_string(group.ranks) + " in " + std::to_string(group.domains);
}

}  // namespace

CollectiveCost AggregatedTreesLoad(const CollectiveCall& call) {
  CollectiveCost all;
  for (const CollectiveCost& round : InsideCosts(call)) {
    all.domain_bytes += round.domain_bytes;
    all.latency += round.latency;
  }
  return all;
}

const Algorithm kAggregatedTrees{
    .name = "pat",
    .words = "aggregated trees: what all have goes to partners ever nearer, round after round",
    .carries =
        [](CollectiveKind kind) {
          return kind == CollectiveKind::kAllGather || kind == CollectiveKind::kReduceScatter;
        },
    .refuses = TreesRefuse,
    .chosen =
        [](const GroupShape& group, const ServerSpec& server) {
          return JoinsHosts(group, server) || (OneOfEachDomain(group) && !server.direct);
        },
    .shapes = TreesShapes,
    .costs = TreesCosts,
};

}  // namespace gridlock
