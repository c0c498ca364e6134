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

}  // namespace

ServerNics NicsOf(const ServerSpec& server) {
  return {server.nics_seen(), server.nic_bandwidth * server.nics_each()};
}

int NicWithinServer(const ServerSpec& server, int accelerator) {
  const std::int64_t nics = server.nics_seen();
  return static_cast<int>(accelerator * nics / server.accelerators);
}

std::int64_t PortsOfNic(const ServerSpec& server, const SwitchSpec& router) {
  const BytesPerSecond built_for = std::max(server.nic_bandwidth, server.fabric_nic_bandwidth);
  const std::int64_t each =
      (std::int64_t{server.nics} + server.accelerators - 1) / server.accelerators;
  return each * WholePorts(built_for / router.port_bandwidth);
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
}

}  // namespace gridlock
