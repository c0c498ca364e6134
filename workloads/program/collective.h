#pragma once

// Collectives: which operations there are, how a group of ranks lies on the machine, and the terms
// that the costs of all algorithms are made of. The algorithms themselves: algorithm.h.

#include <optional>
#include <string>

#include "sim/base/units.h"
#include "topologies/machine.h"

namespace gridlock {

enum class CollectiveKind { kAllReduce, kAllGather, kReduceScatter, kAllToAll, kSendReceive };

inline constexpr int kCollectiveKinds = 5;

/// "all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send_receive".
const char* CollectiveName(CollectiveKind kind);

/// The operation of that name, or nothing.
std::optional<CollectiveKind> CollectiveByName(const std::string& name);

/// How a group of ranks lies on the machine: `ranks` members in `domains` scale-up domains.
struct GroupShape {
  int ranks = 1;
  int domains = 1;
  int per_domain = 1;  ///< fewest members that one of the domains holds
  int sites = 1;
  Seconds wan_latency{};  ///< one way, of the longest fibre that a ring crosses; 0 within a site
};

/// How many domains the experts of a token lie in, for an all-to-all that carries tokens to
/// experts. With `copies` 0 every copy of a token is sent by itself.
struct TokenCopies {
  int copies = 0;        ///< experts of one token, when it goes to each of their domains only once
  int domains_most = 0;  ///< most domains that they lie in; 0: no limit

  /// Mean number of `domains` that hold experts of one token, picked evenly.
  [[nodiscard]] double DomainsHit(int domains) const;
};

/// One collective on one group: what the cost of an algorithm depends on.
struct CollectiveCall {
  CollectiveKind kind = CollectiveKind::kAllReduce;
  /// The full buffer of a rank: the result of an all-gather, the input of every other operation.
  Bytes payload;
  const GroupShape& group;
  const ServerSpec& server;
  TokenCopies tokens = {};  ///< of an all-to-all
};

/// What one phase of an algorithm moves, and the delays that no bandwidth removes.
struct CollectiveCost {
  /// Bytes along each edge of the phase's shape, protocol included. First the edges inside a
  /// domain; where the shape says `ports`, the bytes through each port and direction. Then the
  /// edges across NICs.
  Bytes domain_bytes, nic_bytes;
  Seconds latency;  ///< of all algorithm steps
};

/// Share of a link's bandwidth that long messages of a kind reach.
double EfficiencyOf(CollectiveKind kind, const CollectiveFit& fit);

/// What one call sends over one link, and the time that its protocol takes beyond that of short
/// messages.
struct Sent {
  Bytes bytes;  ///< protocol included
  Seconds later;
};

/// One kind of link as a protocol sees it.
struct LinkUse {
  const CollectiveFit& fit;
  BytesPerSecond bandwidth;
  double efficiency = 1;  ///< of long messages
  Seconds fill = {};      ///< that the protocol of long messages takes until its pipeline is full
};

/// Sends `wire` bytes, before protocol overheads, by the faster of two protocols. Short messages go
/// by a protocol of low latency and low bandwidth, where the fit knows one. Long messages go by the
/// protocol of the efficiencies, which takes `bulk_latency` and `fill` more (NCCL's LL and LL128
/// against Simple; Hu et al. 2025, arXiv:2507.04786). The faster protocol is the one that takes
/// less time alone on the link.
Sent FasterProtocol(Bytes wire, const LinkUse& link);

/// Work that grows with the buffer and not with the bytes on the wire is counted as bytes on the
/// wire: a share x of the buffer on the wire becomes (x + c) / (1 + c) with c = `local_copy`.
double WithLocalCopy(double share, const CollectiveFit& fit);

}  // namespace gridlock
