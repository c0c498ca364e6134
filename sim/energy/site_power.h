#pragma once

// What servers and networks draw, without PUE and whatever they do.

#include "sim/base/units.h"
#include "topologies/machine.h"
#include "topologies/topology.h"

namespace gridlock {

/// Of a server that nobody holds.
Watts IdlePower(const ServerSpec& server);

/// Of a server whose job waits: contexts are open and clocks are up, also while a run waits for its
/// checkpoint or for a link, and between the requests of a fleet.
Watts HeldPower(const ServerSpec& server);

/// With all accelerators at a limit, their own when none is given: hosts draw more with them.
Watts FullPower(const ServerSpec& server, Watts limit);
Watts FullPower(const ServerSpec& server);

/// Of switches and transceivers of a site.
Watts NetworkPower(const Topology& topology);

}  // namespace gridlock
