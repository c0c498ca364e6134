#pragma once

// Where elastic runs could train: on which sites, with how many replicas. Looks only.

#include <cstdint>
#include <vector>

#include "sim/cluster/member.h"

namespace gridlock {

/// Where a run could train, and with how many replicas; 0: nowhere.
struct Room {
  int replicas = 0;
  std::vector<SiteIndex> sites = {};  ///< all of them together
  std::int32_t servers = 0;           ///< on each
};

/// The most replicas that an elastic run could train with now. None where it is not elastic, and
/// where too few servers are free.
/// @param holds  what the run itself holds counts as free
Room RoomFor(const ClusterView& view, const Member& member, bool holds);

/// Whether a run that trains with fewer replicas would gain by stopping and starting again with
/// those that it could have now.
bool GainsByGrowing(const ClusterView& view, const Member& member);

/// What a run that stops goes on from, when so many of its servers are lost at once. 0: it stopped
/// by itself; -1: all are gone, for something else.
TrainingRun::Recovery RecoveryOf(const ClusterView& view, const Member& member, std::int32_t lost);

}  // namespace gridlock
