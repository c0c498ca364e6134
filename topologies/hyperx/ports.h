#pragma once

// Ports of the routers of a HyperX, and what does not fit.

#include <cstdint>

#include "topologies/machine.h"

namespace gridlock {

/// Ports of a router that are taken. NICs of one accelerator count one by one; a NIC faster than a
/// port takes several.
struct HyperXPorts {
  std::int64_t nic = 0;   ///< of one NIC, or of all NICs of one accelerator
  std::int64_t down = 0;  ///< to the NICs of a full router
  std::int64_t mesh = 0;  ///< to other routers

  [[nodiscard]] std::int64_t needed() const { return down + mesh; }
};

HyperXPorts PortsOf(const SiteSpec& site);

/// Throws UserError with everything that does not fit together.
const SiteSpec& CheckedHyperX(const SiteSpec& site);

}  // namespace gridlock
