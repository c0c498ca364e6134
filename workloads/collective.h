#pragma once

// What a collective costs on a group of accelerators: pure closed forms, used by every evaluator.

#include "sim/base/units.h"
#include "topologies/machine.h"

namespace gridlock {

enum class CollectiveKind { kAllReduce, kAllGather, kReduceScatter, kAllToAll };

/// "all_reduce", "all_gather", "reduce_scatter", "all_to_all".
const char* CollectiveName(CollectiveKind kind);

/// How a group of ranks lies on the machine: `ranks` members in `domains` scale-up domains.
struct GroupShape {
  int ranks = 1;
  int domains = 1;
  int per_domain = 1;  ///< fewest members that one of the domains holds
  int sites = 1;
  Seconds wan_latency{};  ///< one way, of the longest fibre that a ring crosses; 0 within a site
  /// Of an all-to-all: pairs of members that weight 1 in its routes stands for, inside domains and
  /// across NICs. 0: all pairs of one member, as in groups whose domains hold equally many.
  int domain_pairs = 0, nic_pairs = 0;
};

/// What an all-to-all that carries tokens to experts knows of them. `copies` 0: every copy goes its
/// own way.
struct TokenCopies {
  int copies = 0;        ///< experts of one token, when it goes to each of their domains only once
  int domains_most = 0;  ///< most domains that they lie in; 0: no limit

  /// Mean number of `domains` that hold experts of one token, picked evenly.
  [[nodiscard]] double DomainsHit(int domains) const;
};

/// What one rank moves, and the delays that no bandwidth removes.
struct CollectiveCost {
  Bytes domain_bytes;  ///< through each member's scale-up port, per direction, protocol included
  Bytes nic_bytes;     ///< through each NIC that a ring crosses, per direction, protocol included
  Seconds latency;     ///< of all algorithm steps
};

/// Cost of one collective of `payload` bytes (the full buffer of a rank).
///
/// Inside one domain: a ring, or the switch's own reduction where the fit was measured with it.
/// Over several domains: as many rings as the smallest share of members in a domain, each leaving
/// through another NIC, so that every NIC carries 1/per_domain of the ring's bytes. Ring bytes per
/// rank are 2 (n-1)/n S for all-reduce and (n-1)/n S for the others (Patarasuk and Yuan 2009);
/// efficiencies and latencies are those of the fits. All-reduce takes the faster of ring and double
/// binary tree steps (Sanders, Speck and Traeff 2009) for its latency.
/// A ring whose members lie site by site crosses a fibre once per site in a round; the chunk that
/// begins last in its site crosses one less when every domain is a site of its own. The tree goes
/// over as many fibres as a tree of the sites is deep.
///
/// Short messages go by a protocol of low latency and low bandwidth where the fit knows it, long
/// ones by that of the efficiencies, `bulk_latency` later: the one that is faster alone on its link
/// (NCCL's LL and LL128 against Simple; Hu et al. 2025, arXiv:2507.04786). What grows with the
/// buffer is counted as wire: (n-1)/n becomes ((n-1)/n + c)/(1 + c) with c = `local_copy`.
CollectiveCost CostOf(CollectiveKind kind, Bytes payload, const GroupShape& group,
                      const ServerSpec& server);

/// Cost of one all-to-all in which each rank holds `payload` bytes and keeps 1/n of them. All pairs
/// exchange at once: a rank sends (g-1)/n S through its port and (n-g)/n S through its NIC, with g
/// members in its domain, after one step of latency. When tokens go to each domain once, the NIC
/// carries one copy for each domain hit instead of one for each expert, and the domain forwards
/// (g-1)/g S (DeepSeek-V3, arXiv:2412.19437, section 3.2.2).
CollectiveCost AllToAllCost(Bytes payload, const GroupShape& group, const TokenCopies& tokens,
                            const ServerSpec& server);

}  // namespace gridlock
