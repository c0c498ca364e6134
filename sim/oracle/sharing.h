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
  /// The demand of one job of a situation. `network` is that of the situation. The reference holds
  /// as long as the book lives. Throws UserError as LayJob.
  const std::vector<LinkDemand>& Of(const Situation& situation, PlacedIndex job,
                                    const Network& network);

 private:
  std::map<std::string, std::size_t> machines_;
  std::map<std::string, std::vector<LinkDemand>> demands_;
};

/// Groups of jobs that can slow each other, directly or through others. Two jobs can when they
/// share a link that all its users together can fill. A link that is never full slows nobody, so
/// max-min fair rates are the same without it. Groups stand in the order of their first members.
std::vector<std::vector<PlacedIndex>> SharingGroups(const Situation& situation,
                                                    const Network& network, DemandBook& book);

}  // namespace gridlock
