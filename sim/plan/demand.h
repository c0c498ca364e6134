#pragma once

// How much a job can put on the links that jobs share, whatever else runs: what tells links that
// couple jobs from links that are wide enough for all of them.

#include <vector>

#include "sim/base/units.h"
#include "sim/plan/plan.h"
#include "topologies/network.h"

namespace gridlock {

struct LinkDemand {
  LinkIndex link;
  BytesPerSecond most;  ///< that the job can have under way on the link at any instant
};

/// Of every link that several jobs may use (Tier::shared), that can bind, and that a route of the
/// job crosses, in the order of the links. An upper bound, beside any other jobs, because
///  * an agent has at most one collective of its tensor-parallel groups and one of its context
///  under
///    way at a time, and a communicator one part inside the domains and one across them. Such a
///    transfer moves as one, at rate r on a link where it stands once; a link of capacity C where
///    it stands w times bounds r by C / w, so the slowest link of its own route bounds it
///    everywhere;
///  * messages may be under way in any number, but each leaves through one NIC and arrives through
///    one, and all through a NIC are together no faster than it. So the NICs of the messages that
///    cross a link, senders or receivers, whichever are fewer, bound their sum. On a network
///    without NICs the first and the last link of each route by number take their place.
/// Throws as CheckPlacement.
std::vector<LinkDemand> DemandOf(const PlacedProgram& placed, const Network& network);

}  // namespace gridlock
