// Tokens on their way to the ranks of their experts, and back. `payload` is what one rank holds:
// each of its tokens once. A token goes to some experts (TokenCopies::copies), which are picked
// evenly over all ranks, or over the ranks of at most `domains_most` domains (DeepSeek-V3,
// arXiv:2412.19437, section 3.2.2: node-limited routing).

#include <algorithm>
#include <string>
#include <vector>

#include "sim/base/check.h"
#include "workloads/program/algorithm.h"

namespace gridlock {

namespace {

std::vector<PhaseShape> ExpertShapes(const GroupShape& /*group*/) {
  PhaseShape shape;
  shape.over_ranks = {PairEdges};
  return {shape};
}

Seconds DelayOf(const CollectiveCall& call) {
  const CollectiveFit& fit = call.group.domains > 1 ? call.server.across() : call.server.scale_up;
  return fit.base_latency + fit.step_latency;
}

// Every copy of a token by itself, straight to the rank of its expert.
std::vector<CollectiveCost> Direct(const CollectiveCall& call) {
  const double n = call.group.ranks;
  if (n <= 1) {
    return {{}};
  }
  CHECK(call.tokens.copies > 0);
  const Bytes to_each = call.payload * (call.tokens.copies / n);
  CollectiveCost cost;
  const CollectiveFit& in = call.server.scale_up;
  const double own = WithOwnPart(in, call.group.per_domain - 1);
  cost.domain_bytes = to_each * (own / in.all_to_all_efficiency);
  cost.nic_bytes = to_each / call.server.across().all_to_all_efficiency;
  cost.latency = DelayOf(call) + call.server.across().expert_latency;
  return {cost};
}

// A token once to every domain that holds one of its experts. The member of that domain which it
// reaches passes it on to the ranks of the experts, each of them once. Passing on takes processors
// of the accelerator, which may be slower than its port.
std::vector<CollectiveCost> Forwarded(const CollectiveCall& call) {
  const GroupShape& group = call.group;
  if (group.ranks <= 1) {
    return {{}};
  }
  CHECK(call.tokens.copies > 0);
  const ServerSpec& server = call.server;
  const double g = static_cast<double>(group.ranks) / group.domains;
  const Bytes held = call.payload * call.tokens.RanksHit(group.domains, static_cast<int>(g));
  CollectiveCost cost;
  const CollectiveFit& in = server.scale_up;
  cost.domain_bytes = held / g * (WithOwnPart(in, g - 1) / in.all_to_all_efficiency);
  cost.latency = DelayOf(call);
  if (group.domains == 1) {
    cost.latency += DomainLoad(call, 1, held * ((g - 1) / g)).chunks();
    return {cost};
  }
  const CollectiveFit& out = server.across();
  const double sent = call.tokens.DomainsHit(group.domains) / group.ranks;
  cost.nic_bytes = call.payload * (sent / out.forwarded_efficiency);
  if (out.forward_bandwidth > BytesPerSecond(0) && g > 1) {
    const Seconds passing = held / out.forward_bandwidth;
    cost.domain_bytes =
        std::max(cost.domain_bytes, server.accelerator.scale_up_bandwidth * passing / (g - 1));
  }
  return {cost};
}

}  // namespace

const Algorithm kForwarded{
    .name = "forwarded",
    .words = "a token once to each server of its experts, and passed on there",
    .carries = CarriesTokens,
    .refuses = RunsAlways,
    .chosen = ChosenAlways,
    .shapes = ExpertShapes,
    .costs = Forwarded,
};

const Algorithm kExpertPairs{
    .name = "direct",
    .words = "every copy of a token straight to the rank of its expert",
    .carries = CarriesTokens,
    .refuses = RunsAlways,
    .chosen = ChosenAlways,
    .shapes = ExpertShapes,
    .costs = Direct,
};

}  // namespace gridlock
