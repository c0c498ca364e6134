#pragma once

// Collectives: which operations there are, how a group of ranks lies on the machine, and the terms
// that the costs of all algorithms are made of. The algorithms themselves: algorithm.h.

#include <optional>
#include <string>

#include "sim/base/units.h"
#include "topologies/machine.h"

namespace gridlock {

enum class CollectiveKind {
  kAllReduce,
  kAllGather,
  kReduceScatter,
  kAllToAll,
  kSendReceive,
  kBroadcast,
  kReduce,
  kExpertDispatch,  ///< tokens go to the ranks of their experts
  kExpertCombine,   ///< what the experts made of them comes back
};

inline constexpr int kCollectiveKinds = 9;

/// "all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send_receive", "broadcast",
/// "reduce", "expert_dispatch", "expert_combine".
const char* CollectiveName(CollectiveKind kind);

/// Whether tokens move between ranks and experts.
bool CarriesTokens(CollectiveKind kind);

/// The operation of that name, with or without underscores ("allreduce"), or nothing; "send_recv"
/// is known, too.
std::optional<CollectiveKind> CollectiveByName(const std::string& name);

/// How a group of ranks lies on the machine: `ranks` members in `domains` scale-up domains.
struct GroupShape {
  int ranks = 1;
  int domains = 1;
  int per_domain = 1;  ///< fewest members that one of the domains holds
  int sites = 1;
  int ring_steps = 0;     ///< of one round of a ring; 0: one less than ranks
  Seconds wan_latency{};  ///< one way, of the longest fibre that a ring crosses; 0 within a site
  /// Of the switches beyond the first one, which the fits of steps hold: between domains that
  /// follow each other (mean), up a tree of all domains, and between the two farthest.
  Seconds ring_hop{}, tree_hops{}, far_hop{};
};

/// How many domains the experts of a token lie in, for an all-to-all that carries tokens to
/// experts. With `copies` 0 every copy of a token is sent by itself.
struct TokenCopies {
  int copies = 0;        ///< experts of one token, when it goes to each of their domains only once
  int domains_most = 0;  ///< most domains that they lie in; 0: no limit

  /// Mean number of `domains` that hold experts of one token, picked evenly.
  [[nodiscard]] double DomainsHit(int domains) const;

  /// Mean number of ranks, `per_domain` in each of `domains`, that hold experts of one token.
  [[nodiscard]] double RanksHit(int domains, int per_domain) const;
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

/// What a port carries in an all-to-all with the part that its rank keeps, over what it carries
/// without, where it sends as much to each of `others` ranks of its domain; may be a fraction.
double WithOwnPart(const CollectiveFit& fit, double others);

/// What one call puts on one kind of link, before any protocol.
struct Load {
  const CollectiveFit& fit;
  BytesPerSecond bandwidth;
  double efficiency = 1;  ///< of long messages
  Bytes wire;
  double passed_on = 1;  ///< how often a chunk is passed on, over what the fit was measured on

  /// Bytes as the link sees them at the protocol of long messages.
  [[nodiscard]] Bytes bytes() const { return wire / efficiency; }

  /// What chunks lose: CollectiveFit::chunk_latency.
  [[nodiscard]] Seconds chunks() const;

  /// Alone on the link.
  [[nodiscard]] Seconds time() const { return bytes() / bandwidth + chunks(); }
};

/// The bytes and delays of a transfer inside domains, by the faster of two protocols: short
/// messages go without chunks at the low bandwidth that the fit knows for them.
CollectiveCost CostInside(const Load& domain);

/// The same of one across NICs, with one inside domains beside it, by the faster of two protocols.
/// Short messages go by a protocol of low latency and low bandwidth, where the fit of the NICs
/// knows one. Long messages go by the protocol of the efficiencies, whose `steps` across NICs take
/// longer (NCCL's LL against Simple; Hu et al. 2025, arXiv:2507.04786).
CollectiveCost CostAcross(const Load& nic, const Load& domain, double steps);

/// What a rank can send inside its domain in a ring of its members.
BytesPerSecond RingShareOf(const CollectiveCall& call);

/// What a rank can send to other domains when all members of its domain do the same: its share of
/// the NICs.
BytesPerSecond NicShareOf(const CollectiveCall& call);

/// What the port of a rank carries, and what its share of the NICs does.
Load DomainLoad(const CollectiveCall& call, double efficiency, Bytes wire);
Load NicLoad(const CollectiveCall& call, double efficiency, Bytes wire);

/// Time of a cost alone on the machine whose bytes are those of a port and of a NIC.
Seconds TimeAlone(const CollectiveCost& cost, const CollectiveCall& call);

}  // namespace gridlock
