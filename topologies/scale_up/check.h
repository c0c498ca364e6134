#pragma once

#include "topologies/machine.h"

namespace gridlock {

/// The server itself. Throws UserError (paths under server.network.path) with all that does not fit
/// together in the description of its network.
const ServerSpec& CheckedNetwork(const ServerSpec& server);

}  // namespace gridlock
