#pragma once

#include <string>
#include <vector>

#include "sim/oracle/situation.h"
#include "topologies/network.h"

namespace gridlock {

/// Jobs of a situation in an order, and with sites numbered, such that situations that differ by a
/// renaming of servers, leaves, pods, sites or jobs come out alike where that is cheap to see.
struct CanonicalSituation {
  std::vector<PlacedIndex> order;
  std::vector<SiteSpec> sites;  ///< those that the jobs use, in the order of first use
  std::vector<WanSpec> wans;    ///< between them
  std::vector<TrainingSpec> trainings;
  std::vector<Placement> placements;
  /// Equal keys: equal step times. All numbers that bear on the steps, and which ranks hang
  /// together in which groups of servers (leaves, pods); the servers themselves where those of a
  /// group are not interchangeable (Locality), e.g. because routes are hashed by them.
  std::string key;
};

/// Of some of a situation's jobs. `network` is that of the situation.
CanonicalSituation Canonical(const Situation& situation, const std::vector<PlacedIndex>& jobs,
                             const Network& network);

}  // namespace gridlock
