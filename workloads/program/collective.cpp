#include "workloads/program/collective.h"

#include <algorithm>
#include <cmath>

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
  }
  return "";
}

std::optional<CollectiveKind> CollectiveByName(const std::string& name) {
  for (int kind = 0; kind < kCollectiveKinds; ++kind) {
    if (name == CollectiveName(static_cast<CollectiveKind>(kind))) {
      return static_cast<CollectiveKind>(kind);
    }
  }
  return std::nullopt;
}

double TokenCopies::DomainsHit(int domains) const {
  const double reached =
      domains_most > 0 ? std::min(domains_most, domains) : static_cast<double>(domains);
  return reached * (1 - std::pow(1 - 1 / reached, copies));
}

double EfficiencyOf(CollectiveKind kind, const CollectiveFit& fit) {
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return fit.all_reduce_efficiency;
    case CollectiveKind::kAllGather:
      return fit.all_gather_efficiency;
    case CollectiveKind::kReduceScatter:
      return fit.reduce_scatter_efficiency;
    case CollectiveKind::kAllToAll:
      return fit.all_to_all_efficiency;
    case CollectiveKind::kSendReceive:
      return fit.send_efficiency;
  }
  return 1.0;
}

Sent FasterProtocol(Bytes wire, const LinkUse& link) {
  const Sent bulk{wire / link.efficiency, link.fit.bulk_latency + link.fill};
  if (link.fit.low_latency_efficiency <= 0) {
    return bulk;
  }
  const Sent quick{wire / link.fit.low_latency_efficiency, Seconds(0)};
  const bool shorter = quick.bytes / link.bandwidth <= bulk.bytes / link.bandwidth + bulk.later;
  return shorter ? quick : bulk;
}

double WithLocalCopy(double share, const CollectiveFit& fit) {
  return (share + fit.local_copy) / (1 + fit.local_copy);
}

}  // namespace gridlock
