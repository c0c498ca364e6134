#pragma once

// Upper bounds of the traffic that a job can put on the links that jobs share. They tell links on
// which jobs can slow each other from links that are wide enough for all jobs.

#include <vector>

#include "sim/base/units.h"
#include "sim/plan/plan.h"
#include "topologies/network.h"

namespace gridlock {

struct LinkDemand {
  LinkIndex link;
  BytesPerSecond most;  ///< that the job can have under way on the link at any instant
};

/// The demand of a job on every link that several jobs may use (Tier::shared), that can bind, and
/// that a route of the job crosses, in the order of the links. It is an upper bound whatever other
/// jobs do:
///  * An agent has at most one collective of its tensor-parallel groups and one of its context
///    under way at a time, and a communicator one part inside the domains and one across them. Such
///    a transfer moves as one, at one rate r. A link of capacity C that stands w times in its route
///    bounds r by C / w. So the slowest link of its route bounds the transfer on every link.
///  * Messages may be under way in any number, but each leaves through one NIC and arrives through
///    one, and all messages through a NIC are together no faster than the NIC. So the messages that
///    cross a link are together no faster than the NICs of their senders, nor than those of their
///    receivers; the fewer NICs count. On a network without NICs the first and the last link of
///    each route, by number, take their place.
/// Throws as CheckPlacement.
std::vector<LinkDemand> DemandOf(const PlacedProgram& placed, const Network& network);

}  // namespace gridlock
