#include "topologies/routers/nics.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sim/base/check.h"

namespace gridlock {

namespace {

// A whole number of ports stays one, whatever the rounding of the ratio. At most a number far
// beyond any radix, so that nothing overflows.
std::int64_t WholePorts(double x) {
  constexpr double kRounding = 1e-12;
  return static_cast<std::int64_t>(std::ceil(std::min(x, 1e6) * (1.0 - kRounding)));
}

int NicsPerAccelerator(const ServerSpec& server) {
  return std::max(1, server.nics / server.accelerators);
}

}  // namespace

ServerNics NicsOf(const ServerSpec& server) {
  return {std::min(server.nics, server.accelerators),
          server.nic_bandwidth * static_cast<double>(NicsPerAccelerator(server))};
}

int NicWithinServer(const ServerSpec& server, int accelerator) {
  const std::int64_t nics = std::min(server.nics, server.accelerators);
  return static_cast<int>(accelerator * nics / server.accelerators);
}

std::int64_t PortsOfNic(const ServerSpec& server, const SwitchSpec& router) {
  const BytesPerSecond built_for = std::max(server.nic_bandwidth, server.fabric_nic_bandwidth);
  return NicsPerAccelerator(server) * WholePorts(built_for / router.port_bandwidth);
}

void CheckNics(const ServerSpec& server, const SwitchSpec& router, const std::string& router_path) {
  if (!(router.port_bandwidth.si() > 0)) {
    throw UserError(router_path, fmt::format("switch {} has no port bandwidth", router.name));
  }
  if (server.nics < 1 || server.accelerators < 1 || !(server.nic_bandwidth.si() > 0)) {
    throw UserError(server.path + ".nics", "a server without NICs; expected at least 1");
  }
  if (server.accelerators > 1 && !(server.accelerator.scale_up_bandwidth.si() > 0)) {
    throw UserError(server.accelerator.path + ".scale_up_bandwidth",
                    "scale-up bandwidth must be positive where a server has several accelerators");
  }
  if (server.nics % server.accelerators != 0 && server.accelerators % server.nics != 0) {
    throw UserError(server.path + ".nics",
                    fmt::format("{} NICs cannot be shared evenly by {} accelerators; one number "
                                "must divide the other",
                                server.nics, server.accelerators));
  }
}

}  // namespace gridlock
