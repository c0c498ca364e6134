#include "sim/energy/site_power.h"

namespace gridlock {

Watts IdlePower(const ServerSpec& server) {
  return server.accelerator.power.idle * server.accelerators + server.overhead_power;
}

Watts HeldPower(const ServerSpec& server) {
  const PowerSpec& power = server.accelerator.power;
  return IdlePower(server) +
         (power.held() - power.idle) * (server.accelerators * (1 + server.overhead_per_watt));
}

Watts FullPower(const ServerSpec& server, Watts limit) {
  const Watts each = limit + (limit - server.accelerator.power.idle) * server.overhead_per_watt;
  return each * server.accelerators + server.overhead_power;
}

Watts FullPower(const ServerSpec& server) {
  return FullPower(server, server.accelerator.power.limit);
}

Watts NetworkPower(const Topology& topology) {
  return PowerOfSwitches(topology) + PowerOfOptics(topology);
}

}  // namespace gridlock
