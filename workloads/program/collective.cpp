#include "workloads/program/collective.h"

#include <algorithm>
#include <cmath>

#include "sim/base/names.h"

namespace gridlock {

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
    case CollectiveKind::kSendReceive:
      return "send_receive";
    case CollectiveKind::kBroadcast:
      return "broadcast";
    case CollectiveKind::kReduce:
      return "reduce";
    case CollectiveKind::kExpertDispatch:
      return "expert_dispatch";
    case CollectiveKind::kExpertCombine:
      return "expert_combine";
  }
  return "";
}

bool CarriesTokens(CollectiveKind kind) {
  return kind == CollectiveKind::kExpertDispatch || kind == CollectiveKind::kExpertCombine;
}

std::optional<CollectiveKind> CollectiveByName(const std::string& name) {
  const std::string plain = PlainKey(name, NameKind::kOther);
  for (int kind = 0; kind < kCollectiveKinds; ++kind) {
    const auto each = static_cast<CollectiveKind>(kind);
    if (plain == PlainKey(CollectiveName(each), NameKind::kOther)) {
      return each;
    }
  }
  return plain == "sendrecv" ? std::optional(CollectiveKind::kSendReceive) : std::nullopt;
}

namespace {

/// Mean number of `places` that hold one of `copies` experts, each picked evenly and by itself.
double Hit(double places, int copies) {
  return places * (1 - std::pow(1 - 1 / places, copies));
}

}  // namespace

double TokenCopies::DomainsHit(int domains) const {
  return Hit(domains_most > 0 ? std::min(domains_most, domains) : domains, copies);
}

double TokenCopies::RanksHit(int domains, int per_domain) const {
  const int reached = domains_most > 0 ? std::min(domains_most, domains) : domains;
  return Hit(static_cast<double>(reached) * per_domain, copies);
}

double EfficiencyOf(CollectiveKind kind, const CollectiveFit& fit) {
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return fit.all_reduce_efficiency;
    case CollectiveKind::kAllGather:
    case CollectiveKind::kBroadcast:
      return fit.all_gather_efficiency;
    case CollectiveKind::kReduceScatter:
    case CollectiveKind::kReduce:
      return fit.reduce_scatter_efficiency;
    case CollectiveKind::kAllToAll:
    case CollectiveKind::kExpertDispatch:
    case CollectiveKind::kExpertCombine:
      return fit.all_to_all_efficiency;
    case CollectiveKind::kSendReceive:
      return fit.send_efficiency;
  }
  return 1.0;
}

double WithOwnPart(const CollectiveFit& fit, double others) {
  return others > 0 ? (others + fit.all_to_all_local_copy) / others : 1;
}

Seconds Load::chunks() const {
  return Seconds(2 * std::sqrt((fit.chunk_latency * (passed_on * (wire / bandwidth).si())).si()));
}

CollectiveCost CostInside(const Load& domain) {
  CollectiveCost cost;
  const double quick = domain.fit.low_latency_efficiency;
  if (quick > 0 && domain.wire / quick / domain.bandwidth < domain.time()) {
    cost.domain_bytes = domain.wire / quick;
    return cost;
  }
  cost.domain_bytes = domain.bytes();
  cost.latency = domain.chunks();
  return cost;
}

CollectiveCost CostAcross(const Load& nic, const Load& domain, double steps) {
  const Seconds step = std::max(Seconds(0), nic.fit.bulk_step_latency - nic.fit.step_latency);
  CollectiveCost bulk;
  bulk.nic_bytes = nic.bytes();
  bulk.domain_bytes = domain.bytes();
  bulk.latency = step * steps + std::max(nic.time(), domain.time()) -
                 std::max(bulk.nic_bytes / nic.bandwidth, bulk.domain_bytes / domain.bandwidth);
  if (nic.fit.low_latency_efficiency <= 0) {
    return bulk;
  }
  CollectiveCost quick;
  quick.nic_bytes = nic.wire / nic.fit.low_latency_efficiency;
  quick.domain_bytes = domain.bytes();
  const Seconds inside = domain.bytes() / domain.bandwidth;
  const Seconds quickly = std::max(quick.nic_bytes / nic.bandwidth, inside);
  const Seconds slowly = std::max(bulk.nic_bytes / nic.bandwidth, inside) + bulk.latency;
  return quickly <= slowly ? quick : bulk;
}

BytesPerSecond RingShareOf(const CollectiveCall& call) {
  return call.server.RingBandwidth(call.group.domains == 1 ? call.group.ranks
                                                           : call.group.per_domain);
}

Load DomainLoad(const CollectiveCall& call, double efficiency, Bytes wire) {
  const ServerSpec& server = call.server;
  return {server.scale_up, RingShareOf(call), efficiency, wire};
}

BytesPerSecond NicShareOf(const CollectiveCall& call) {
  const ServerSpec& server = call.server;
  if (server.direct) {
    return server.across_bandwidth();
  }
  const double members = call.group.per_domain;
  const double nics = std::max(1.0, members * server.nics / server.accelerators);
  return server.nic_bandwidth * (nics / members);
}

Load NicLoad(const CollectiveCall& call, double efficiency, Bytes wire) {
  return {call.server.across(), NicShareOf(call), efficiency, wire};
}

Seconds TimeAlone(const CollectiveCost& cost, const CollectiveCall& call) {
  return cost.latency +
         std::max(cost.domain_bytes / RingShareOf(call), cost.nic_bytes / NicShareOf(call));
}

}  // namespace gridlock
