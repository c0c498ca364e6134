#pragma once

#include <string>
#include <vector>

#include "sim/oracle/situation.h"
#include "topologies/network.h"

namespace gridlock {

/// Jobs of a situation in a standard order, with sites numbered anew. Situations that differ only
/// in the names of servers, leaves, pods, sites or jobs become equal where that is cheap to see.
/// Example: a job on leaves 3 and 4 becomes equal to the same job on leaves 7 and 8.
struct CanonicalSituation {
  std::vector<PlacedIndex> order;
  std::vector<SiteSpec> sites;          ///< those that the jobs use, in the order of first use
  std::vector<WanSpec> wans;            ///< between them
  std::vector<TrainingSpec> trainings;  ///< of streams empty ones
  std::vector<CacheStream> streams;     ///< of training jobs empty ones
  std::vector<Placement> placements;
  /// Equal keys mean equal step times. A key holds all numbers that bear on the steps, and which
  /// ranks lie together in which groups of servers (leaves, pods). Where the servers of a group are
  /// not interchangeable (Locality), e.g. because routes are hashed by server, it holds these
  /// servers themselves.
  std::string key;
};

/// The canonical form of some jobs of a situation. `network` is that of the situation.
CanonicalSituation Canonical(const Situation& situation, const std::vector<PlacedIndex>& jobs,
                             const Network& network);

}  // namespace gridlock
