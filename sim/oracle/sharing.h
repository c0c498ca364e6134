#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "sim/oracle/situation.h"
#include "sim/plan/demand.h"
#include "topologies/network.h"

namespace gridlock {

/// What jobs can put on shared links, worked out once for each place that they lie in.
class DemandBook {
 public:
  /// Of one job of a situation, whose network is given. Throws UserError as LayJob. Holds until the
  /// book is gone.
  const std::vector<LinkDemand>& Of(const Situation& situation, PlacedIndex job,
                                    const Network& network);

 private:
  std::map<std::string, std::size_t> machines_;
  std::map<std::string, std::vector<LinkDemand>> demands_;
};

/// Jobs of the situation that can slow each other, directly or through others: those that share a
/// link that all its users together can fill. What a link always has room for bounds nobody, so
/// max-min fair rates are the same without it. Groups in the order of their first members.
std::vector<std::vector<PlacedIndex>> SharingGroups(const Situation& situation,
                                                    const Network& network, DemandBook& book);

}  // namespace gridlock
