// All-reduce by recursive halving and doubling: log2 rounds in which partners twice as far away as
// in the round before exchange halves of what they still add up, then the same rounds backwards
// (Rabenseifner 2004, "Optimization of collective reduction operations"; Thakur, Rabenseifner and
// Gropp 2005). The bytes of a ring in far fewer steps.
//
// Over several domains their members first add up inside, each a part of the buffer; the members
// with the same part then go through the rounds across NICs, and at last gather inside.

#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "workloads/program/algorithm.h"

namespace gridlock {

namespace {

// Each node and the one `distance` away from it exchange.
void Exchange(int nodes, int distance, const EdgeSink& sink) {
  for (int node = 0; node < nodes; ++node) {
    sink(node, node ^ distance);
  }
}

// Whether the rounds are those of ranks, inside one domain, or of domains.
bool Inside(const GroupShape& group) {
  return group.domains == 1;
}

int NodesOf(const GroupShape& group) {
  return Inside(group) ? group.ranks : group.domains;
}

std::vector<PhaseShape> HalvingShapes(const GroupShape& group) {
  std::vector<PhaseShape> rounds;
  for (int distance = 1; distance < NodesOf(group); distance *= 2) {
    PhaseShape& round = rounds.emplace_back();
    (Inside(group) ? round.over_ranks : round.over_domains) = {Exchange, distance};
  }
  std::vector<PhaseShape> shapes = rounds;
  shapes.insert(shapes.end(), rounds.rbegin(), rounds.rend());
  if (!Inside(group) && group.per_domain > 1) {
    PhaseShape within;
    within.ports = true;
    shapes.insert(shapes.begin(), within);
    shapes.push_back(within);
  }
  return shapes;
}

std::vector<CollectiveCost> HalvingCosts(const CollectiveCall& call) {
  const GroupShape& group = call.group;
  const ServerSpec& server = call.server;
  std::vector<CollectiveCost> costs;
  if (group.ranks <= 1) {
    return std::vector<CollectiveCost>(HalvingShapes(group).size());
  }
  const bool inside = Inside(group);
  const double nodes = NodesOf(group);
  const double parts = inside ? 1 : group.per_domain;
  const CollectiveFit& fit = inside ? server.scale_up : server.across();
  const Bytes wire = call.payload / parts * (2 * (nodes - 1) / nodes);
  const double steps = 2 * std::log2(nodes);
  const CollectiveCost sent = inside ? CostInside(DomainLoad(call, fit.all_reduce_efficiency, wire))
                                     : CostAcross(NicLoad(call, fit.all_reduce_efficiency, wire),
                                                  DomainLoad(call, 1, Bytes(0)), steps);
  const Bytes all = inside ? sent.domain_bytes : sent.nic_bytes;
  for (double exchanged = nodes / 2; exchanged >= 1; exchanged /= 2) {
    CollectiveCost& round = costs.emplace_back();
    const Bytes bytes = all / 2 * (exchanged / (nodes - 1));
    (inside ? round.domain_bytes : round.nic_bytes) = bytes;
    round.latency = fit.step_latency;
  }
  const std::vector<CollectiveCost> rounds = costs;
  costs.insert(costs.end(), rounds.rbegin(), rounds.rend());
  if (parts > 1) {
    const CollectiveFit& in = server.scale_up;
    CollectiveCost within;
    within.domain_bytes = call.payload * ((parts - 1) / parts / in.all_reduce_efficiency);
    within.latency = in.step_latency * (parts - 1);
    costs.insert(costs.begin(), within);
    costs.push_back(within);
  }
  costs.front().latency += fit.base_latency + sent.latency + group.tree_hops * 2;
  return costs;
}

std::string HalvingRefuses(const GroupShape& group, const ServerSpec& /*server*/) {
  const auto nodes = static_cast<unsigned>(NodesOf(group));
  if (!std::has_single_bit(nodes)) {
    return std::string("it halves, and a group has ") + std::to_string(nodes) +
           (Inside(group) ? " ranks" : " domains") + ", which is no power of two";
  }
  if (group.ranks != group.domains * group.per_domain) {
    return "the domains of a group hold unequal numbers of its ranks";
  }
  return "";
}

}  // namespace

const Algorithm kHalvingDoubling{
    .name = "halving_doubling",
    .words = "halves exchanged with partners ever farther away, one round after another",
    .carries =
        [](CollectiveKind kind) {
          return kind == CollectiveKind::kAllReduce;
        },
    .refuses = HalvingRefuses,
    .chosen = ChosenNever,
    .shapes = HalvingShapes,
    .costs = HalvingCosts,
};

}  // namespace gridlock
