#pragma once

// NICs of servers that hang on routers with all their NICs.

#include <cstdint>
#include <string>

#include "topologies/machine.h"

namespace gridlock {

/// The NICs of a server as a network counts them: several NICs of one accelerator are one of their
/// sum.
struct ServerNics {
  int per_server = 0;
  BytesPerSecond bandwidth;  ///< of one, per direction
};

ServerNics NicsOf(const ServerSpec& server);

/// Position of an accelerator's NIC within its server.
int NicWithinServer(const ServerSpec& server, int accelerator);

/// Ports of a switch that one such NIC takes: NICs of one accelerator count one by one, and a NIC
/// faster than a port takes several.
std::int64_t PortsOfNic(const ServerSpec& server, const SwitchSpec& router);

/// Throws UserError when a server has no NICs, its accelerators cannot share them, or the switch
/// has no port bandwidth. `router_path`: the field that names the switch.
void CheckNics(const ServerSpec& server, const SwitchSpec& router, const std::string& router_path);

}  // namespace gridlock
